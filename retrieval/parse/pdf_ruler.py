"""Where letters of a PDF page stand, many at a time, in points from the upper left corner of the page as shown.

A call into PDFium costs about as much as a line of Python, and pages have thousands of letters: whoever asks
says which letters, and what is made of their boxes is numpy's.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

Boxes = NDArray[np.float64]
"""Rows of left, top, right, bottom."""

FARTHEST = 1e7  # points; no sheet of paper is larger, and broken files have letters anywhere


def _calling(function: Any, *arguments: Any) -> Any:
    """A function of PDFium that takes numbers as they are: the usual way of ctypes takes three times as long."""
    return ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, *arguments)(
        ctypes.cast(function, ctypes.c_void_p).value or 0
    )


_box_of = _calling(raw.FPDFText_GetLooseCharBox, ctypes.c_int, ctypes.c_void_p)
_index_of = _calling(raw.FPDFText_GetCharIndexFromTextIndex, ctypes.c_int)
_count_rects = _calling(raw.FPDFText_CountRects, ctypes.c_int, ctypes.c_int)
_rect_at = _calling(raw.FPDFText_GetRect, ctypes.c_int, *[ctypes.c_void_p] * 4)
_get_text = _calling(raw.FPDFText_GetText, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_BOX_BYTES = ctypes.sizeof(raw.FS_RECTF)


class Ruler:
    """Measures the letters of a page's text, which is `text`."""

    def __init__(self, page: pdfium.PdfPage, text_page: pdfium.PdfTextPage, letters: int) -> None:
        """`letters` is PDFium's count."""
        self._handle = ctypes.cast(text_page.raw, ctypes.c_void_p)
        units = _units(self._handle, letters)
        self.text = text = units.tobytes().decode("utf-16-le", errors="replace")
        self._turned = page.get_rotation() % 360
        self._bounds = page.get_bbox()
        # Letters of two UTF-16 units, and letters that PDFium keeps out of the text, shift its indexes.
        self._wide = len(text) != len(units)
        self._plain = len(units) == letters and not self._wide

    def boxes(self, indexes: Sequence[int]) -> Boxes:
        """Of the letters at these places of the text; nought for a letter that has none."""
        found = np.zeros((len(indexes), 4), dtype=np.float32)
        handle, address = self._handle, found.ctypes.data
        for index in indexes if self._plain else self._own(indexes):
            _box_of(handle, index, address)
            address += _BOX_BYTES
        return self._shown(np.fmin(np.fmax(found, -FARTHEST), FARTHEST, dtype=np.float64))

    def across(self, indexes: Sequence[int]) -> list[list[float]]:
        """Left and right of the letters at these places of the text."""
        sides: list[list[float]] = self.boxes(indexes)[:, ::2].tolist()
        return sides

    def widest_gap(self, start: int, letters: int) -> float:
        """Between text objects that follow each other on a line; infinite where it can't be told."""
        if not self._plain or self._turned not in {0, 90}:
            return float("inf")
        count = _count_rects(self._handle, start, letters)
        if count < 2:
            return 0.0
        sides = (ctypes.c_double * 4)()  # left, top, right, bottom
        addresses = [ctypes.addressof(sides) + 8 * side for side in range(4)]
        begin, end = (0, 2) if self._turned == 0 else (3, 1)
        widest, before = 0.0, float("inf")
        for index in range(count):
            _rect_at(self._handle, index, *addresses)
            widest = max(widest, sides[begin] - before)
            before = sides[end]
        return widest

    def _own(self, indexes: Sequence[int]) -> list[int]:
        """PDFium's indexes for places in the text."""
        if self._wide:
            units = np.cumsum([0, *(1 + (letter > "\uffff") for letter in self.text)])
            indexes = units[np.asarray(indexes, dtype=np.intp)].tolist()
        return [max(0, _index_of(self._handle, index)) for index in indexes]

    def _shown(self, found: Boxes) -> Boxes:
        """PDF counts from the lower left corner of the page before it is turned."""
        left, bottom, right, top = self._bounds
        order, origin, signs = {
            0: ((0, 1, 2, 3), (left, top, left, top), (1, -1, 1, -1)),
            90: ((3, 0, 1, 2), (bottom, left, bottom, left), (1, 1, 1, 1)),
            180: ((2, 3, 0, 1), (right, bottom, right, bottom), (-1, 1, -1, 1)),
            270: ((1, 2, 3, 0), (top, right, top, right), (-1, -1, -1, -1)),
        }[self._turned]
        ordered = found[:, order] if self._turned else found
        shown: Boxes = (ordered - np.array(origin)) * np.array(signs)
        return shown


def _units(handle: ctypes.c_void_p, letters: int) -> NDArray[np.uint16]:
    """The page's text in UTF-16."""
    buffer = np.empty(2 * max(0, letters) + 2, dtype=np.uint16)
    written = _get_text(handle, 0, letters, buffer.ctypes.data) if letters > 0 else 0
    return buffer[: max(0, written - 1)]  # it ends with a nought
