"""summarise: a document in a few of its own sentences, each with its place."""

from collections.abc import AsyncIterator
from uuid import UUID

from pydantic import Field

from secretariat.agents.core import TaskEvent, ToolName
from secretariat.agents.documents.summary import MOST_SENTENCES, SummarySentence, as_json, summarise
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome
from secretariat.retrieval.errors import DocumentNotFoundError


class SummariseArguments(Arguments):
    """`rewrite`: have the model word each sentence anew; new wordings that can't be vouched for are flagged."""

    document_id: UUID
    sentences: int = Field(default=8, ge=1, le=MOST_SENTENCES)
    rewrite: bool = False


class SummariseTool:
    name: ToolName = "summarise"
    arguments: type[Arguments] = SummariseArguments
    has_effect = False

    async def act(self, invocation: Invocation[SummariseArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        wanted, said = invocation.arguments, list[SummarySentence]()
        made = summarise(
            invocation.run, invocation.step.id, wanted.document_id, wanted.sentences, rewrite=wanted.rewrite
        )
        try:
            async for event in made:
                if isinstance(event, SummarySentence):
                    said.append(event)
                else:
                    yield event
        except DocumentNotFoundError as error:
            raise ToolFailedError("There is no such document, or it may not be read.") from error
        flagged = sum(not sentence.supported for sentence in said)
        yield Outcome({"sentences": as_json(said)}, f"{len(said)} sentences, {flagged} flagged")
