"""`python -m secretariat.models.commands.kernels DIRECTORY`: builds every operation for every instruction set.

For images without a compiler: whichever processor they come to run on, its operations are there.
"""

import argparse
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from secretariat.models.kernels.library import Library, operations
from secretariat.models.kernels.processor import ISAS


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="secretariat.models.commands.kernels")
    parser.add_argument("directory", type=Path, help="kernels in the home of whoever runs them")
    parser.add_argument("--isa", action="append", choices=sorted(ISAS), help="only this one; may be repeated")
    options = parser.parse_args(arguments)
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        parser.error("there is no C++ compiler (c++ or g++)")
    for isa in ISAS.values():
        if isa.name in (options.isa or _here()):
            Library(isa, options.directory, compiler).build(operations())


def _here() -> list[str]:
    """Those that processors of this kind may have."""
    x86 = platform.machine() == "x86_64"
    return [isa.name for isa in ISAS.values() if x86 or not isa.needs]


if __name__ == "__main__":
    main(sys.argv[1:])
