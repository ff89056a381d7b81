"""Answering a turn: under a lease, events journalled before they are told or have an effect, then remembered."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from secretariat.agents.conversation.answer import answer
from secretariat.agents.conversation.core import (
    Turn,
    TurnContext,
    TurnEvent,
    TurnFailed,
    TurnStopped,
)
from secretariat.agents.core import ModelPrompted
from secretariat.agents.errors import AgentError
from secretariat.models.core import CallContext
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.access.repository import READ_DOCUMENTS, active_standing, user
from secretariat.platform.adapters.repository import of_assistant
from secretariat.platform.audit.event import Actor
from secretariat.platform.conversations import journal, memory, repository
from secretariat.platform.conversations.failures import sentence
from secretariat.platform.conversations.history import History, documents_before, history, unremembered
from secretariat.platform.conversations.reader import SearchTimer, chat_of, reader_of
from secretariat.platform.conversations.shelf import SqlShelf
from secretariat.platform.conversations.together import together
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.search import searcher
from secretariat.platform.indexes.texts import SqlDocumentTexts
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError, LeaseLostError
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.jobs.watch import watched
from secretariat.platform.tables.conversations import TurnRow
from secretariat.platform.tables.training import AdapterRow
from secretariat.platform.tasks.repository import hidden_documents
from secretariat.platform.tasks.terms import collections_within
from secretariat.retrieval.core import Scope

STOP_LOOK_SECONDS = 0.3
_UNKNOWN = Actor(type="agent")

Ending = TurnStopped | TurnFailed | None
Answer = Callable[[Turn, TurnContext], AsyncGenerator[TurnEvent, None]]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A turn ready to go on, with the events of earlier leases and the asker's standing of this moment."""

    turn: Turn
    history: History
    actor: Actor
    asker: UUID
    model: str
    adapter: AdapterRow | None
    events: Sequence[TurnEvent]
    before: frozenset[UUID]


async def run(run: JobRun, *, loop: Answer = answer) -> None:
    """Raises JobFailedError, JobCancelledError and LeaseLostError; anything else is tried again."""
    await _stop_if_asked(run)
    await _catch_up(run)
    loaded = await _load(run)
    if loaded is None:
        await _remember(run, run.subject_id)
        return
    context = await _context(run, loaded)
    try:
        async with aclosing(loop(loaded.turn, context)) as events:
            ending = await _follow(run, loaded, events)
    except AgentError as error:
        await _end(run, loaded.actor, TurnFailed(code=error.code, message=error.message))
        raise JobFailedError(error.code, sentence(error.code)) from error
    if ending is not None and await _end(run, loaded.actor, ending):
        if isinstance(ending, TurnFailed):
            raise JobFailedError(ending.code, ending.message)
        raise JobCancelledError
    await _remember(run, run.subject_id)


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: end the turn, so that nobody waits for it."""
    await _end(run, _UNKNOWN, _failure("quarantined"))


def _failure(code: str) -> TurnFailed:
    return TurnFailed(code=code, message=sentence(code))


async def _load(run: JobRun) -> _Loaded | None:
    """None when the turn has ended already. Raises JobCancelledError."""
    contents = run.services.contents
    async with run.session() as session:
        row = await repository.locked_turn(session, run.subject_id)
        if row is None or row.status in ("completed", "failed"):
            return None
        if row.status == "stopped":
            raise JobCancelledError
        refused = await _refusal(session, row.created_by)
        if refused is not None:
            await journal.write(session, contents, row, [refused], _UNKNOWN)
            return None
        asker = await user(session, row.created_by)
        now = await active_standing(session, asker.id)
        assert now is not None
        principals = now.principals(asker.id)
        before = await documents_before(session, contents, row)
        hidden = await hidden_documents(session, principals, before)
        if READ_DOCUMENTS not in now.permissions:
            hidden = frozenset(before)
        said = await history(session, contents, row, hidden)
        turn, model, adapter = await _turn(run, session, row, said)
        entries = await journal.read(session, contents, row.id)
        return _Loaded(
            turn=turn,
            history=said,
            actor=Actor(type="agent", id=asker.id, email=asker.email, roles=now.roles),
            asker=asker.id,
            model=model,
            adapter=adapter,
            events=[entry.event for entry in entries],
            before=frozenset(before - hidden),
        )


async def _refusal(session: TenantSession, asker: UUID) -> TurnFailed | None:
    """Why the asker's turns may not go on as of now."""
    now = await active_standing(session, asker)
    if now is None:
        return _failure("user_disabled")
    return None if "conversations.write" in now.permissions else _failure("asker_not_allowed")


async def _turn(
    run: JobRun, session: TenantSession, row: TurnRow, said: History
) -> tuple[Turn, str, AdapterRow | None]:
    """The turn, the name of the model that answers it, and what with."""
    conversation = await repository.of_turn(session, row)
    assistant_id = conversation.assistant_id
    assistant = await repository.assistant(session, assistant_id) if assistant_id else None
    turn = Turn(
        id=row.id,
        text=await run.services.contents.text(session, row.text_id),
        scope=Scope(run.tenant_id),
        instructions=assistant.instructions if assistant else "",
        collection_ids=collections_within(conversation.collection_ids, assistant),
        window=said.window,
        summary="\n".join(line.text for line in said.summary),
        given=said.given,
    )
    adapter = await of_assistant(session, assistant)
    return turn, assistant.model if assistant else "default", adapter


async def _context(run: JobRun, loaded: _Loaded) -> TurnContext:
    services = run.services
    authority = PersonAuthority(services.database, loaded.asker, services.permits)
    call = CallContext(tenant=str(run.tenant_id), request_id=f"turn-{loaded.turn.id}")
    return TurnContext(
        chat=chat_of(services, loaded.model, loaded.adapter),
        call=call,
        searcher=await searcher(services.indexes, run.tenant_id, authority, services.models, call),
        texts=SqlDocumentTexts(services.database, services.contents, authority),
        embedder=services.models,
        memory=memory.SqlConversationMemory(
            services.database, services.contents, run.tenant_id, loaded.history.lineage
        ),
        shelf=SqlShelf(services.database, loaded.asker),
        reader=await reader_of(services, loaded.model),
        long_context=services.settings.long_context_tokens,
        journal=tuple(loaded.events),
    )


async def _follow(run: JobRun, loaded: _Loaded, events: AsyncGenerator[TurnEvent, None]) -> Ending:
    """Until the turn ends, or until it must: how. That is noticed amid a model call, too."""
    return await watched(
        partial(_write_down, run, loaded, events), partial(_must_end, run, loaded), STOP_LOOK_SECONDS
    )


async def _write_down(run: JobRun, loaded: _Loaded, events: AsyncGenerator[TurnEvent, None]) -> Ending:
    """Journal events before they are told and before the model is asked, until the turn ends or must."""
    timer = SearchTimer(loaded.model)
    async with aclosing(together(events, _asks)) as lists:
        async for came in lists:
            if (ending := await _journal(run, loaded, came)) is not None:
                return ending
            for event in came:
                timer.saw(event)
    return None


def _asks(event: TurnEvent) -> bool:
    return isinstance(event, ModelPrompted)


async def _journal(run: JobRun, loaded: _Loaded, events: Sequence[TurnEvent]) -> Ending:
    """Write events under the fencing token; how the turn must end, if it was stopped and hasn't.

    Whether the asker may still go on is asked beside it, every STOP_LOOK_SECONDS.
    """
    async with run.session() as session:
        row = await repository.locked_turn(session, run.subject_id)
        if row is None or row.status in journal.TERMINAL_STATUSES:
            raise LeaseLostError(f"turn {run.subject_id} has ended elsewhere")
        await journal.write(session, run.services.contents, row, events, loaded.actor, loaded.before)
        if row.status in journal.TERMINAL_STATUSES:
            return None
        return TurnStopped() if row.stop_requested_at is not None else None


async def _end(run: JobRun, actor: Actor, event: TurnStopped | TurnFailed) -> bool:
    """Whether this ended the turn; False when it had ended before."""
    async with run.session() as session:
        row = await repository.locked_turn(session, run.subject_id)
        if row is None or row.status in journal.TERMINAL_STATUSES:
            return False
        await journal.write(session, run.services.contents, row, [event], actor)
        return True


async def _must_end(run: JobRun, loaded: _Loaded) -> Ending:
    """Stopped, through the turn or through its job; failed, because the asker may not go on."""
    database = run.services.database
    now = await repository.going(database, run.tenant_id, run.subject_id, run.job_id, loaded.asker)
    if now.stopped or now.cancelled:
        return TurnStopped()
    if not now.active:
        return _failure("user_disabled")
    return None if now.permitted else _failure("asker_not_allowed")


async def _stop_if_asked(run: JobRun) -> None:
    """Before anything that takes a model: it may be the model that is away. Raises JobCancelledError."""
    now = await repository.going(run.services.database, run.tenant_id, run.subject_id, run.job_id, None)
    if (now.stopped or now.cancelled) and await _end(run, _UNKNOWN, TurnStopped()):
        raise JobCancelledError


async def _catch_up(run: JobRun) -> None:
    """Remember the turns before first, should whoever answered them not have come to it yet."""
    async with run.session() as session:
        rows = await repository.turns_by_id(session, [run.subject_id])
        behind = await unremembered(session, rows[0]) if rows else []
    for turn_id in behind:
        await _remember(run, turn_id)


async def _remember(run: JobRun, turn_id: UUID) -> None:
    """Embed what was told and let the summary follow, once; a worker that dies here leaves it to the next."""
    contents = run.services.contents
    async with run.session() as session:
        rows = await repository.turns_by_id(session, [turn_id])
        if not rows or rows[0].remembered:
            return
        text = await contents.text(session, rows[0].text_id)
    call = CallContext(tenant=str(run.tenant_id), request_id=f"turn-{turn_id}")
    sentences = await memory.embedded(text, run.services.models, call)
    async with run.session() as session:
        row = await repository.locked_turn(session, turn_id)
        if row is None or row.remembered:
            return
        lines = (await history(session, contents, row, frozenset())).summary
        if lines:
            await memory.summarise(session, contents, row, lines)
        await memory.keep(session, row, sentences)
