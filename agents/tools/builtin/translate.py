"""translate: a text in another language, sentence by sentence."""

from collections.abc import AsyncIterator

from pydantic import Field

from secretariat.agents.core import TaskEvent, ToolName
from secretariat.agents.documents.translation import (
    MOST_SENTENCES,
    TranslatedSentence,
    count,
    laid_out,
    translate,
)
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome

MOST_CHARACTERS = 40_000


class TranslateArguments(Arguments):
    """`language` in English: German, Spanish, …"""

    text: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    language: str = Field(pattern=r"^[A-Z][A-Za-z ()-]{1,39}$")


class TranslateTool:
    name: ToolName = "translate"
    arguments: type[Arguments] = TranslateArguments
    has_effect = False

    async def act(self, invocation: Invocation[TranslateArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        wanted, said = invocation.arguments, list[TranslatedSentence]()
        if count(wanted.text) > MOST_SENTENCES:
            raise ToolFailedError(f"At most {MOST_SENTENCES} sentences are translated at once.")
        async for event in translate(invocation.run, invocation.step.id, wanted.text, wanted.language):
            if isinstance(event, TranslatedSentence):
                said.append(event)
            else:
                yield event
        text = laid_out(wanted.text, said)
        flagged = sum(not sentence.checked for sentence in said)
        yield Outcome(
            {"text": text, "sentences": [sentence.model_dump(mode="json") for sentence in said]},
            f"{len(said)} sentences, {flagged} flagged",
        )
