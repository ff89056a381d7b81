"""The compiled operations for every instruction set of this machine, and steps to run them in."""

import numpy as np
import pytest

from secretariat.models.kernels.library import Library, Program, Step, library
from secretariat.models.kernels.processor import available


@pytest.fixture(params=[isa.name for isa in available()])
def compiled(request) -> Library:
    """One library for each instruction set that this processor has."""
    made = library(request.param)
    if made is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled operations")
    return made


@pytest.fixture(params=[1, 2])
def program(compiled, request) -> Program:
    """An empty program for one and for two threads."""
    return Program(compiled, request.param)


class Rows:
    """A step of so many tokens that belong to nobody: for operations that work row by row."""

    def __init__(self, tokens: int, wanted: tuple[int, ...] = ()) -> None:
        self._rows = np.array(wanted, dtype=np.int32)
        self.step = Step(tokens=tokens, wanted=len(wanted), exact=1, rows=self._rows.ctypes.data)
