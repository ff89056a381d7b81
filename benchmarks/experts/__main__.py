"""`make bench-experts`: the router, vectors beside LoRA, the mixture, two passes, five models in the room of two.

First what it takes is laid out for the experts that are there. What isn't trained yet is named, and counts as not
reached: a part without its files ends the run with 1.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.experts import adapted, mixed, routed, switched
from benchmarks.experts.folder import found, lay_out
from benchmarks.experts.tasks import missing
from benchmarks.report import Report, proven

_PARTS: dict[str, tuple[Callable[[], tuple[str, ...]], Callable[[Report], None]]] = {
    "router": (routed.needed, routed.over_requests),
    "vectors": (adapted.vectors, adapted.over_vectors),
    "moe": (mixed.needed, mixed.over_mixture),
    "passes": (adapted.passes, adapted.over_passes),
    "five": (tuple, switched.over_shelf),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.experts")
    parser.add_argument("--only", nargs="*", choices=tuple(_PARTS), default=tuple(_PARTS))
    parser.add_argument(
        "--model", help="the model with the experts, by its name; the only one, if there is one"
    )
    parser.add_argument("--lay-out", action="store_true", help="only write what is measured with")
    parser.add_argument(
        "--unproven", action="store_true", help="don't run the tests of what is measured first"
    )
    options = parser.parse_args()
    name = options.model or found()
    if name is None:
        parser.error("none or several models have experts: name one with --model")
    absent = lay_out(name)
    if options.lay_out:
        print("\n".join(absent) or f"laid out for {name}")
        return 1 if absent else 0
    if not options.unproven:
        proven(
            "tests/models/experts",
            "tests/models/training/test_mixture.py",
            "tests/models/engine/test_late_adapters.py",
            "tests/models/engine/test_cold.py",
        )
    report = Report("experts")
    report.note("experts of", name)
    for part in options.only:
        needed, measure = _PARTS[part]
        lacking = missing(*needed())
        if lacking:
            absent += lacking
            report.note(f"{part}: not measured, missing", lacking)
        else:
            measure(report)
    code = report.close()
    if absent:
        print("not measured whole for want of", *sorted(set(absent)), sep="\n  ")
    return 1 if absent else code


if __name__ == "__main__":
    sys.exit(main())
