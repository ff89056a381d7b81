"""Where examples come from: the text of documents, judged answers, blind choices, uploads.

Of answers only those are taken that somebody judged, and whose documents the person who starts the job may
read now: what a model learns may come out of it again.
"""

import re
from collections.abc import Sequence
from uuid import UUID

import orjson

from secretariat.agents.conversation.core import QuestionResolved, TurnCompleted
from secretariat.platform.access.caller import Caller
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.conversations import journal
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import TurnFeedbackRow, TurnRow
from secretariat.platform.tables.documents import Document
from secretariat.platform.tasks.repository import hidden_documents
from secretariat.platform.training import repository
from secretariat.platform.training.examples import Draft, read_lines
from secretariat.platform.training.schemas import Recipe
from secretariat.platform.web.errors import NotFoundError

PIECE_CHARACTERS = 4_000  # some thousand tokens
MOST_JUDGED = 5_000
_PARAGRAPH = re.compile(r"\n\s*\n")
_MARK = re.compile(r"\s?\[\d+\]")


async def of_documents(
    session: TenantSession, contents: ContentStore, caller: Caller, document_ids: Sequence[UUID]
) -> list[Draft]:
    """Their text in pieces of whole paragraphs. Raises NotFoundError: one that isn't there or the caller's to
    read."""
    rows = await repository.readable_documents(session, caller.principals, document_ids)
    if len(rows) < len(set(document_ids)):
        raise NotFoundError("document")
    drafts = []
    for row in rows:
        if row.text_id is None:
            continue
        text = await contents.text(session, row.text_id)
        drafts += [_piece(row, piece) for piece in pieces(text)]
    return drafts


def _piece(row: Document, text: str) -> Draft:
    return Draft(
        kind="text",
        origin="document",
        record={"text": text},
        group=f"document/{row.id}",
        document_id=row.id,
        document_ids=(row.id,),
        person_ids=(row.created_by,) if row.created_by else (),
    )


def pieces(text: str, most: int = PIECE_CHARACTERS) -> list[str]:
    """Whole paragraphs together as far as they fit; one that is longer is cut."""
    found: list[str] = []
    for paragraph in _PARAGRAPH.split(text):
        for start in range(0, len(paragraph), most):
            part = paragraph[start : start + most].strip()
            if not part:
                continue
            if found and len(found[-1]) + len(part) + 2 <= most:
                found[-1] += "\n\n" + part
            else:
                found.append(part)
    return found


async def of_feedback(
    session: TenantSession, contents: ContentStore, caller: Caller, recipe: Recipe
) -> list[Draft]:
    """Of judged turns; to learn from pairs, a correction beside the answer that it corrects, and an answer
    that was liked beside another to the same text that wasn't."""
    judged = await repository.judged_turns(session, MOST_JUDGED)
    quoted = {document for turn, _ in judged for document in turn.document_ids}
    hidden = await hidden_documents(session, caller.principals, quoted)
    told = {}
    for turn, _ in judged:
        if turn.id not in told and not hidden & set(turn.document_ids):
            told[turn.id] = await _said(session, contents, turn)
    words = await contents.get_many(session, [each.words_id for _, each in judged if each.words_id])
    found = []
    for turn, feedback in judged:
        said = told.get(turn.id)
        if said is None:
            continue
        correction = orjson.loads(words[feedback.words_id])["correction"] if feedback.words_id else None
        found.append(_Judged(turn, feedback, *said, correction))
    return _pairs(found) if recipe == "dpo" else _answers(found)


class _Judged:
    """A turn's question and answer, with one judgement of it."""

    def __init__(
        self, turn: TurnRow, feedback: TurnFeedbackRow, question: str, answer: str, correction: str | None
    ) -> None:
        self.turn, self.feedback = turn, feedback
        self.question, self.answer, self.correction = question, answer, correction

    @property
    def text_id(self) -> UUID:
        """Answers to one text have it in common."""
        return self.turn.regenerates or self.turn.id

    @property
    def prompt(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.question}]

    def draft(self, chosen: str, rejected: str | None = None, other: "_Judged | None" = None) -> Draft:
        people = {self.turn.created_by, self.feedback.created_by}
        documents = set(self.turn.document_ids)
        if other is not None:
            people.add(other.feedback.created_by)
            documents |= set(other.turn.document_ids)
        told = {"role": "assistant", "content": chosen}
        return Draft(
            kind="chat" if rejected is None else "preference",
            origin="feedback",
            record={"messages": [*self.prompt, told]}
            if rejected is None
            else {"messages": self.prompt, "chosen": chosen, "rejected": rejected},
            group=f"turn/{self.text_id}",
            turn_id=self.turn.id,
            feedback_id=self.feedback.id,
            document_ids=tuple(sorted(documents)),
            person_ids=tuple(sorted(people)),
        )


def _answers(judged: Sequence[_Judged]) -> list[Draft]:
    drafts = []
    for one in judged:
        chosen = one.correction or (one.answer if one.feedback.thumb == "up" else None)
        if chosen:
            drafts.append(one.draft(chosen))
    return drafts


def _pairs(judged: Sequence[_Judged]) -> list[Draft]:
    drafts = [
        one.draft(one.correction, one.answer)
        for one in judged
        if one.correction and one.correction != one.answer
    ]
    for liked in judged:
        drafts += [
            liked.draft(liked.answer, other.answer, other)
            for other in judged
            if liked.text_id == other.text_id
            and (liked.feedback.thumb, other.feedback.thumb) == ("up", "down")
            and liked.turn.id != other.turn.id
            and liked.answer != other.answer
        ]
    return drafts


async def _said(session: TenantSession, contents: ContentStore, turn: TurnRow) -> tuple[str, str] | None:
    """The question as it stands alone, and the answer without its marks; None where either is lacking."""
    question = answer = ""
    for entry in await journal.read(session, contents, turn.id):
        match entry.event:
            case QuestionResolved(question=resolved):
                question = resolved
            case TurnCompleted(answer=given, abstained=False):
                answer = _MARK.sub("", given).strip()
            case _:
                pass
    return (question, answer) if question and answer else None


async def of_comparisons(session: TenantSession, contents: ContentStore, recipe: Recipe) -> list[Draft]:
    """What was chosen, beside what wasn't."""
    rows = await repository.chosen_comparisons(session)
    ids = [one for row in rows for one in (row.prompt_id, row.a_id, row.b_id) if one]
    words = await contents.get_many(session, ids)
    drafts = []
    for row in rows:
        if row.prompt_id is None or row.a_id is None or row.b_id is None:
            continue
        prompt = [{"role": "user", "content": words[row.prompt_id].decode()}]
        answers = [words[row.a_id].decode(), words[row.b_id].decode()]
        chosen, rejected = answers if row.choice == "a" else reversed(answers)
        told = {"role": "assistant", "content": chosen}
        pair = {"messages": prompt, "chosen": chosen, "rejected": rejected}
        drafts.append(
            Draft(
                kind="preference" if recipe == "dpo" else "chat",
                origin="comparison",
                record=pair if recipe == "dpo" else {"messages": [*prompt, told]},
                group=f"comparison/{row.id}",
                comparison_id=row.id,
                person_ids=(row.created_by,),
            )
        )
    return drafts


async def of_upload(session: TenantSession, contents: ContentStore, upload_id: UUID) -> list[Draft]:
    """Raises NotFoundError."""
    row = await repository.upload(session, upload_id)
    if row is None or row.content_id is None:
        raise NotFoundError("upload")
    kind, records = read_lines(await contents.get(session, row.content_id))
    return [
        Draft(
            kind=kind,
            origin="upload",
            record=record,
            group=f"upload/{row.id}/{number}",
            upload_id=row.id,
            person_ids=(row.created_by,),
        )
        for number, record in enumerate(records)
    ]
