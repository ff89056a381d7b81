"""Is a file well-formed, and does it hold words? Told by readers that aren't ours, in an environment of their own.

PDF by pypdf in its strict mode; Office files by zipfile and expat, every part of them; mails by olefile and the
standard library; texts by decoding them. A file on which a reader fails, or takes longer than 30 s, isn't called
well-formed; nor is one for which there is no reader. `python -m benchmarks.peers.judge` makes the environment; the
same file is what runs inside it, where nothing of ours can be imported.
"""

import email
import email.policy
import io
import json
import os
import re
import select
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

_NAME = "judge"
_READERS = ("pypdf", "olefile", "cryptography")
_PATIENCE_S = 30.0
_PAGES = 30
_MEMBER_BYTES = 100_000_000
_OFFICE = {
    "docx": (r"word/document\d*\.xml", {"t"}),
    "pptx": (r"ppt/slides/slide\d+\.xml", {"t"}),
    "xlsx": (r"xl/(?:sharedStrings|worksheets/sheet\d+)\.xml", {"t", "v"}),
}


class Judge:
    """A process of the readers; a new one after each that died or took too long."""

    def __init__(self) -> None:
        from benchmarks.peers.environment import python

        self._python = python(_NAME)
        self._process = self._start()

    def letters(self, path: Path) -> int | None:
        """How many letters and digits the readers find; None: not well-formed, or no reader for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{path}\n".encode())
            self._process.stdin.flush()
            if select.select([self._process.stdout], [], [], _PATIENCE_S)[0]:
                found: int | None = json.loads(self._process.stdout.readline())
                return found
        except (OSError, ValueError):
            pass
        self.close()
        self._process = self._start()
        return None

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [str(self._python), "-I", __file__, "serve"]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _install() -> None:
    from benchmarks.peers.environment import install

    install(_NAME, _READERS)


def _count(text: str) -> int:
    return sum(map(str.isalnum, text))


def _pdf(content: bytes) -> int:
    from pypdf import PdfReader  # type: ignore[import-not-found]

    reader = PdfReader(io.BytesIO(content), strict=True)
    if reader.is_encrypted:
        raise ValueError("wants a password, or at least a key")
    return sum(_count(page.extract_text()) for page in list(reader.pages)[:_PAGES])


def _office(content: bytes, kind: str) -> int:
    bodies, tags = _OFFICE[kind]
    found = 0
    for name, part in _members(content):
        if name.endswith((".xml", ".rels")):
            root = ET.fromstring(part)  # noqa: S314 - in a process of its own, with a clock
            if re.fullmatch(bodies, name):
                words = (one.text or "" for one in root.iter() if one.tag.rpartition("}")[2] in tags)
                found += sum(map(_count, words))
    return found


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if sum(entry.file_size for entry in package.infolist()) > _MEMBER_BYTES:
            raise ValueError("too large to be judged")
        return [(entry.filename, package.read(entry)) for entry in package.infolist()]


def _archive(content: bytes) -> int:
    return sum(_letters(Path(name), part) or 0 for name, part in _members(content))


def _mail(content: bytes) -> int:
    body = email.message_from_bytes(content, policy=email.policy.default).get_body(("plain", "html"))
    return _count(body.get_content()) if body is not None else 0


def _outlook(content: bytes) -> int:
    import olefile  # type: ignore[import-untyped]

    with olefile.OleFileIO(content, raise_defects=olefile.DEFECT_INCORRECT) as compound:
        texts = [
            compound.openstream(name).read().decode("utf-16-le" if name[-1].endswith("F") else "latin-1")
            for name in compound.listdir()
            if len(name) == 1 and re.fullmatch(r"__substg1\.0_(?:0037|1000)001[EF]", name[0])
        ]
    return sum(map(_count, texts))


def _page(content: bytes) -> int:
    words: list[str] = []

    class Words(HTMLParser):
        hidden = False

        def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - HTMLParser's signature
            self.hidden = self.hidden or tag in {"script", "style", "head"}

        def handle_endtag(self, tag: str) -> None:
            self.hidden = self.hidden and tag not in {"script", "style", "head"}

        def handle_data(self, data: str) -> None:
            if not self.hidden:
                words.append(data)

    Words().feed(content.decode())
    return _count("".join(words))


def _values(found: Any) -> int:
    inner = found.values() if isinstance(found, dict) else found
    return sum(map(_values, inner)) if isinstance(found, (dict, list)) else _count(str(found))


_READ_BY: dict[str, Callable[[bytes], int]] = {
    ".pdf": _pdf,
    ".zip": _archive,
    ".eml": _mail,
    ".msg": _outlook,
    ".html": _page,
    ".htm": _page,
    ".json": lambda content: _values(json.loads(content)),
    **dict.fromkeys((".txt", ".md", ".csv", ".vtt", ".srt"), lambda content: _count(content.decode())),
    **dict.fromkeys((".docx", ".docm", ".dotx"), lambda content: _office(content, "docx")),
    **dict.fromkeys((".pptx", ".pptm", ".potx", ".ppsx"), lambda content: _office(content, "pptx")),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), lambda content: _office(content, "xlsx")),
}


def _letters(path: Path, content: bytes) -> int | None:
    read = _READ_BY.get(path.suffix.lower())
    return None if read is None else read(content)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the readers print is no answer
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        found: Any = None
        try:
            found = _letters(path, path.read_bytes())
        except Exception:  # noqa: BLE001 - whatever it is: the reader says that the file is broken
            found = None
        answers.write(json.dumps(found) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve() if sys.argv[1:] == ["serve"] else _install()
