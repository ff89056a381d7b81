"""Who decides what is quoted: the ranking puts lines forward, the model says which of them, or none."""

import pytest

from secretariat.agents.core import ModelPrompted, RetrievalCompleted, TaskCompleted, TaskFailed
from secretariat.agents.reading import LINES, OTHERWISE
from secretariat.models.core import ChatRequest, VerbatimSpanConstraint
from tests.agents.world import Library, ScriptedChat, WordEmbedder, context, events_of, last, only, task

REQUEST = "When does the gate close?"
DOCUMENTS = {
    "gates.md": "The north gate can close at nine. The south gate can close at ten. "
    "The east gate can close at noon."
}


class SayingChat(ScriptedChat):
    """Says these words, in turn, whenever it is asked to copy."""

    def __init__(self, *sayings: str) -> None:
        super().__init__()
        self._sayings = list(sayings)

    def _reply(self, request: ChatRequest) -> str:
        if isinstance(request.constraint, VerbatimSpanConstraint):
            return self._sayings.pop(0)
        return super()._reply(request)


async def answered(*sayings: str, documents: dict[str, str] = DOCUMENTS, request: str = REQUEST) -> str:
    chat = SayingChat(*sayings)
    events = await events_of(task(request), await context(Library(documents), chat, embedder=WordEmbedder()))
    assert not chat._sayings
    return last(TaskCompleted, events).answer


@pytest.mark.parametrize(("words", "gate"), [("at nine", "north"), ("at ten", "south"), ("at noon", "east")])
async def test_among_lines_that_the_ranking_holds_alike_the_model_decides(words: str, gate: str) -> None:
    assert await answered(words, words) == f"The {gate} gate can close {words}. [1]"


async def test_what_the_model_says_twice_is_absent_is_not_answered() -> None:
    documents = {"walls.md": "Nobody may paint the gate. The lid of the well stands close to the wall."}
    assert await answered("Nobody", "Nobody", documents=documents) == "Nobody may paint the gate. [1]"
    assert await answered(OTHERWISE, OTHERWISE, documents=documents) == "Not in the sources."


async def test_a_model_that_contradicts_itself_leaves_the_choice_to_the_ranking() -> None:
    chat = SayingChat("nine", OTHERWISE, "at ten")
    events = await events_of(task(REQUEST), await context(Library(DOCUMENTS), chat, embedder=WordEmbedder()))
    assert last(TaskCompleted, events).answer == "The south gate can close at ten. [1]"
    assert [event.call for event in only(ModelPrompted, events)][2:] == [f"s1.answer.{n}" for n in (1, 2, 3)]
    alone = chat.requests[-1].constraint
    assert isinstance(alone, VerbatimSpanConstraint)
    assert alone == VerbatimSpanConstraint(("The south gate can close at ten.",))


async def test_where_the_ranking_is_certain_the_model_only_copies_the_words() -> None:
    documents = {**DOCUMENTS, "yard.md": "The yard is swept at dawn. The yard gate is painted."}
    request = "When does the north gate close?"
    said = await answered("at nine", documents=documents, request=request)
    assert said == "The north gate can close at nine. [1]"


async def test_the_lines_are_asked_about_in_both_orders() -> None:
    events = await events_of(task(REQUEST), await context(Library(DOCUMENTS), SayingChat("nine", "nine")))
    (shown,) = (event for event in only(RetrievalCompleted, events) if event.unit == "sentence")
    assert len(shown.passages) == LINES
    asked = [event.messages[-1]["content"] for event in only(ModelPrompted, events)[2:]]
    listed = [[line for line in text.splitlines() if line.startswith("- ")] for text in asked]
    assert listed[0] == listed[1][::-1] == [f"- {line.text}" for line in reversed(shown.passages)]


async def test_words_that_stand_in_no_line_end_the_task() -> None:
    chat = SayingChat("at midnight", "at midnight")
    events = await events_of(task(REQUEST), await context(Library(DOCUMENTS), chat, embedder=WordEmbedder()))
    assert last(TaskFailed, events).code == "tool_failed"
