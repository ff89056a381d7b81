"""`make bench-multiquery`: does it help search to have the chat model say what a customer's story asks for?

The model reads each story of the bank's tasks and writes a few questions under a grammar; they are searched beside
the story and its sentences, as rephrasings. Decoding is greedy: equal weights write equal questions.
"""

import json
from collections.abc import Mapping, Sequence
from uuid import uuid5

from benchmarks.remembered import RememberedModels
from benchmarks.report import Figure, Report
from benchmarks.retrieval import CALL, DATA, KEPT, Granted, chunks_in, measured_over_served, view_of
from secretariat.agents.context import few_shot
from secretariat.models.client import ChatModel
from secretariat.models.core import ChatRequest, JsonSchemaConstraint, SamplingParams
from secretariat.retrieval.core import Scope, SearchRequest
from secretariat.retrieval.evaluate import TENANT, EvaluationSet, read_rho_bank
from secretariat.retrieval.measures import difference, recall_at
from secretariat.retrieval.search.pipeline import Pipeline

_MOST_CHARACTERS = 3_500
_SYSTEM = "A customer tells a story. List what to look up in the company's handbook. Reply with JSON."
_SHOTS = (
    (
        "You are Anna Berg. Your kettle of three weeks ago leaks. You want your money back. You lost the receipt.",
        (
            "refund of a faulty kettle after three weeks",
            "return without a receipt",
        ),
    ),
    (
        "Tom Hale, a teacher, moved. He wants the newspaper at the new address, cheaper, and none in summer.",
        (
            "change the delivery address of a subscription",
            "discount subscription for teachers",
            "pause a subscription",
        ),
    ),
)
_SCHEMA = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "minItems": 3,
            "maxItems": 5,
            "items": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 ,'-]{8,70}$"},
        }
    },
    "required": ["questions"],
    "additionalProperties": False,
}


async def questions(story: str, chat: ChatModel) -> tuple[str, ...]:
    shots = tuple((told, json.dumps({"questions": asked})) for told, asked in _SHOTS)
    request = ChatRequest(
        few_shot(_SYSTEM, shots, story[:_MOST_CHARACTERS]),
        sampling=SamplingParams(max_tokens=200, top_logprobs=0),
        constraint=JsonSchemaConstraint(json.dumps(_SCHEMA)),
    )
    said = await chat.chat(request, CALL)
    try:
        return tuple(json.loads(said.text)["questions"])
    except json.JSONDecodeError:  # cut off at max_tokens
        return ()


async def recalls(
    collection: EvaluationSet, models: RememberedModels, asked: Sequence[Mapping[str, tuple[str, ...]]]
) -> list[list[float]]:
    """For each way to ask, which maps tasks to further questions, R@10 of every task."""
    view = view_of(await chunks_in(collection, models))
    names = {uuid5(TENANT, document.id): document.id for document in collection.documents}
    searching = Pipeline(view, Granted(names), models, CALL, models)
    found: list[list[float]] = []
    for way in asked:
        values = []
        for query in collection.queries:
            request = SearchRequest(query.text, limit=100, rephrasings=way.get(query.id, ()))
            result = await searching.search(Scope(TENANT), request)
            ranked = dict.fromkeys(names[passage.chunk.document_id] for passage in result.passages)
            values.append(recall_at(list(ranked), query.gains, 10))
        found.append(values)
    return found


async def run(chat: ChatModel, models: RememberedModels) -> int:
    report = Report("multiquery")
    try:
        collection = read_rho_bank(DATA / "rho_bank")
        written = {query.id: await questions(query.text, chat) for query in collection.queries}
        report.note("questions written", sum(map(len, written.values())))
        without, with_them = await recalls(collection, models, ({}, written))
        by = difference(with_them, without)
        report.note("R@10 without them", sum(without) / len(without))
        report.note("better, worse, p", [by.better, by.worse, by.p_value])
        reached = sum(with_them) / len(with_them)
        report.add(
            Figure(
                "Rho-Bank tasks: R@10 with questions of the model", reached, 0.40, "", reference="BM25 .25"
            )
        )
    finally:
        await models.aclose()
    return report.close()


def main() -> None:
    measured_over_served(lambda remote: run(remote, RememberedModels(remote, KEPT)))


if __name__ == "__main__":
    main()
