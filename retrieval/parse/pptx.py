"""PowerPoint presentations: slides as pages, with titles, text, tables and speaker's notes."""

from collections.abc import Iterable, Iterator
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER
from pptx.exc import PackageNotFoundError

from secretariat.retrieval.parse import office
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import PPTX, not_that_office
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_POINT = 12_700  # English Metric Units
_DEEPEST_GROUP = 20
_REPEATED = frozenset({PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER})
_LISTED = frozenset({PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY})


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    with office.package(data, PPTX, limits) as package:
        core = office.properties(package)
        source = office.usual(data, package, "ppt/presentation.xml")
    try:
        presentation = Presentation(source)
    except (ValueError, PackageNotFoundError):  # another kind of package
        raise not_that_office(PPTX) from None
    builder = TextBuilder(limits.characters)
    size = ((presentation.slide_width or 0) / _POINT, (presentation.slide_height or 0) / _POINT)
    for number, slide in enumerate(presentation.slides, 1):
        if slide._element.get("show") in {"0", "false"}:  # noqa: SLF001 - the library has no name for it
            builder.note("hidden_slide", "The slide is hidden and was left out.", number)
            continue
        builder.page(number, *size)
        _Slide(slide, number, builder).write()
    return builder.finish(core.title, core.dated)


class _Slide:
    def __init__(self, slide: Any, number: int, builder: TextBuilder) -> None:
        self._slide = slide
        self._number = number
        self._builder = builder
        self._pictures = 0

    def write(self) -> None:
        before = self._builder.room
        title = self._slide.shapes.title
        if title is not None and title.has_text_frame:
            self._builder.heading(title.text_frame.text, 1)
        for shape in _flat(self._slide.shapes):
            if title is None or shape.shape_id != title.shape_id:
                self._write_shape(shape)
        if self._slide.has_notes_slide:
            frame = self._slide.notes_slide.notes_text_frame
            notes = frame.text if frame is not None else ""
            if notes.strip():
                self._builder.paragraph(f"Notes: {notes}")
        if self._pictures:
            message = f"{self._pictures} images were left out: letters in them aren't read."
            self._builder.note("images_skipped", message, self._number)
        if self._builder.room == before:
            self._builder.note("page_without_text", "The slide holds no text.", self._number)

    def _write_shape(self, shape: Any) -> None:
        kind = shape.placeholder_format.type if shape.is_placeholder else None
        if kind in _REPEATED:
            return
        if getattr(shape, "has_table", False):
            self._builder.part()
            for row in shape.table.rows:
                self._builder.row([cell.text for cell in row.cells if not cell.is_spanned])
        elif shape.has_text_frame:
            self._write_text(shape.text_frame.paragraphs, listed=kind in _LISTED)
        elif shape.shape_type == MSO_SHAPE_TYPE.PICTURE:
            self._pictures += 1

    def _write_text(self, paragraphs: Iterable[Any], *, listed: bool) -> None:
        texts = [text for paragraph in paragraphs if (text := paragraph.text.replace("\v", " ").strip())]
        self._builder.part()
        for text in texts:
            if listed and len(texts) > 1:
                self._builder.line(f"- {text}", kind="list")
            else:
                self._builder.paragraph(text)


def _flat(shapes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    """Shapes in the order of the slide, those of groups in place of the group."""
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP and depth < _DEEPEST_GROUP:
            yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape
