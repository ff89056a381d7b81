"""Real files of the formats beside text, Word and PDF, made with the libraries that offices' tools resemble."""

import io
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation

from tests.retrieval.files import PASSAGE, ROWS


def slides(path: Path) -> Path:
    deck = Presentation()
    deck.core_properties.title = "Travel policy"
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Hotels"
    first.placeholders[1].text_frame.text = "Up to 180 euros"
    first.placeholders[1].text_frame.add_paragraph().text = "Consent above that"
    first.notes_slide.notes_text_frame.text = "Mention the new limit."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Limits"
    table = second.shapes.add_table(3, 3, 0, 0, 5_000_000, 2_000_000).table
    for index, cells in enumerate(ROWS):
        for column, text in enumerate(cells):
            table.cell(index, column).text = text
    hidden = deck.slides.add_slide(deck.slide_layouts[5])
    hidden.shapes.title.text = "Salaries"
    hidden._element.set("show", "0")
    deck.save(str(path))
    return path


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Limits"
    for cells in ROWS:
        sheet.append(cells)
    sheet.append([None, 12.5, True])
    secret = book.create_sheet("Salaries")
    secret.append(["Ada", 9000])
    secret.sheet_state = "hidden"
    book.create_sheet("Zones").append(["B", "south"])
    book.save(path)
    return path


def mail(path: Path, attachments: dict[str, bytes]) -> Path:
    message = EmailMessage()
    message["From"] = "Ada Reyes <ada@wegholm.example>"
    message["To"] = "team@wegholm.example"
    message["Subject"] = "New hotel limits"
    message["Date"] = "Tue, 03 Mar 2026 09:15:00 +0100"
    message.set_content(f"Dear all,\n\n{PASSAGE}\n")
    message.add_alternative(f"<p>Dear all,</p><p>{PASSAGE}</p>", subtype="html")
    for name, content in attachments.items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    path.write_bytes(message.as_bytes())
    return path


def book(path: Path) -> Path:
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        "<dc:title>The handbook</dc:title><dc:date>2025-11-02</dc:date></metadata><manifest>"
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="b%20two.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="b"/><itemref idref="a"/></spine></package>'
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/epub+zip")
        package.writestr("META-INF/container.xml", container)
        package.writestr("OEBPS/book.opf", opf)
        package.writestr("OEBPS/a.xhtml", f"<html><body><h1>Hotels</h1><p>{PASSAGE}</p></body></html>")
        package.writestr(
            "OEBPS/b two.xhtml", "<html><body><h1>Foreword</h1><p>Read this first.</p></body></html>"
        )
    return path


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)
    return path


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)
    return buffer.getvalue()


def scan(lines: list[str]) -> Image.Image:
    """A sheet of paper with large type, as a scanner sees it."""
    image = Image.new("RGB", (900, 60 + 70 * len(lines)), "white")
    drawing = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        drawing.text((40, 30 + 70 * index), line, fill="black", font=ImageFont.load_default(size=34))
    return image


def scanned_pdf(path: Path, lines: list[str]) -> Path:
    """A page of text and a page that is only an image."""
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=11)
    document.multi_cell(0, 6, PASSAGE)
    document.add_page()
    document.image(scan(lines), x=10, y=10, w=190)
    document.add_page()
    document.output(str(path))
    return path


def outlook(path: Path, subject: str, body: str, attachments: dict[str, bytes]) -> Path:
    """A mail as Outlook stores it: properties in a compound file (MS-CFB, MS-OXMSG)."""
    tree: dict[str, Any] = {
        "__properties_version1.0": bytes(32) + _properties({0x0037: subject, 0x1000: body}),
        "__substg1.0_0037001F": subject.encode("utf-16-le"),
        "__substg1.0_1000001F": body.encode("utf-16-le"),
    }
    for number, (name, content) in enumerate(attachments.items()):
        method = struct.pack("<IIII", 0x37050003, 6, 1, 0)
        data = struct.pack("<IIII", 0x37010102, 6, len(content), 0)
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8) + method + data + _properties({0x3707: name}),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    path.write_bytes(_compound(tree))
    return path


def _properties(texts: dict[int, str]) -> bytes:
    return b"".join(
        struct.pack("<IIII", tag << 16 | 0x1F, 6, 2 * len(text) + 2, 0) for tag, text in texts.items()
    )


_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _compound(tree: dict[str, Any]) -> bytes:
    """Sector 0 is the FAT; then directory, table of small sectors, small sectors."""
    entries: list[list[Any]] = [
        ["Root Entry", 5, _FREE, _FREE, 0, 0]
    ]  # name, kind, right, child, start, size
    small = bytearray()
    small_fat: list[int] = []

    def add(parent: int, children: dict[str, Any]) -> None:
        before = None
        for name, content in children.items():
            index = len(entries)
            entries.append([name, 1 if isinstance(content, dict) else 2, _FREE, _FREE, _END, 0])
            if before is None:
                entries[parent][3] = index
            else:
                entries[before][2] = index
            before = index
            if isinstance(content, dict):
                add(index, content)
                continue
            count = -(-len(content) // 64)
            first = len(small_fat)
            small_fat.extend([*range(first + 1, first + count), _END] if count else [])
            small.extend(content.ljust(64 * count, b"\0"))
            entries[index][4:] = [first if count else _END, len(content)]

    add(0, tree)
    sectors = [-(-len(entries) // 4), -(-len(small_fat) // 128), -(-len(small) // 512)]
    starts = [1, 1 + sectors[0], 1 + sectors[0] + sectors[1]]
    entries[0][4:] = [starts[2], len(small)]
    chains = [_FAT]
    for start, count in zip(starts, sectors, strict=True):
        chains += [*range(start + 1, start + count), _END]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 2, sectors[1], _END, 0
    )
    header = _with_small_table(header, starts[1]) + struct.pack("<I", 0) + struct.pack("<I", _FREE) * 108
    body = struct.pack(f"<{len(chains)}I", *chains).ljust(512, b"\xff")
    body += b"".join(_entry(*entry) for entry in entries).ljust(512 * sectors[0], b"\0")
    body += struct.pack(f"<{len(small_fat)}I", *small_fat).ljust(512 * sectors[1], b"\xff")
    return header + body + bytes(small).ljust(512 * sectors[2], b"\0")


def _with_small_table(header: bytes, start: int) -> bytes:
    return header[:60] + struct.pack("<I", start) + header[64:]


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<III", _FREE, right, child)
    return (
        raw.ljust(64, b"\0")
        + struct.pack("<HBB", len(raw), kind, 1)
        + links
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
