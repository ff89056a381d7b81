"""Files that break parsers, each read as an upload would be: what dies, hangs, grows or fails without a reason.

`make bench-hostile FILES=folder`; docs/documents.md says where some two thousand such files are to be had.
Which of them are well-formed and hold words, readers say that aren't ours (peers/judge.py).
"""

import asyncio
import binascii
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.peers.judge import Judge
from benchmarks.report import Figure, Report
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import parse
from secretariat.retrieval.parse.nursery import NURSERY

_UPLOADED = re.compile(
    r"\.(?:pdf|doc[xm]?|dotx|ppt[xm]?|potx|ppsx|xls[xmb]?|xltx|odt|vsd|pub|msg|eml|epub|zip|html?|json|csv|vtt|srt|md|txt"
    r"|png|jpe?g|tiff?|gif)",
    re.IGNORECASE,
)
_PDF_IN_TRUTH = frozenset([".fuzz", ".qdf"])  # tools for PDF keep some under names of their own
_LEAST_LETTERS = 3
_HANG_S = 30.0
_MOST_BYTES = 1024**3
_SIDE_BY_SIDE = 2


@dataclass
class _Seen:
    """`textless` names well-formed files that gave no text, `slow` what a person should look at too."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    well_formed: int = 0
    with_text: int = 0
    hangs: int = 0
    unnamed: int = 0
    slowest: float = 0.0
    largest: int = 0
    textless: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


def main(folder: str) -> int:
    report = Report("hostile")
    with TemporaryDirectory() as scratch, closing(Judge()) as judge:
        files = list(_files(Path(folder), Path(scratch)))
        if not files:
            sys.exit(f"no files to read below {folder}")
        seen, zygotes = asyncio.run(_all(files, judge))
    _tell(report, files, seen)
    report.add(Figure("processes that children are forked from that died", zygotes - 1, 0, "", least=False))
    report.add(Figure("files that took more than 30 s", seen.hangs, 0, "", least=False))
    report.add(
        Figure("largest resident memory of a child", seen.largest / _MOST_BYTES, 1.0, "GiB", least=False)
    )
    report.add(
        Figure("well-formed files that give text", seen.with_text / max(1, seen.well_formed), 0.98, "")
    )
    report.add(Figure("failures without a named reason", seen.unnamed, 0, "", least=False))
    return report.close()


def _tell(report: Report, files: list[Path], seen: _Seen) -> None:
    report.note("files", len(files))
    report.note("outcomes", dict(seen.outcomes.most_common()))
    report.note("by kind", {kind: dict(found) for kind, found in sorted(seen.by_kind.items())})
    report.note("well-formed files with words", seen.well_formed)
    report.note("well-formed files without text from us", sorted(seen.textless))
    report.note("slowest, seconds", round(seen.slowest, 1))
    report.note("files over 5 s", sorted(seen.slow))


def _files(folder: Path, scratch: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (_UPLOADED.fullmatch(path.suffix) or path.suffix in _PDF_IN_TRUTH):
            yield path
        elif path.is_file() and path.suffix == ".uu":  # libarchive keeps its archives as text
            content = _decoded(path)
            if content is not None:
                target = scratch / path.stem
                target.write_bytes(content)
                yield target


def _decoded(path: Path) -> bytes | None:
    lines = path.read_bytes().splitlines()
    began = next((index for index, line in enumerate(lines) if line.startswith(b"begin ")), None)
    if began is None:
        return None
    try:
        return b"".join(map(binascii.a2b_uu, takewhile(lambda line: line != b"end", lines[began + 1 :])))
    except binascii.Error:
        return None


async def _all(files: list[Path], judge: Judge) -> tuple[_Seen, int]:
    """What was seen, and how many zygotes it took."""
    seen, zygotes = _Seen(), set[int]()
    judged = {path: (judge.letters(path) or 0) >= _LEAST_LETTERS for path in files}
    waiting = iter(files)

    async def reader() -> None:
        for path in waiting:
            await _one(path, seen, well_formed=judged[path])
            if NURSERY.process_id is not None:
                zygotes.add(NURSERY.process_id)

    watch = asyncio.create_task(_watch(seen))
    await asyncio.gather(*(reader() for _ in range(_SIDE_BY_SIDE)))
    watch.cancel()
    return seen, len(zygotes)


async def _one(path: Path, seen: _Seen, *, well_formed: bool) -> None:
    began = time.monotonic()
    outcome = await _outcome(path, seen)
    took = time.monotonic() - began
    kind = path.suffix.lower().lstrip(".")
    seen.outcomes[outcome] += 1
    seen.by_kind.setdefault(kind, Counter())[outcome] += 1
    seen.slowest = max(seen.slowest, took)
    seen.hangs += took > _HANG_S
    if took > 5:
        seen.slow.append(f"{path.name}: {outcome} in {took:.1f} s")
    if well_formed:
        seen.well_formed += 1
        seen.with_text += outcome == "text"
        if outcome != "text":
            seen.textless.append(f"{path.name}: {outcome}")


async def _outcome(path: Path, seen: _Seen) -> str:
    try:
        name = f"{path.name}.pdf" if path.suffix in _PDF_IN_TRUTH else path.name
        document = await parse(path, name, None)
    except DocumentRejectedError as rejected:
        seen.unnamed += not rejected.message
        return rejected.code
    except Exception as error:  # noqa: BLE001 - what isn't a named rejection is what is looked for
        seen.unnamed += 1
        return f"unnamed: {type(error).__name__}"
    return "text" if document.text.strip() else "empty"


async def _watch(seen: _Seen) -> None:
    """The resident memory of whatever parses, twenty times a second."""
    while True:
        await asyncio.sleep(0.05)
        if NURSERY.process_id is None:
            continue
        try:
            children = psutil.Process(NURSERY.process_id).children()
            seen.largest = max([seen.largest, *(child.memory_info().rss for child in children)])
        except psutil.Error:
            continue


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.hostile FOLDER")
    sys.exit(main(sys.argv[1]))
