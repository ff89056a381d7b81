"""Excel workbooks: sheets as sections, rows as rows of a table, values as they were last calculated."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

import openpyxl

from secretariat.retrieval.parse import office
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import XLSX, not_that_office
from secretariat.retrieval.parse.text import Extracted, TextBuilder, squash

_WORKBOOK, _STYLES = "xl/workbook.xml", "xl/styles.xml"


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    with office.package(data, XLSX, limits) as package:
        if not any(name.lower().startswith("xl/workbook") for name in package.namelist()):
            raise not_that_office(XLSX)
        core = office.properties(package)
        builder = TextBuilder(limits.characters)
        try:
            workbook = _opened(office.usual(data, package, _WORKBOOK))
        except (TypeError, ValueError):  # styles that Excel forgives
            workbook = _opened(office.usual(data, package, _WORKBOOK, without=_STYLES))
            builder.note(
                "styles_unreadable", "The workbook's styles are damaged: dates are shown as numbers."
            )
    budget = Budget(limits.rows, limits.cells)
    for sheet in workbook.worksheets:
        if sheet.sheet_state != "visible":
            builder.note("hidden_sheet", f"The sheet “{squash(sheet.title)}” is hidden and was left out.")
            continue
        builder.heading(sheet.title, 1)
        sheet.reset_dimensions()  # what the file says of its size isn't believed
        try:
            write_rows(sheet.iter_rows(values_only=True), builder, budget, squash(sheet.title))
        except (KeyError, zipfile.BadZipFile):
            builder.note("sheet_unreadable", f"The sheet “{squash(sheet.title)}” is damaged.")
    return builder.finish(core.title, core.dated)


def _opened(package: io.BytesIO) -> Any:
    return openpyxl.load_workbook(package, read_only=True, data_only=True, keep_links=False)


class Budget:
    """How many rows and cells of a document are read, over all its tables."""

    def __init__(self, rows: int, cells: int) -> None:
        self.rows = rows
        self.cells = cells

    def spend(self, width: int) -> bool:
        """Empty rows cost as well: they take time."""
        self.rows -= 1
        self.cells -= width + 1
        return self.rows >= 0 and self.cells >= 0


def write_rows(rows: Iterable[Sequence[Any]], builder: TextBuilder, budget: Budget, name: str = "") -> None:
    """Until the budget is spent; the document's report says so."""
    builder.part()
    for number, row in enumerate(rows, 1):
        if not budget.spend(len(row)):
            where = f" of the sheet “{name}”" if name else ""
            builder.note(
                "rows_left_out",
                f"Rows from {number:,} on{where} were left out: the document has more than are read.",
            )
            return
        builder.row([_shown(value) for value in row])


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return format(value, ".15g")
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    if isinstance(value, date):
        return str(value)
    return str(value)
