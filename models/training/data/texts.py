"""Long documents of plain text out of the manuals in Debian's documentation packages.

Owns which packages are for training and which only for testing, the order in which a manual is read, and what
of a page is text. Knows nothing of networks; a tokenizer comes as a function.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from posixpath import normpath

from lxml import html
from lxml.etree import LxmlError

from secretariat.models.errors import ModelError
from secretariat.models.training.data.packages import read_package

TRAINING = ("python3.11-doc", "debian-handbook")
TESTING = ("postgresql-doc-15", "debian-policy")
HELD_OUT = 20  # one document in so many is kept from training
_LANGUAGE = re.compile(r"(?:^|/)([a-z]{2}-[A-Z]{2})/")
_SKIPPED = {
    "script", "style", "head", "nav", "img", "svg", "form", "button", "noscript", "iframe",
}  # fmt: skip
_SKIPPED_CLASSES = {
    "headerlink", "navheader", "navfooter", "docnav", "toc", "related", "sphinxsidebar", "footer", "highlightlang",
}  # fmt: skip
_PARAGRAPHS = {
    "p", "div", "section", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre",
}  # fmt: skip
_LINES = {"li", "dt", "dd", "tr", "br"}
_LISTS = {"contents", "changelog", "genindex", "bookindex"}  # names of pages that hold no sentences
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Page:
    """`following`: the path of the page that the manual names as its next, or None."""

    text: str
    following: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A stretch of a manual; `id` says the package and which stretch."""

    id: str
    tokens: list[int]


def training_documents(
    packages: Sequence[Path], encode: Callable[[str], list[int]], length: int
) -> tuple[list[Document], list[Document]]:
    """(to train on, held out) of `length` tokens each. Raises ModelError("invalid_request") for a package that is
    kept for testing, and for one that isn't readable."""
    found: list[Document] = []
    for path in packages:
        found += documents(path, encode, length, refuse=TESTING)
    held_out = found[HELD_OUT // 2 :: HELD_OUT]
    kept = {document.id for document in held_out}
    return [document for document in found if document.id not in kept], held_out


def documents(
    path: Path, encode: Callable[[str], list[int]], length: int, *, refuse: Sequence[str] = ()
) -> list[Document]:
    """The manual in the package cut into `length` tokens, without the rest at its end."""
    package = read_package(path)
    if package.name in refuse:
        raise ModelError(
            "invalid_request", f"{package.name} is kept for testing: nothing may be trained on it"
        )
    tokens = [token for text in manual(package.files) for token in encode(text + "\n\n")]
    return [
        Document(f"{package.name} {package.version} {start // length}", tokens[start : start + length])
        for start in range(0, len(tokens) - length + 1, length)
    ]


def manual(files: Mapping[str, bytes]) -> list[str]:
    """The texts of the English pages in reading order: along each page's link to the next."""
    pages = {name: page_of(name, content) for name, content in sorted(files.items()) if _english(name)}
    order = [name for name in _reading_order(pages) if PurePosixPath(name).stem not in _LISTS]
    return [pages[name].text for name in order if pages[name].text]


def _english(name: str) -> bool:
    language = _LANGUAGE.search(name)
    return language is None or language[1] == "en-US"


def _reading_order(pages: Mapping[str, Page]) -> list[str]:
    """Chains from the pages that no other names as its next. A page outside all chains is an index or a cover."""
    named = {page.following for page in pages.values()}
    order: dict[str, None] = {}
    for name, page in pages.items():
        at: str | None = name if page.following in pages and name not in named else None
        while at is not None and at in pages and at not in order:
            order[at] = None
            at = pages[at].following
    return list(order)


def page_of(name: str, content: bytes) -> Page:
    try:
        root = html.document_fromstring(content)
    except (LxmlError, ValueError):
        return Page("", None)
    following = next((link.get("href") for link in root.iter("link") if link.get("rel") == "next"), None)
    if following is not None:
        following = normpath(str(PurePosixPath(name).parent / following.partition("#")[0]))
    main = next((part for part in root.iter("div", "main") if part.get("role") == "main"), root)
    return Page(text_of(main), following)


def text_of(root: html.HtmlElement) -> str:
    """Paragraphs apart by an empty line, items and rows by a line; what is preformatted stays as it is."""
    parts: list[str] = []
    _gather(root, parts, kept=False)
    lines = "".join(parts).split("\n")
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _gather(element: html.HtmlElement, parts: list[str], *, kept: bool) -> None:
    tag = element.tag
    skipped = (
        not isinstance(tag, str)
        or tag in _SKIPPED
        or _SKIPPED_CLASSES & set(element.get("class", "").split())
    )
    if not skipped:
        kept_here = kept or tag == "pre"
        apart = (
            "\n\n" if tag in _PARAGRAPHS else "\n" if tag in _LINES else " " if tag in {"td", "th"} else ""
        )
        parts.append(apart)
        parts.append(_plain(element.text, parts, kept=kept_here))
        for child in element:
            _gather(child, parts, kept=kept_here)
        parts.append(apart)
    parts.append(_plain(element.tail, parts, kept=kept))


def _plain(text: str | None, parts: list[str], *, kept: bool) -> str:
    if not text or kept:
        return text or ""
    line = _SPACES.sub(" ", text)
    begins = next((part for part in islice(reversed(parts), 8) if part), "\n")
    return line.lstrip() if begins.endswith(("\n", " ")) else line
