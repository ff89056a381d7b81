"""Text of PDF pages: through the confined child, with lines, boxes, headings and tables, against bare PDFium.

Both are charged what they use of processors, the service's side and the forking included: that is what a core
gives, whatever else runs beside. `python -m benchmarks.pages [FOLDER]` measures over a folder's PDFs as well.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pypdfium2 as pdfium
from fpdf import FPDF

from benchmarks.report import Figure, Report, proven
from benchmarks.text import PARAGRAPHS
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import parse
from secretariat.retrieval.parse.nursery import NURSERY

_PAGES = (8, 20, 40, 60)
_EMBEDDED = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")  # offices' programs embed their fonts
_ROUNDS = 5
_TIMES = 4  # a round: processor time of another process is told in hundredths of a second
_LEAST_PAGES = 4
_LEAST_LETTERS = 500  # a page of a real document; test files of PDF tools hold a word or none
_ROWS = tuple((f"Item {row}", f"{row * 17} euros", "approved by the team lead") for row in range(6))


def main(folders: Sequence[str]) -> int:
    proven("tests/retrieval/test_parse.py")
    report = Report("pages")
    measure(report)
    for folder in folders:
        files = _readable(sorted(Path(folder).rglob("*.pdf")))
        if files:
            _compare(report, f"PDFs of {Path(folder).name}", files)
    return report.close()


def measure(report: Report) -> None:
    """Over generated reports: headings, paragraphs, a table each few pages."""
    with TemporaryDirectory() as folder:
        _compare(report, "generated reports", [_report(Path(folder), pages) for pages in _PAGES])


def _compare(report: Report, name: str, files: list[Path]) -> None:
    pages = sum(map(_bare, files))
    asyncio.run(_ours(files))
    spent: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(_ROUNDS):
        spent["bare"].append(_charged(lambda: [_bare(path) for path in files * _TIMES]))
        spent["ours"].append(_charged(lambda: asyncio.run(_ours(files * _TIMES))))
    rates = {side: _TIMES * pages / min(seconds) for side, seconds in spent.items()}
    report.note(f"{name}: files, pages", [len(files), pages])
    report.note(f"{name}: pages a second and core", {side: round(rate) for side, rate in rates.items()})
    report.add(
        Figure(
            f"text of pages, isolation included: {name}",
            rates["ours"] / rates["bare"],
            0.8,
            reference="bare pypdfium2",
        )
    )


def _bare(path: Path) -> int:
    """Pages whose text was taken."""
    document = pdfium.PdfDocument(path)
    for page in document:
        text_page = page.get_textpage()
        text_page.get_text_range()
        text_page.close()
        page.close()
    pages = len(document)
    document.close()
    return pages


async def _ours(files: Sequence[Path]) -> None:
    for path in files:
        await parse(path, path.name, "application/pdf")


def _charged(work: Callable[[], object]) -> float:
    """Seconds of processors: this process and its zygote with every child that ended."""
    began, began_here = _zygote_seconds(), time.process_time()
    work()
    return time.process_time() - began_here + _zygote_seconds() - began


def _zygote_seconds() -> float:
    if NURSERY.process_id is None:
        return 0.0
    used = psutil.Process(NURSERY.process_id).cpu_times()
    return used.user + used.system + used.children_user + used.children_system


def _readable(files: Sequence[Path]) -> list[Path]:
    """Those that are documents, and that both can read."""

    def is_document(path: Path) -> bool:
        try:
            document = pdfium.PdfDocument(path)
            letters = sum(page.get_textpage().count_chars() for page in document)
            if len(document) < _LEAST_PAGES or letters < _LEAST_LETTERS * len(document):
                return False
            asyncio.run(parse(path, path.name, None))
        except (pdfium.PdfiumError, DocumentRejectedError):
            return False
        return True

    return [path for path in files if is_document(path)]


def _report(folder: Path, pages: int) -> Path:
    document = FPDF()
    document.set_title(f"Report of {pages} pages")
    font = "helvetica"
    if _EMBEDDED.exists():
        font = "embedded"
        for style in ("", "B"):
            document.add_font(font, style, _EMBEDDED)
    texts = cycle(PARAGRAPHS)
    while document.page_no() < pages:
        document.add_page()
        document.set_font(font, "B", 15)
        document.cell(0, 10, f"Chapter {document.page_no()}", new_x="LMARGIN", new_y="NEXT")
        document.set_font(font, size=10)
        for text in islice(texts, 6):
            shown = text if font == "embedded" else text.encode("latin-1", "replace").decode("latin-1")
            document.multi_cell(0, 5, shown, new_x="LMARGIN", new_y="NEXT")
            document.ln(3)
        if document.page_no() % 4 == 1:
            with document.table(text_align="LEFT") as table:
                for cells in _ROWS:
                    row = table.row()
                    for cell in cells:
                        row.cell(cell)
    path = folder / f"report-{pages}.pdf"
    document.output(str(path))
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
