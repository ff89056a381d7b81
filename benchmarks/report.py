"""A benchmark's figures: the table that is printed, the file that is committed, the exit status.

Knows nothing of what was measured.
"""

import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """`measured` is to be at least (`least`) or at most `reach`. `reference` says what it is measured against."""

    name: str
    measured: float
    reach: float
    unit: str = "x"
    least: bool = True
    reference: str = ""

    @property
    def reached(self) -> bool:
        return self.measured >= self.reach if self.least else self.measured <= self.reach


@dataclass
class Report:
    """`notes` are numbers beside the figures: absolute rates, sizes, samples."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(_line(figure), flush=True)

    def note(self, name: str, value: object) -> None:
        self.notes[name] = value
        print(f"  {name}: {value}", flush=True)

    def close(self) -> int:
        """Print the table, write the results, and return the exit status: 0 only if every figure was reached."""
        reached = sum(figure.reached for figure in self.figures)
        print(f"\n{_HEADER}\n" + "\n".join(map(_line, self.figures)))
        print(f"figures reached: {reached} of {len(self.figures)}")
        RESULTS.mkdir(exist_ok=True)
        record = {
            "benchmark": self.name,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "hardware": hardware(),
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
            "notes": self.notes,
        }
        (RESULTS / f"{self.name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return 0 if reached == len(self.figures) else 1


_HEADER = f"{'figure':<66} {'measured':>12} {'to reach':>12}  {'':6} reference"


def _line(figure: Figure) -> str:
    sign = ">=" if figure.least else "<="
    state = "yes" if figure.reached else "MISSED"
    measured, reach = (f"{value:,.4g} {figure.unit}" for value in (figure.measured, figure.reach))
    return f"{figure.name:<66} {measured:>12} {sign + ' ' + reach:>12}  {state:<6} {figure.reference}"


def hardware() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def commit() -> str:
    """The commit measured, with a mark where the tree had changes in code."""
    here = Path(__file__).parent
    head = _git(here, "rev-parse", "--short=12", "HEAD")
    changed = _git(here, "status", "--porcelain", "--", ":/models", ":/benchmarks", ":!/benchmarks/results")
    return f"{head}+changes" if changed else head


def _git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def proven(*paths: str) -> None:
    """Run the tests of what is to be measured; leave with their output if one fails."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *paths],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"not measured: the tests of what would be measured fail\n{done.stdout[-3000:]}")
