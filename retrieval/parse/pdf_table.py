"""Rows of cells out of measured lines that stand under each other in columns. Knows nothing of PDFium."""

from dataclasses import replace

from secretariat.retrieval.parse.pdf_lines import Cell, Line

_ALIGNED = 3.0


class Table(list[Line]):
    """Rows over the columns that its first line sets; cells come row by row, one or more lines each.

    `rows` holds for each row, for each column, the lines of its cell, each measured by itself.
    """

    def __init__(self, first: Line) -> None:
        super().__init__()
        self._columns = [cell.left for cell in first.cells]
        self._last_column = 0
        self._lowest = first.bottom
        self.rows: list[list[list[Line]]] = []
        self.append(first)

    def accepts(self, line: Line) -> bool:
        first = self[0]
        if line.page != first.page or abs(line.size - first.size) > 0.1 * first.size:
            return False
        if line.bottom < first.bottom or line.bottom > self._lowest + 3 * line.size:
            return False
        return all(self._column(cell.left, cell.right) is not None for cell in _cells(line))

    def append(self, line: Line) -> None:
        super().append(line)
        self._lowest = max(self._lowest, line.bottom)
        for cell in _cells(line):
            column = self._column(cell.left, cell.right) or 0
            if not self.rows or column == 0 < self._last_column:
                self.rows.append([[] for _ in self._columns])
            piece = replace(
                line, text=cell.text, left=round(cell.left, 1), right=round(cell.right, 1), cells=()
            )
            self.rows[-1][column].append(piece)
            self._last_column = column

    def _column(self, left: float, right: float) -> int | None:
        for index, start in enumerate(self._columns):
            end = self._columns[index + 1] if index + 1 < len(self._columns) else None
            if abs(left - start) <= _ALIGNED and (end is None or right <= end + _ALIGNED):
                return index
        return None


def _cells(line: Line) -> list[Cell]:
    return list(line.cells) or [Cell(line.text, line.left, line.right)]
