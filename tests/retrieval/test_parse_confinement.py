"""The limits themselves, tried on a child that misbehaves: what it reaches, and what is believed of it."""

import ctypes
import json
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from secretariat.retrieval.core import ParsedDocument
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import DEFAULT_LIMITS, ParseLimits, nursery, parse
from secretariat.retrieval.parse.nursery import Nursery
from secretariat.retrieval.parse.runner import _warn_of_network

Misbehave = Callable[..., Awaitable[ParsedDocument]]


@pytest.fixture
def misbehave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Misbehave:
    """Runs `code` in place of a parser, confined as every child is; `early` before that."""
    target = tmp_path / "a.txt"
    target.write_text("text")

    async def attempt(
        code: str, limits: ParseLimits = DEFAULT_LIMITS, *, early: str = "pass"
    ) -> ParsedDocument:
        script = tmp_path / "zygote.py"
        script.write_text(
            "import sys, os, json, time\n"
            "from secretariat.retrieval.parse import child, zygote\n"
            "from secretariat.retrieval.parse.confine import confine\n"
            "zygote.prepare = lambda: None\n"
            "def main(kind, limits):\n"
            f"    exec({early!r}, globals())\n"
            "    confine(limits)\n"
            f"    exec({code!r}, globals())\n"
            "    sys.stdout.flush()\n"
            "    return 0\n"
            "child.main = main\n"
            "zygote.main(int(sys.argv[1]))\n"
        )
        nursery.NURSERY.close()
        monkeypatch.setattr(nursery, "NURSERY", Nursery((sys.executable, "-I", str(script))))
        try:
            return await parse(target, "a.txt", None, limits)
        finally:
            nursery.NURSERY.close()

    return attempt


async def test_endless_computation_is_ended_by_the_kernel(misbehave: Misbehave) -> None:
    began = time.monotonic()
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave("while True: pass", replace(DEFAULT_LIMITS, cpu_s=1))
    assert caught.value.code == "too_slow"
    assert time.monotonic() - began < 20


async def test_endless_waiting_is_ended_with_all_descendants(misbehave: Misbehave, tmp_path: Path) -> None:
    family = "os.fork() or os.setsid()"  # one of them leaves the group; confined, there would be one
    began = time.monotonic()
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave("time.sleep(60)", replace(DEFAULT_LIMITS, wall_s=1.0), early=family)
    assert caught.value.code == "too_slow"
    assert time.monotonic() - began < 20
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not any(str(tmp_path / "zygote.py") in command for command in commands)


async def test_memory_is_capped(misbehave: Misbehave) -> None:
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave("bytearray(2_000_000_000)")
    assert caught.value.code == "corrupt_document"


async def test_output_is_capped(misbehave: Misbehave) -> None:
    code = "while True: sys.stdout.write('x' * 65536)"
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave(code, replace(DEFAULT_LIMITS, characters=1000))
    assert caught.value.code == "too_large"


async def test_nothing_can_be_written(misbehave: Misbehave, tmp_path: Path) -> None:
    with pytest.raises(DocumentRejectedError):
        await misbehave(f"open({str(tmp_path / 'loot')!r}, 'w').write('x' * 100)")
    assert not (tmp_path / "loot").exists() or not (tmp_path / "loot").stat().st_size


async def test_a_crash_is_a_damaged_document(misbehave: Misbehave) -> None:
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave(f"os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    assert caught.value.code == "corrupt_document"


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "{}",
        '{"rejected": ["no_such_code", "x"]}',
        '{"title": "t", "text": "short", "sections": [["s", 1, 999]], "pages": []}',
        '{"title": "t", "text": "short", "sections": [], "pages": []}\nno lines',
        '{"title": "t", "text": "short", "sections": [], "pages": []}\n' + "x" * 28,
        '{"title": "t", "text": "short", "sections": [], "pages": [[1, 0, 5, "nan", 9]]}',
    ],
)
async def test_what_a_hijacked_child_says_is_not_believed(misbehave: Misbehave, answer: str) -> None:
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave(f"print({answer!r})")
    assert caught.value.code == "corrupt_document"


async def test_a_network_that_can_t_be_left_is_said_once(
    misbehave: Misbehave, caplog: pytest.LogCaptureFixture
) -> None:
    _warn_of_network.cache_clear()
    said = {"title": "t", "text": "swordfish", "sections": [], "pages": []}
    for offline in (True, False, False):
        await misbehave(f"print({json.dumps(said | {'offline': offline})!r})")
    (warning,) = [one.getMessage() for one in caplog.records if one.name.endswith("parse.runner")]
    assert "network" in warning
    assert "swordfish" not in warning


def test_the_network_is_gone() -> None:
    """Where the kernel permits a network of one's own; a container may not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import ctypes, socket, json\n"
            "from secretariat.retrieval.parse.confine import leave_network\n"
            "left = leave_network(ctypes.CDLL(None, use_errno=True))\n"
            "try:\n"
            f"    socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=2)\n"
            "    reached = True\n"
            "except OSError:\n"
            "    reached = False\n"
            "print(json.dumps([left, reached]))"
        )
        result = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    left, reached = json.loads(result.stdout)
    if not left:
        pytest.skip("the kernel or the container permits no network namespace")
    assert not reached


_ATTEMPTS = {
    "a connection": "socket.create_connection(('127.0.0.1', {port}), timeout=2)",
    "a local socket": "socket.socket(socket.AF_UNIX)",
    "another process": "os.fork()",
    "a program": "os.execv('/bin/true', ['true'])",
    "a signal": "os.kill({parent}, 0)",
    "a look into another process": "open('/proc/{parent}/environ', 'rb').read()",
    "a tracer": "ctypes.CDLL(None).ptrace(16, {parent}, 0, 0) and 1 / 0",
    "a file": "open({secret!r}).read()",
    "a folder": "os.listdir({folder!r})",
    "a file gone": "os.unlink({secret!r})",
    "a file emptied": "open({secret!r}, 'r+').truncate()",
    "a new file": "open({secret!r} + '.new', 'w')",
    "other limits": "resource.prlimit({parent}, resource.RLIMIT_CORE, (0, 0))",
}
_OF_THE_FILTER = ["a connection", "a local socket", "another process", "a program", "a signal", "a tracer",
                  "other limits"]  # fmt: skip


def _landlocked() -> bool:
    return bool(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1)) >= 1)


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64"}, reason="no filter of system calls is known for it"
)
async def test_a_hijacked_parser_reaches_nobody(misbehave: Misbehave, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("swordfish")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["/bin/sleep", "60"]) as neighbour,  # noqa: ASYNC220 - nothing is read from it
    ):
        known = {
            "port": server.getsockname()[1], "parent": neighbour.pid, "secret": str(secret),
            "folder": str(tmp_path),
        }  # fmt: skip
        code = "import ctypes, resource, socket\nmanaged = []\n" + "".join(
            f"try:\n    {attempt.format(**known)}\n    managed.append({name!r})\nexcept Exception:\n    pass\n"
            for name, attempt in _ATTEMPTS.items()
        )
        said = "json.dumps({'title': 't', 'text': 'managed: ' + ', '.join(managed), 'sections': [], 'pages': []})"
        document = await misbehave(f"{code}print({said})", early="import ctypes, resource, socket")
        neighbour.kill()
    managed = set(filter(None, document.text.removeprefix("managed: ").split(", ")))
    assert not managed if _landlocked() else not managed.intersection(_OF_THE_FILTER)
    assert secret.read_text() == "swordfish"


async def test_a_parser_still_reads_its_own_files(misbehave: Misbehave) -> None:
    """Libraries load alphabets, models and fonts when a document needs them."""
    code = "import encodings.cp1252, zoneinfo\nos.listdir('/usr/share')\nprint(json.dumps({'title': 't', "
    said = "'text': json.__file__ and open(json.__file__).read(20), 'sections': [], 'pages': []}))"
    assert (await misbehave(code + said)).text


async def test_what_a_hijacked_child_says_of_itself_is_cut(misbehave: Misbehave) -> None:
    said = {"rejected": ["no_text", "Call\x1b[2J\n\n" + "now " * 1000]}
    with pytest.raises(DocumentRejectedError) as caught:
        await misbehave(f"print({json.dumps(said)!r})")
    assert len(caught.value.message) <= 500
    assert caught.value.message.isprintable()
    told = {"title": "t" * 9000, "text": "x", "sections": [["s " * 9000, 1, 0]], "pages": []}
    document = await misbehave(f"print({json.dumps(told)!r})")
    assert len(document.title) == 300
    assert len(document.sections[0].title) <= 300
