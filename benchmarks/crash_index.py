"""A hundred kills at random points of ingestion, snapshot, compaction and switch: see benchmarks/kills.py."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.kills import DifferenceError, prepare, trial
from benchmarks.report import Figure, Report
from secretariat.platform.db import bootstrap
from secretariat.platform.embedded.postgres import SUPERUSER, EmbeddedPostgres

RUNS = 100


async def _trials(report: Report, url: str, directory: Path, runs: int) -> None:
    place = await prepare(url, directory)
    equal = snapshots = compared = 0
    began = time.perf_counter()
    for run in range(runs):
        try:
            chunks, from_snapshot = await trial(place, run)
        except DifferenceError as difference:
            print(f"run {run}: {difference}", file=sys.stderr)
            continue
        equal, compared, snapshots = equal + 1, compared + chunks, snapshots + from_snapshot
        print(f"  run {run}: {chunks} chunks equal", end="\r", flush=True)
    report.note("runs with a snapshot to start from", snapshots)
    report.note("chunks compared", compared)
    report.note("seconds", round(time.perf_counter() - began, 1))
    report.add(Figure(f"kills after which the view equals the log's, of {runs}", equal, runs, "runs"))


def main(runs: int = RUNS) -> int:
    report = Report("crash-index")
    with tempfile.TemporaryDirectory(prefix="crash-index-") as name:
        root = Path(name)
        root.chmod(0o755)  # as root, the server runs as another user
        server = EmbeddedPostgres(root / "data")
        server.start()
        try:
            bootstrap.create_roles(server.url(SUPERUSER, "postgres"))
            bootstrap.migrate(server.url(bootstrap.OWNER, bootstrap.DATABASE))
            url = server.url(bootstrap.APP, bootstrap.DATABASE)
            asyncio.run(_trials(report, url, root / "indexes", runs))
        finally:
            server.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
