"""A few of the kills that `make crash-index` makes a hundred of."""

from pathlib import Path

from benchmarks.kills import prepare, trial
from tests.support.postgres import Postgres


async def test_what_a_kill_leaves_behind_is_what_the_log_says(postgres: Postgres, tmp_path: Path) -> None:
    place = await prepare(postgres.app_url, tmp_path)
    compared = [await trial(place, run) for run in range(2)]
    assert any(chunks for chunks, _ in compared)
