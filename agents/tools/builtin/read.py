"""read: the best document of an earlier search, around the place that was found, read again at more length."""

from collections.abc import AsyncIterator

from pydantic import Field

from secretariat.agents.core import RetrievedPassage, TaskEvent, ToolName
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.reading import found, read
from secretariat.agents.tools.builtin.search import fused
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome


class ReadArguments(Arguments):
    """`source`: the id of a search step. `around`: characters read before and after its best passage."""

    source: str = Field(min_length=1, max_length=16)
    question: str = Field(min_length=2, max_length=400)
    around: int = Field(default=1500, ge=0, le=6000)


class ReadTool:
    name: ToolName = "read"
    arguments: type[Arguments] = ReadArguments
    has_effect = False

    async def act(self, invocation: Invocation[ReadArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        run, step, arguments = invocation.run, invocation.step, invocation.arguments
        if arguments.source not in step.after:
            raise ToolFailedError(f"{step.id} reads from {arguments.source}, which it doesn't come after.")
        passages = fused(run.journal.retrievals(arguments.source))
        if not passages:
            yield Outcome({"finding": None}, "nothing was found to read")
            return
        document = await run.context.texts.text(run.task.scope, passages[0].document_id)
        widened = _widened(passages[0], document.text, arguments.around)
        async for event in read(run, step.id, arguments.question, [widened], invocation.findings()):
            yield event
        quoted = found(run, step.id)
        yield Outcome(
            {
                "start": widened.start,
                "end": widened.end,
                "finding": quoted and quoted.model_dump(mode="json"),
            },
            f"read {widened.document}, characters {widened.start} to {widened.end}",
        )


def _widened(passage: RetrievedPassage, text: str, around: int) -> RetrievedPassage:
    """Cut at line breaks, so that no sentence is cut in half."""
    before = text.rfind("\n", 0, max(0, passage.start - around))
    start = 0 if passage.start <= around else before + 1
    after = text.find("\n", min(len(text), passage.end + around))
    end = len(text) if after == -1 else after
    return passage.model_copy(update={"start": start, "end": end, "text": text[start:end]})
