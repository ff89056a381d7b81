"""The whole way with the real models: small as they are, what they say is quoted and verified."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from secretariat.agents.core import AgentContext, PlanProposed, TaskCompleted
from secretariat.models.engine.local import LocalModels
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.search.pipeline import Pipeline
from tests.agents.corpus import DOCUMENTS
from tests.agents.world import CALL, TENANT, Library, context, events_of, last, task

MODELS = Path(__file__).parents[2] / ".secretariat" / "models"

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def models() -> Iterator[LocalModels]:
    if not (MODELS / "smollm2-135m-instruct").is_dir():
        pytest.skip("the weights haven't been pulled")
    loaded = LocalModels.load(MODELS, "smollm2-135m-instruct", "all-minilm-l6-v2")
    yield loaded
    loaded.close()


async def at_hand(library: Library, models: LocalModels) -> AgentContext:
    """With a search that looks twice, as in the product."""
    made = await context(library, models, embedder=models)
    view = IndexView(TENANT, library.log, None)
    return replace(made, searcher=Pipeline(view, library, models, CALL, models.embedder))


@pytest.mark.parametrize(
    ("request_", "facts"),
    [
        ("How long may I keep a borrowed telescope?", ["three weeks"]),
        (
            "Which tank are the seahorses kept in, and how often is that tank cleaned?",
            ["T2", "every nine days"],
        ),
    ],
)
async def test_a_question_is_planned_looked_up_and_answered_with_verified_quotes(
    models: LocalModels, request_: str, facts: list[str]
) -> None:
    library = Library(DOCUMENTS, models)
    events = await events_of(task(request_), await at_hand(library, models))
    completed = last(TaskCompleted, events)
    assert [fact for fact in facts if fact not in completed.answer] == []
    assert len(completed.citations) == len(facts)
    assert all(citation.verified for citation in completed.citations)
    (plan,) = (event for event in events if isinstance(event, PlanProposed))
    assert len(plan.steps) == len(facts) + 1


async def test_what_the_documents_do_not_say_is_not_answered(models: LocalModels) -> None:
    library = Library(DOCUMENTS, models)
    request = "At what hour does the aquarium shop close on Sundays?"
    events = await events_of(task(request), await at_hand(library, models))
    assert last(TaskCompleted, events).abstained


async def test_a_question_in_other_words_than_the_document_is_answered(models: LocalModels) -> None:
    """No passage says "heavy"; search is confident all the same."""
    dome = (
        "The dome of the observatory was built in 1931. The dome weighs forty tonnes. It opens at nightfall."
    )
    library = Library({**DOCUMENTS, "dome.md": f"# Dome\n\n{dome}"}, models)
    request = "How heavy is the dome?"
    events = await events_of(task(request), await at_hand(library, models))
    assert "forty tonnes" in last(TaskCompleted, events).answer
