"""Files that break parsers, each read as an upload would be: what dies, hangs, grows or fails without a reason.

`make bench-hostile FILES=folder`; docs/documents.md says where some two thousand such files are to be had. Whether
a file is well-formed is judged by its name: those that say they are broken aren't.
"""

import asyncio
import binascii
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.report import Figure, Report
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import parse
from secretariat.retrieval.parse.nursery import NURSERY

_READ = frozenset(
    [
        ".pdf",
        ".docx",
        ".docm",
        ".pptx",
        ".pptm",
        ".xlsx",
        ".xlsm",
        ".msg",
        ".eml",
        ".epub",
        ".zip",
        ".html",
        ".htm",
        ".json",
        ".csv",
        ".vtt",
        ".srt",
        ".md",
        ".txt",
        ".png",
        ".jpg",
        ".jpeg",
        ".tif",
        ".tiff",
        ".fuzz",
    ]
)
_BROKEN = re.compile(
    r"bad|error|issue|broken|damaged|fuzz|crash|corrupt|invalid|truncat|loop|bomb|malformed|password|protect|encrypt"
    r"|poc|clusterfuzz|empty|no-?text|blank|missing|unusual|minimal",
    re.IGNORECASE,
)
_EXPECTED = frozenset({"encrypted_document", "unsupported_media_type", "media_type_mismatch", "empty_file"})
_HANG_S = 30.0
_MOST_BYTES = 1024**3
_SIDE_BY_SIDE = 2


@dataclass
class _Seen:
    """`problems` names what a person should look at."""

    outcomes: Counter[str] = field(default_factory=Counter)
    well_formed: int = 0
    with_text: int = 0
    hangs: int = 0
    unnamed: int = 0
    slowest: float = 0.0
    largest: int = 0
    problems: list[str] = field(default_factory=list)


def main(folder: str) -> int:
    report = Report("hostile")
    with TemporaryDirectory() as scratch:
        files = list(_files(Path(folder), Path(scratch)))
        if not files:
            sys.exit(f"no files to read below {folder}")
        seen, zygotes = asyncio.run(_all(files))
    report.note("files", len(files))
    report.note("outcomes", dict(seen.outcomes.most_common()))
    report.note("slowest, seconds", round(seen.slowest, 1))
    report.note("well-formed files without text, first 60", seen.problems[:60])
    report.add(Figure("processes that children are forked from that died", zygotes - 1, 0, "", least=False))
    report.add(
        Figure("files that took more than 30 s (of processor and waiting)", seen.hangs, 0, "", least=False)
    )
    report.add(
        Figure("largest resident memory of a child", seen.largest / _MOST_BYTES, 1.0, "GiB", least=False)
    )
    report.add(
        Figure("well-formed files that give text", seen.with_text / max(1, seen.well_formed), 0.98, "")
    )
    report.add(Figure("failures without a named reason", seen.unnamed, 0, "", least=False))
    return report.close()


def _files(folder: Path, scratch: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in _READ:
            yield path
        elif path.is_file() and path.suffix == ".uu":  # libarchive keeps its archives as text
            content = _decoded(path)
            if content is not None:
                target = scratch / f"{path.stem}.zip"
                target.write_bytes(content)
                yield target


def _decoded(path: Path) -> bytes | None:
    """A uuencoded file's content, if it is named as a ZIP archive."""
    lines = path.read_bytes().splitlines()
    began = next((index for index, line in enumerate(lines) if line.startswith(b"begin ")), None)
    if ".zip" not in path.name or began is None:
        return None
    try:
        return b"".join(map(binascii.a2b_uu, takewhile(lambda line: line != b"end", lines[began + 1 :])))
    except binascii.Error:
        return None


async def _all(files: list[Path]) -> tuple[_Seen, int]:
    seen, waiting, zygotes = _Seen(), iter(files), set[int]()

    async def reader() -> None:
        for path in waiting:
            await _one(path, seen)
            if NURSERY.process_id is not None:
                zygotes.add(NURSERY.process_id)

    watch = asyncio.create_task(_watch(seen))
    await asyncio.gather(*(reader() for _ in range(_SIDE_BY_SIDE)))
    watch.cancel()
    return seen, len(zygotes)


async def _one(path: Path, seen: _Seen) -> None:
    began = time.monotonic()
    well_formed = not _BROKEN.search(str(path.name))
    try:
        document = await parse(path, path.name, None)
    except DocumentRejectedError as rejected:
        outcome = rejected.code
        if not rejected.message:
            seen.unnamed += 1
    except Exception as error:  # noqa: BLE001 - what isn't a named rejection is what is looked for
        outcome = f"unnamed: {type(error).__name__}"
        seen.unnamed += 1
    else:
        outcome = "text" if document.text.strip() else "empty"
    took = time.monotonic() - began
    seen.outcomes[outcome] += 1
    seen.slowest = max(seen.slowest, took)
    seen.hangs += took > _HANG_S
    if well_formed and outcome not in _EXPECTED:
        seen.well_formed += 1
        seen.with_text += outcome == "text"
    if took > _HANG_S or (outcome != "text" and well_formed and outcome not in _EXPECTED):
        seen.problems.append(f"{path.name}: {outcome} in {took:.1f} s")


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
