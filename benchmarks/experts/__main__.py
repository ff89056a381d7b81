"""`make bench-experts`: the router, vectors beside LoRA, the mixture, two passes, five models in the room of two.

What isn't trained yet is named, and counts as not reached: a part without its files ends the run with 1.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.experts import adapted, mixed, routed, switched
from benchmarks.experts.tasks import missing
from benchmarks.report import Report, proven

_PARTS: dict[str, tuple[tuple[str, ...], Callable[[Report], None]]] = {
    "router": (routed.NEEDED, routed.over_requests),
    "vectors": (adapted.VECTORS, adapted.over_vectors),
    "moe": ((*mixed.NEEDED, str(mixed.folder())), mixed.over_mixture),
    "passes": (adapted.PASSES, adapted.over_passes),
    "five": ((), switched.over_shelf),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.experts")
    parser.add_argument("--only", nargs="*", choices=tuple(_PARTS), default=tuple(_PARTS))
    parser.add_argument(
        "--unproven", action="store_true", help="don't run the tests of what is measured first"
    )
    options = parser.parse_args()
    if not options.unproven:
        proven(
            "tests/models/experts",
            "tests/models/training/test_mixture.py",
            "tests/models/engine/test_late_adapters.py",
            "tests/models/engine/test_cold.py",
        )
    report, absent = Report("experts"), list[str]()
    for part in options.only:
        needed, measure = _PARTS[part]
        lacking = missing(*needed)
        if lacking:
            absent += lacking
            report.note(f"{part}: not measured, missing", lacking)
        else:
            measure(report)
    code = report.close()
    if absent:
        print(f"not measured for want of {len(set(absent))} files: train the experts first")
    return 1 if absent else code


if __name__ == "__main__":
    sys.exit(main())
