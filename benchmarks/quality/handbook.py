"""The twenty tasks over the example handbook, by a model alone: passages found by words, one prompt a clause.

No product in between (`secretariat eval tasks` judges that): so any model and adapter can be compared.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.answering import Answerer
from benchmarks.quality.grounded import said_nothing, said_words
from benchmarks.quality.ranking import Ranking
from secretariat.agents.planner import parts
from secretariat.models.core import GroundingDocument
from secretariat.models.training.data.forms import Asked, grounded
from secretariat.platform.evaluation.judge import ExpectedTask, Judgement, Score, judge, read_tasks, score
from secretariat.retrieval.parse import parse

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOWN, _WORDS = 4, 110


def asked_of_handbook(answerer: Answerer, size: int) -> Score:
    every = read_tasks(EXAMPLES / "tasks.yaml").tasks
    tasks = every[:: max(1, len(every) // size)][:size]
    passages = asyncio.run(_passages())
    ranking = Ranking([text for _, text in passages])
    clauses = [(task, clause) for task in tasks for clause in parts(task.request)]
    prompts = [_asked(task, clause, passages, ranking) for task, clause in clauses]
    results = answerer.answers(prompts)
    said: dict[str, list[str]] = {task.id: [] for task in tasks}
    cited: dict[str, list[str]] = {task.id: [] for task in tasks}
    for (task, _), prompt, result in zip(clauses, prompts, results, strict=True):
        if not said_nothing(result):
            titles = {document.id: document.title for document in prompt.documents}
            said[task.id].append(_around(said_words(result), prompt))
            cited[task.id] += [titles[name] for each in result.citations for name in each.document_ids]
    return score([_judged(task, said[task.id], cited[task.id]) for task in tasks])


def _judged(task: ExpectedTask, said: Sequence[str], cited: Sequence[str]) -> Judgement:
    return judge(task, " ".join(said), abstained=not said, cited=cited, seconds=0.0)


def _around(words: str, prompt: Asked) -> str:
    """The sentence that the words were copied from: the product shows it."""
    for document in prompt.documents:
        for sentence in document.text.split("\n"):
            if words and words in sentence:
                return sentence
    return words


def _asked(task: ExpectedTask, clause: str, passages: Sequence[tuple[str, str]], ranking: Ranking) -> Asked:
    best = ranking.best(f"{clause} {clause} {task.request}")[:SHOWN]
    documents = [
        GroundingDocument(str(n), passages[place][1], passages[place][0]) for n, place in enumerate(best, 1)
    ]
    return grounded(clause, documents)


async def _passages() -> list[tuple[str, str]]:
    """(file, some hundred words of it), whole paragraphs."""
    found = []
    for file in sorted((EXAMPLES / "handbook").rglob("*.*")):
        text = (await parse(file, file.name, None)).text
        held: list[str] = []
        for paragraph in [*(each for each in text.split("\n") if each.strip()), ""]:
            if held and (not paragraph or sum(len(one.split()) for one in (*held, paragraph)) > _WORDS):
                found.append((file.relative_to(EXAMPLES / "handbook").as_posix(), "\n".join(held)))
                held = held[-1:]  # a passage begins with the paragraph before it
            held.append(paragraph)
    return found
