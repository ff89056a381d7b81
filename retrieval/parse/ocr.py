"""Letters in images: RapidOCR's models (PP-OCRv4, Latin and Chinese letters, inside its wheel) on one thread.

Reading a page takes seconds where a text layer takes milliseconds: it has its own budget of pages and time, and
loads its libraries only when the first image is met. Knows pixels, and lines as layouts take them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from secretariat.retrieval.parse.confine import make_room
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.pdf_lines import Cell, Line, placed_lines
from secretariat.retrieval.parse.text import TextBuilder, squash

LONGEST_SIDE = 2200  # pixels: 190 dots an inch of an A4 page
_DETECTED_SIDE = 960  # finding lines needs less detail than reading them, and memory grows with the area
_LEAST_SIDE = 320  # smaller images are enlarged by the detector, however long their other side
_SURE = 0.5
_APART = 1.2  # heights of the type, as in a text layer
_TIGHT = 0.72  # a found box stands off its letters

Piece = tuple[float, float, float, float, str]


@dataclass(slots=True)
class _Budget:
    """Of all images that the process reads: those of an archive or a mail share it."""

    pages: int
    seconds: float
    until: float = 0.0

    @property
    def spent(self) -> bool:
        return self.pages <= 0 or (self.until > 0 and time.monotonic() > self.until)

    def start(self) -> None:
        self.until = self.until or time.monotonic() + self.seconds


@cache
def _budget(pages: int, seconds: float) -> _Budget:
    return _Budget(pages, seconds)


@cache
def _engine() -> Any:
    """RapidOCR; None where it or what it needs isn't installed."""
    try:
        import cv2
        from rapidocr_onnxruntime import RapidOCR
    except (ImportError, OSError):  # OpenCV needs libGL and GLib of the system
        return None
    cv2.setNumThreads(0)
    return RapidOCR(
        intra_op_num_threads=1, inter_op_num_threads=1, rec_batch_num=1, det_limit_side_len=_LEAST_SIDE
    )


class Recogniser:
    """Reads images until the budget is used up."""

    def __init__(self, limits: ParseLimits) -> None:
        self._budget = _budget(limits.ocr_pages, limits.ocr_s * 0.8)
        self._engine: Any = None
        self.missing = False

    @property
    def exhausted(self) -> bool:
        return self._budget.spent

    def lines(self, pixels: Any, page: int, width: float, height: float) -> list[Line] | None:
        """Lines of an image (height x width x 3, BGR) that is shown as `width` x `height` points.

        None where it can't be read: no budget or memory is left, or the libraries aren't there.
        """
        if self.exhausted or not self._ready():
            return None
        self._budget.pages -= 1
        scale = width / max(1, pixels.shape[1])
        try:
            pieces = self._pieces(pixels)
        except Exception:  # noqa: BLE001 - each library has its own for "too little memory"
            return None
        return _rows([_scaled(piece, scale) for piece in pieces], page, height)

    def _ready(self) -> bool:
        if self._engine is not None or self.missing:
            return not self.missing
        make_room()
        self._budget.start()
        self._engine = _engine()
        self.missing = self._engine is None
        return not self.missing

    def _pieces(self, pixels: Any) -> list[Piece]:
        import cv2

        height, width = pixels.shape[:2]
        shrunk = min(1.0, _DETECTED_SIDE / max(height, width))
        size = (max(1, round(width * shrunk)), max(1, round(height * shrunk)))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        below, beside = max(0, _LEAST_SIDE - size[1]), max(0, _LEAST_SIDE - size[0])
        white = (255, 255, 255)
        small = cv2.copyMakeBorder(small, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=white)
        found, _ = self._engine.text_det(small)
        if found is None or not len(found):
            return []
        corners = (found / shrunk).astype("float32")
        crops = self._engine.get_crop_img_list(pixels, corners)
        read, _ = self._engine.text_rec(crops, False)  # noqa: FBT003 - RapidOCR's signature
        return [
            (*_bounds(corner), text)
            for corner, (text, score, *_) in zip(corners.tolist(), read, strict=True)
            if score >= _SURE and text.strip()
        ]


def note(builder: TextBuilder, recogniser: Recogniser, read: Sequence[int], unread: Sequence[int]) -> None:
    """Say which pages were read from images, and which weren't and why."""
    if read:
        builder.note(
            "read_by_ocr",
            f"{_pages(read)} read by text recognition: there may be wrong letters in it, "
            "and accents of European languages are often lost.",
        )
    if unread:
        why = (
            "text recognition isn't installed here"
            if recogniser.missing
            else "the time or memory for images was used up"
        )
        builder.note("images_not_read", f"{_pages(unread)} left out: {why}.")


def _pages(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:20])) + (" and others" if len(numbers) > 20 else "")
    return f"Page {shown} was" if len(numbers) == 1 else f"Pages {shown} were"


def _bounds(corners: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    across, down = [point[0] for point in corners], [point[1] for point in corners]
    return min(across), min(down), max(across), max(down)


def _scaled(piece: Piece, scale: float) -> Piece:
    left, top, right, bottom, text = piece
    middle, half = (top + bottom) / 2, (bottom - top) * _TIGHT / 2
    return left * scale, (middle - half) * scale, right * scale, (middle + half) * scale, squash(text)


def _rows(pieces: Sequence[Piece], page: int, height: float) -> list[Line]:
    """Pieces at one height are a line; far apart they are its cells."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: (one[1] + one[3]) / 2):
        if rows and (piece[1] + piece[3]) / 2 < rows[-1][0][3]:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_line(sorted(row), page, height) for row in rows]


def _line(row: Sequence[Piece], page: int, height: float) -> Line:
    top, bottom = min(piece[1] for piece in row), max(piece[3] for piece in row)
    size = row[0][3] - row[0][1]
    cells = [Cell(row[0][4], row[0][0], row[0][2])]
    for left, _, right, _, text in row[1:]:
        if left - cells[-1].right > _APART * size:
            cells.append(Cell(text, left, right))
        else:
            cells[-1] = Cell(f"{cells[-1].text} {text}", cells[-1].left, right)
    words = " ".join(cell.text for cell in cells)
    whole = (cells[0].left, top, cells[-1].right, bottom)
    (line,) = placed_lines([page], [words], np.array([whole]), height)
    line.cells = cells if len(cells) > 1 else ()
    return line
