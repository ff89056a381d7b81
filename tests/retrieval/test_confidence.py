"""A search says how likely its best passage answers: high where it does, low where nothing does."""

import random
from collections.abc import Sequence

import pytest

from secretariat.models.client import Embedder
from secretariat.retrieval.core import Chunk, SearchRequest
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.measures import calibration_error, separation
from secretariat.retrieval.search.confidence import FOUND_FROM, GLANCED_AT, LOOKED_AT, Signs
from secretariat.retrieval.search.pipeline import Pipeline
from tests.retrieval.chunks import SCOPE, TENANT, Grants, chunks, document_id
from tests.retrieval.embedders import CALL, MINILM, EncoderHere, HashingEmbedder

RULES = [
    ("Travel", "Hotels may cost up to 180 euros per night. More needs the consent of the team lead."),
    ("Leave", "Every employee has 30 days of annual leave. Five days may be carried into the next year."),
    ("Security", "Lost badges are reported to the gate within one hour, extension 4911."),
    ("Security", "A laptop is never left in a car, not even in the boot."),
    ("Canteen", "The canteen serves lunch from half past eleven until two."),
]
ANSWERED = (
    "How many days of annual leave does an employee have?",
    "What may a hotel cost per night?",
    "When does the canteen serve lunch?",
)
UNANSWERED = (
    "What is the boiling point of tungsten?",
    "Who won the football match in Lisbon?",
    "How is a violin tuned?",
)


async def _pipeline(contents: Sequence[Chunk], grants: Grants, embedder: Embedder | None = None) -> Pipeline:
    log = MemoryChunkLog()
    log.append(contents)
    return Pipeline(IndexView(TENANT, log), grants, embedder or HashingEmbedder(), CALL)


@pytest.mark.weights
@pytest.mark.skipif(not (MINILM / "model.safetensors").is_file(), reason="needs all-minilm-l6-v2")
async def test_what_is_answered_is_found_and_what_is_not_is_not() -> None:
    embedder = EncoderHere()
    everything = await chunks(embedder, RULES)
    pipeline = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}), embedder)
    for questions, found in ((ANSWERED, True), (UNANSWERED, False)):
        for question in questions:
            result = await pipeline.search(SCOPE, SearchRequest(question))
            assert result.confidence is not None
            assert (result.confidence >= FOUND_FROM) is found, (question, result.confidence)


async def test_confidence_depends_on_what_may_be_read_alone() -> None:
    choose = random.Random(3)
    everything = await chunks(HashingEmbedder(), [*RULES, ("Secret", "The director owns a yacht in Lisbon.")])
    readable = {document_id(name) for name, _ in RULES}
    whole = await _pipeline(everything, Grants(readable))
    alone = await _pipeline([one for one in everything if one.document_id in readable], Grants(readable))
    for question in choose.sample([*ANSWERED, *UNANSWERED, "the director's yacht in Lisbon"], 7):
        one, other = [await each.search(SCOPE, SearchRequest(question)) for each in (whole, alone)]
        assert one.confidence is not None
        assert 0 < one.confidence < 1
        assert one.confidence == other.confidence


async def test_nothing_to_read_gives_no_confidence() -> None:
    everything = await chunks(HashingEmbedder(), RULES)
    pipeline = await _pipeline(everything, Grants(()))
    assert (await pipeline.search(SCOPE, SearchRequest(ANSWERED[0]))).confidence == 0


async def test_other_wordings_do_not_make_the_question_surer() -> None:
    everything = await chunks(HashingEmbedder(), RULES)
    pipeline = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
    alone = await pipeline.search(SCOPE, SearchRequest("vacation", limit=1))
    helped = await pipeline.search(SCOPE, SearchRequest("vacation", rephrasings=("days of annual leave",)))
    assert "annual leave" in helped.passages[0].chunk.text
    assert alone.confidence is not None
    assert helped.confidence is not None
    assert max(alone.confidence, helped.confidence) < FOUND_FROM


async def test_of_a_story_nothing_is_claimed() -> None:
    everything = await chunks(HashingEmbedder(), RULES)
    pipeline = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
    story = " ".join(
        f"Last week my neighbour number {number} lost a badge at the gate." for number in range(40)
    )
    result = await pipeline.search(SCOPE, SearchRequest(story))
    assert result.passages
    assert result.confidence is None


@pytest.mark.parametrize("calibration", [LOOKED_AT, GLANCED_AT])
def test_more_of_each_sign_is_more_sure(calibration) -> None:
    least = calibration(Signs(0.1, 0.0, 0.2))
    assert 0 < least < 0.1
    assert calibration(Signs(0.5, 0.0, 0.2)) >= least
    assert calibration(Signs(0.1, 0.9, 0.2)) > least
    assert calibration(Signs(0.9, 1.0, 0.9)) > 0.7


def test_how_far_probabilities_are_off() -> None:
    assert calibration_error([0.25] * 4, [True, False, False, False]) == pytest.approx(0)
    assert calibration_error([0.9] * 4, [True, False, False, False]) == pytest.approx(0.65)
    assert calibration_error([1.0, 0.0], [True, False]) == 0
    assert separation([0.9, 0.8, 0.2], [True, False, False]) == 1
    assert separation([0.5, 0.5], [True, False]) == 0.5
    assert separation([0.1, 0.9], [True, False]) == 0
    assert separation([0.1, 0.9], [True, True]) == 0.5
