"""One factor for each leading singular value of each matrix, and one for the rest (arXiv:2501.06252).

With answers given it learns them as `sft` does; with "rewards" among its own settings it learns from what its own
answers are worth, as `grpo` does, with each answer's others as baseline. `learn.start`: the folder of a vector to
go on from. The result is a few thousand numbers that the engine runs for each row of a batch.
"""

from dataclasses import replace
from pathlib import Path

from secretariat.models.training.job import Job, invalid
from secretariat.models.training.recipes import grpo, sft


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    if job.learn.kind != "svf":
        raise invalid("learn.kind", "is svf in this recipe: sft and grpo train other kinds")
    if "rewards" not in job.own:
        return sft.main(job, folder)
    return grpo.main(replace(job, own={"advantage": "leave_one_out", **job.own}), folder)
