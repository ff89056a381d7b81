"""Images of documents (PNG, JPEG, TIFF with several pages): their letters, placed where they stand."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import ocr
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.pdf_layout import Layout
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_FORMATS = ("PNG", "JPEG", "TIFF")
_USUAL_DPI = 96.0


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    builder = TextBuilder(limits.characters)
    recogniser = ocr.Recogniser(limits)
    lines, sizes, unread = [], {}, []
    for number, (pixels, width, height) in enumerate(_frames(data, limits), 1):
        found = recogniser.lines(pixels, number, width, height)
        if found is None:
            unread.append(number)
            continue
        sizes[number] = (round(width, 1), round(height, 1))
        lines += found
    if recogniser.missing:
        raise DocumentRejectedError(
            "ocr_unavailable", "Text recognition isn't installed here. Upload the document as PDF with text."
        )
    if not lines:
        raise DocumentRejectedError(
            "no_text", "No letters were recognised in the image. Upload a sharper one, or the text itself."
        )
    Layout(lines, sizes, builder).write()
    ocr.note(builder, recogniser, sorted(sizes), unread)
    return builder.finish()


def _frames(data: bytes, limits: ParseLimits) -> Iterator[tuple[Any, float, float]]:
    """Pixels (height x width x 3, BGR) and the size in points of each page. A size is known before its pixels."""
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = limits.pixels
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise DocumentRejectedError(
            "corrupt_document", "The image is damaged. Save it anew and upload it again."
        ) from None
    except Image.DecompressionBombError:
        raise _too_many(limits) from None
    for frame in ImageSequence.Iterator(image):
        if frame.width * frame.height > limits.pixels:
            raise _too_many(limits)
        dots = _dots(frame.info.get("dpi"))
        width, height = frame.width * 72 / dots, frame.height * 72 / dots
        shown = ImageOps.exif_transpose(frame)
        if shown.width != frame.width:
            width, height = height, width
        shown.thumbnail((ocr.LONGEST_SIDE, ocr.LONGEST_SIDE))
        yield np.ascontiguousarray(np.asarray(_opaque(shown))[:, :, ::-1]), width, height


def _opaque(image: Image.Image) -> Image.Image:
    """On white paper: what is transparent isn't black."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def _dots(stated: Any) -> float:
    try:
        across = float(stated[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return _USUAL_DPI
    return across if 30 <= across <= 2400 else _USUAL_DPI


def _too_many(limits: ParseLimits) -> DocumentRejectedError:
    return DocumentRejectedError(
        "decompression_bomb",
        f"The image has more than {limits.pixels // 1_000_000} million points. Save it smaller and upload that.",
    )
