"""How operations come to be there: what is said when they can't be built; what is built needs no compiler."""

import logging
import shutil

import pytest

from secretariat.models.kernels import library as module
from secretariat.models.kernels.library import BuildError, Library, library, operations
from secretariat.models.kernels.processor import ISAS, Isa

PORTABLE = ISAS["portable"]


@pytest.fixture
def compiler() -> str:
    found = shutil.which("c++") or shutil.which("g++")
    if found is None:
        pytest.skip("no C++ compiler: install g++ to test that it fails")
    return found


def test_what_a_compiler_says_is_one_line_with_a_way_out(tmp_path, compiler, caplog):
    unknown = Isa("nonsense", ("-march=nonsense",), frozenset())
    with caplog.at_level(logging.ERROR), pytest.raises(BuildError) as caught:
        Library(unknown, tmp_path, compiler).open("core")
    message = caught.value.message
    assert "can't compile core for nonsense" in message
    assert "nonsense" in message.partition(": ")[2]
    assert "--backend torch" in message
    assert "\n" not in message
    assert "nonsense" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gone", ["compiler", "folder"])
def test_what_keeps_a_compiler_from_running_is_said(tmp_path, compiler, gone):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "kernels" if gone == "folder" else tmp_path / "kernels"
    chosen = str(tmp_path / "no-such-compiler") if gone == "compiler" else compiler
    with pytest.raises(
        BuildError, match=f"core can't be built for portable.*{'file' if gone == 'folder' else 'no-such'}"
    ):
        Library(PORTABLE, folder, chosen).build(["core"])


def test_an_operation_that_does_not_load_is_said(tmp_path, compiler):
    made = Library(PORTABLE, tmp_path, compiler)
    made.build(["core"])
    (built,) = tmp_path.iterdir()
    built.write_bytes(b"no shared object")
    with pytest.raises(BuildError, match="the compiled core can't be loaded"):
        made.open("core")


def test_without_a_compiler_and_with_nothing_built_there_is_no_library(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRETARIAT_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library.__wrapped__() is None
    with pytest.raises(BuildError, match="core isn't built for portable, and there is no C\\+\\+ compiler"):
        Library(PORTABLE, tmp_path, None).open("core")


def test_what_was_built_runs_without_a_compiler(monkeypatch, compiler):
    made = library()
    if made is None:
        pytest.skip("compiled operations are turned off")
    made.build(operations())  # shared with all other tests of operations
    monkeypatch.setenv("PATH", "")
    alone = library.__wrapped__()
    assert alone is not None
    assert alone.isa == made.isa
    assert all(alone.address(operation) for operation in ("norm", "linear"))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("a.cpp: In function f:\na.cpp:3:1: error: no\n  3 | x\n", "a.cpp:3:1: error: no"),
        ("collect2: ld returned 1 exit status\n\n", "collect2: ld returned 1 exit status"),
        ("", "it doesn't say why"),
    ],
)
def test_the_line_that_says_what_is_wrong_is_found(said, line):
    assert module._reason(said) == line
