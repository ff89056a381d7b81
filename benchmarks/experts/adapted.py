"""Vectors beside LoRA, rewards beside examples, two passes beside one."""

from dataclasses import replace

import numpy as np

from benchmarks.experts.answering import Answering
from benchmarks.experts.tasks import FOLDER, GROUNDED, UNSEEN, Task, mean, model, tasks, team, worth
from benchmarks.report import Figure, Report
from secretariat.models.adapters.files import VECTOR, WEIGHTS
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.experts.dispatch import meant


def vectors() -> tuple[str, ...]:
    return (GROUNDED, "lora", "svf", "svf-rl", f"{model()}.basis.safetensors")


def passes() -> tuple[str, ...]:
    return (UNSEEN,)


def over_vectors(report: Report) -> None:
    ours, asked = team(), tasks(GROUNDED)
    with Answering(ours.model, {name: FOLDER / name for name in ("lora", "svf", "svf-rl")}) as chat:
        scores = {name: mean(_worths(asked, chat, name)) for name in (None, "lora", "svf", "svf-rl")}
    report.note("grounded answers", {str(name): round(score, 4) for name, score in scores.items()})
    share = 100 * scores["svf"] / max(scores["lora"], 1e-9)
    report.add(Figure("SVF: share of LoRA's score on grounded answers", share, 98, "%"))
    sizes = [_numbers(name) for name in (f"svf/{VECTOR}", f"lora/{WEIGHTS}")]
    report.add(Figure("SVF: share of LoRA's parameters", 100 * sizes[0] / sizes[1], 3, "%", least=False))
    gained = 100 * (scores["svf-rl"] - scores["svf"])
    report.add(Figure("SVF by rewards: beyond its supervised start", gained, 0.01, "points"))


def over_passes(report: Report) -> None:
    """One pass: the base alone. Two: it chooses who answers. Each alone and from a cache without it."""
    ours, asked = team(), tasks(UNSEEN)
    folders = {name: folder for name, folder in ours.adapters.items() if folder is not None}
    with Answering(ours.model, folders) as chat:
        one = [task.request for task in asked]
        two = [replace(request, experts=ours.experts) for request in one]
        single, double = chat.asked(one), chat.asked(two)
        report.note(
            "two passes: chosen", {e.name: sum(r.expert == e.name for r in double) for e in ours.experts}
        )
        gains = [
            worth(task, second) - worth(task, first)
            for task, first, second in zip(asked, single, double, strict=True)
        ]
        report.add(Figure("two passes: beyond one on unseen tasks", 100 * mean(gains), 0.01, "points"))
        # As many tokens from both: what is compared is the time of a pass, not the length of an answer. The
        # form is free then, and asked about are still those who answer the form of the task.
        fixed = replace(one[0].sampling, max_tokens=24, ignore_eos=True)
        some = [replace(request, sampling=fixed, constraint=None, documents=()) for request in one[:40]]
        chosen = [
            replace(request, experts=tuple(replace(expert, forms=()) for expert in meant(asked_of)))
            for request, asked_of in zip(some, two, strict=False)
        ]
        first = chat.seconds(some)
        second = chat.seconds(chosen)
    slower = 100 * (float(np.median(second)) / float(np.median(first)) - 1)
    report.add(Figure("two passes: slower than one by", slower, 15, "%", least=False))


def _worths(asked: list[Task], chat: Answering, adapter: str | None) -> list[float]:
    return [worth(task, result) for task, result in zip(asked, chat.answers(asked, adapter), strict=True)]


def _numbers(name: str) -> int:
    return sum(
        int(np.prod(tensor.shape))
        for key, tensor in SafetensorsFile.open(FOLDER / name).tensors.items()
        if key != "basis"
    )
