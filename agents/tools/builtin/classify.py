"""classify: which of the given labels fits each text, with probabilities."""

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field

from secretariat.agents.core import TaskEvent, ToolName
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome

Text = Annotated[str, Field(min_length=1, max_length=8_000)]
Label = Annotated[str, Field(min_length=1, max_length=100)]


class ClassifyArguments(Arguments):
    texts: tuple[Text, ...] = Field(min_length=1, max_length=64)
    labels: tuple[Label, ...] = Field(min_length=2, max_length=32)


class ClassifyTool:
    name: ToolName = "classify"
    arguments: type[Arguments] = ClassifyArguments
    has_effect = False

    async def act(self, invocation: Invocation[ClassifyArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        wanted, context = invocation.arguments, invocation.run.context
        if context.classifier is None:
            raise ToolFailedError("No model that classifies is at hand.")
        done = await context.classifier.classify(wanted.texts, wanted.labels, context.call)
        results = [
            [{"label": score.label, "probability": score.probability} for score in scores]
            for scores in done.scores
        ]
        yield Outcome({"results": results, "model": done.model.name}, f"{len(results)} texts labelled")
