"""Files in, plain text out: what a reader sees, nothing that hides, and a reason for every refusal."""

import os
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest
from fpdf import FPDF

from secretariat.retrieval.core import ParsedDocument
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import DEFAULT_LIMITS, ParseLimits, parse, sniff
from secretariat.retrieval.parse.limits import MIB
from tests.retrieval import files

GIF = b"GIF89a" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def _text(path: Path, content: str | bytes, media_type: str | None = None) -> Awaitable[ParsedDocument]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse(path, path.name, media_type)


async def _rejection(path: Path, limits: ParseLimits = DEFAULT_LIMITS) -> DocumentRejectedError:
    with pytest.raises(DocumentRejectedError) as caught:
        await parse(path, path.name, None, limits)
    return caught.value


class TestFormats:
    async def test_pdf_gives_whole_sentences_headings_pages_and_table_rows(self, tmp_path: Path) -> None:
        document = await parse(files.pdf(tmp_path / "policy.pdf"), "policy.pdf", "application/pdf")
        assert document.title == "Travel policy"
        assert (files.PASSAGE * 3).strip() in document.text
        assert [section.title for section in document.sections] == ["Chapter 1", "Chapter 2", "Chapter 3"]
        assert [page.number for page in document.pages] == [1, 2, 3]
        assert "Paragraph two of page 2" in document.pages[1].span.within(document.text)
        assert "Spain | 120 euros | B\nFrance | 150 euros | C" in document.text
        assert "Wegholm handbook" not in document.text

    async def test_word_keeps_the_order_of_headings_lists_and_tables(self, tmp_path: Path) -> None:
        document = await parse(files.word(tmp_path / "policy.docx"), "policy.docx", None)
        assert document.title == "Travel policy"
        assert document.text == (
            f"Hotels\n\n{(files.PASSAGE * 2).strip()}\n\nLimits\n\n- Zone A\n- Zone B"
            "\n\nCountry | Limit per night | Zone\nSpain | 120 euros | B\nFrance | 150 euros | C"
            "\n\nAfter the table."
        )
        assert [(section.title, section.level) for section in document.sections] == [
            ("Hotels", 1),
            ("Limits", 2),
        ]

    async def test_html_shows_what_a_reader_sees(self, tmp_path: Path) -> None:
        document = await _text(tmp_path / "policy.html", files.HTML)
        assert document.title == "Travel policy"
        assert document.text == (
            f"Hotels\n\n{files.PASSAGE}Bold text goes on.\n\nLimits\n\n"
            "Country | Limit per night | Zone\nSpain | 120 euros | B\n"
            "- first\n- second item\n3. third\n\nline one\nline two\n\nTail."
        )

    async def test_markdown_loses_its_markers(self, tmp_path: Path) -> None:
        document = await _text(tmp_path / "policy.md", files.MARKDOWN, "text/plain")
        assert document.title == "Travel policy"
        assert document.text == (
            f"Hotels\n\n{files.PASSAGE}It goes on here with a link and code.\n\nLimits\n\n"
            "Country | Limit per night | Zone\nSpain | 120 euros | B\n"
            '- first\n- second\n1. nested\n\nprint("kept")'
        )

    async def test_plain_text_is_unwrapped_and_mended(self, tmp_path: Path) -> None:
        document = await _text(tmp_path / "policy.txt", files.PLAIN)
        assert document.title == "policy"
        assert document.text == f"Travel policy\n\n{files.PASSAGE.strip()}"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
    async def test_text_in_any_usual_encoding(self, tmp_path: Path, encoding: str) -> None:
        document = await _text(tmp_path / "menu.txt", "Café crème für fünf Gäste, bitte.".encode(encoding))
        assert document.text == "Café crème für fünf Gäste, bitte."

    async def test_invisible_characters_are_dropped_and_letters_composed(self, tmp_path: Path) -> None:
        smuggled = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
        document = await _text(tmp_path / "a.txt", f"Cafe\u0301\u00a0is\u200b open\u202e.{smuggled}")
        assert document.text == "Café is open."

    async def test_tracked_changes_count_as_accepted(self, tmp_path: Path) -> None:
        path = files.word(tmp_path / "a.docx")
        body = (
            b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
            b"<w:sdt><w:sdtContent><w:p><w:r><w:t>The limit is </w:t></w:r>"
            b"<w:del><w:r><w:delText>100</w:delText></w:r></w:del><w:ins><w:r><w:t>180</w:t></w:r></w:ins>"
            b"<w:r><w:t> euros.</w:t></w:r></w:p></w:sdtContent></w:sdt></w:body></w:document>"
        )
        document = await parse(files.with_part(path, "word/document.xml", body), "a.docx", None)
        assert document.text == "The limit is 180 euros."

    async def test_a_text_box_follows_its_paragraph_once(self, tmp_path: Path) -> None:
        path = files.word(tmp_path / "a.docx")
        box = "<w:txbxContent><w:p><w:r><w:t>Boxed words.</w:t></w:r></w:p></w:txbxContent>"
        body = (
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
            'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>'
            "<w:p><w:r><w:t>Before.</w:t></w:r><w:r><mc:AlternateContent>"
            f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
            "<w:p><w:r><w:t>After.</w:t></w:r></w:p></w:body></w:document>"
        )
        document = await parse(files.with_part(path, "word/document.xml", body.encode()), "a.docx", None)
        assert document.text == "Before.\n\nBoxed words.\n\nAfter."

    async def test_deep_nesting_is_read(self, tmp_path: Path) -> None:
        document = await _text(
            tmp_path / "deep.html", "<div>" * 1500 + "Bottom." + "</div>" * 1500 + "After."
        )
        assert document.text == "Bottom.\n\nAfter."

    async def test_pdf_table_with_wrapped_cells(self, tmp_path: Path) -> None:
        document = FPDF()
        document.add_page()
        document.set_font("helvetica", size=11)
        with document.table(col_widths=(20, 40, 40), text_align="LEFT") as table:
            for cells in (
                ("Class", "Contents", "Largest quantity"),
                ("H2", "solvents, adhesives and all other flammable liquids", "60 litres per cabinet"),
                ("H3", "acids", "40 litres in total, never together with anything of H2"),
            ):
                row = table.row()
                for cell in cells:
                    row.cell(cell)
        document.output(str(tmp_path / "table.pdf"))
        parsed = await parse(tmp_path / "table.pdf", "table.pdf", None)
        assert parsed.text == (
            "Class | Contents | Largest quantity\n"
            "H2 | solvents, adhesives and all other flammable liquids | 60 litres per cabinet\n"
            "H3 | acids | 40 litres in total, never together with anything of H2"
        )

    async def test_pdf_sentence_over_a_page_break_stays_whole(self, tmp_path: Path) -> None:
        document = FPDF()
        document.set_auto_page_break(auto=True, margin=20)
        document.add_page()
        document.set_font("helvetica", size=11)
        sentence = " ".join(f"word{number}" for number in range(900)) + "."
        document.multi_cell(0, 6, sentence)
        document.output(str(tmp_path / "long.pdf"))
        parsed = await parse(tmp_path / "long.pdf", "long.pdf", None)
        assert parsed.text == sentence
        assert len(parsed.pages) == 2
        assert parsed.pages[1].span.within(parsed.text).startswith("word")


class TestSniff:
    @pytest.mark.parametrize(
        ("head", "name", "declared", "code"),
        [
            (b"", "a.pdf", None, "empty_file"),
            (PNG, "handbook.pdf", "application/pdf", "media_type_mismatch"),
            (b"%PDF-1.7\n", "a.pdf", "image/png", "media_type_mismatch"),
            (b"%PDF-1.7\n", "a.docx", None, "media_type_mismatch"),
            (b"plain words", "a.pdf", None, "media_type_mismatch"),
            (b"PK\x03\x04" + bytes(26), "a.txt", "text/plain", "media_type_mismatch"),
            (b"\x00\x01\x02binary\x00", "a.txt", None, "media_type_mismatch"),
            (GIF, "photo.gif", "image/gif", "unsupported_media_type"),
            (GIF, "photo", None, "unsupported_media_type"),
            (b"MZ\x90\x00", "setup.exe", "application/octet-stream", "unsupported_media_type"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "a.docx", None, "encrypted_document"),
        ],
    )
    def test_refuses_at_once(self, head: bytes, name: str, declared: str | None, code: str) -> None:
        with pytest.raises(DocumentRejectedError) as caught:
            sniff(head, name, declared)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("head", "name", "declared", "expected"),
        [
            (b"%PDF-1.7\n", "a.PDF", "application/octet-stream", "application/pdf"),
            (b"# Title", "a.md", "text/plain", "text/markdown"),
            (b"<!doctype html><p>", "page", None, "text/html"),
            (b"words", "notes", "text/plain; charset=utf-8", "text/plain"),
            (b"words about /Encrypt 5 0 R", "C:\\files\\notes.txt", None, "text/plain"),
            (b"2. Version", "notes v1.2 final", None, "text/plain"),
        ],
    )
    def test_decides(self, head: bytes, name: str, declared: str | None, expected: str) -> None:
        assert sniff(head, name, declared) == expected

    def test_no_upload_makes_it_think_for_long(self) -> None:
        began = time.monotonic()
        for head in (
            b"<!---->" * 9000 + b"x",
            b"/Encrypt " * 7000,
            b" " * 64_000 + b"<!--",
            b"%PDF-" * 12_000,
        ):
            sniff(head, "page", "application/pdf" if head.startswith(b"%PDF") else None)
        assert time.monotonic() - began < 1

    def test_names_what_is_supported(self) -> None:
        with pytest.raises(DocumentRejectedError, match=r"PDF \(\.pdf\).*Word \(\.docx\).*Markdown"):
            sniff(b"BLENDER", "scene.blend", None)


class TestHostileFiles:
    async def test_encrypted_pdf(self, tmp_path: Path) -> None:
        error = await _rejection(files.pdf(tmp_path / "secret.pdf", password="swordfish"))
        assert error.code == "encrypted_document"
        assert error.message == (
            "The PDF can't be opened without a password. Remove the password and upload it again."
        )

    async def test_a_pdf_that_opens_without_a_password_is_read(self, tmp_path: Path) -> None:
        """Banks and authorities lock their files against changes; every reader shows them."""
        document = FPDF()
        document.set_encryption(owner_password="owner")
        document.add_page()
        document.set_font("helvetica", size=11)
        document.cell(0, 6, "Balance: 180 euros.")
        document.output(str(tmp_path / "statement.pdf"))
        assert b"/Encrypt" in (tmp_path / "statement.pdf").read_bytes()
        assert (await parse(tmp_path / "statement.pdf", "statement.pdf", None)).text == "Balance: 180 euros."

    async def test_truncated_pdf(self, tmp_path: Path) -> None:
        path = files.pdf(tmp_path / "cut.pdf")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert (await _rejection(path)).code == "corrupt_document"

    async def test_pdf_without_text(self, tmp_path: Path) -> None:
        document = FPDF()
        document.add_page()
        document.rect(10, 10, 50, 50)
        document.output(str(tmp_path / "scan.pdf"))
        error = await _rejection(tmp_path / "scan.pdf")
        assert (error.code, "OCR" in error.message) == ("no_text", True)

    async def test_word_file_of_noise(self, tmp_path: Path) -> None:
        (tmp_path / "noise.docx").write_bytes(b"PK\x03\x04" + os.urandom(4000))
        assert (await _rejection(tmp_path / "noise.docx")).code == "corrupt_document"

    async def test_spreadsheet_named_docx(self, tmp_path: Path) -> None:
        assert (await _rejection(files.spreadsheet(tmp_path / "a.docx"))).code == "media_type_mismatch"

    async def test_word_file_that_inflates_to_fifty_megabytes(self, tmp_path: Path) -> None:
        path = files.bomb(tmp_path / "bomb.docx", megabytes=50)
        assert path.stat().st_size < MIB
        assert (await _rejection(path)).code == "decompression_bomb"

    async def test_word_file_with_entities_that_multiply(self, tmp_path: Path) -> None:
        path = files.entity_bomb(tmp_path / "entities.docx")
        assert (await _rejection(path)).code == "corrupt_document"

    async def test_html_nested_without_end(self, tmp_path: Path) -> None:
        (tmp_path / "deep.html").write_text("<div>" * 50_000 + "Bottom.")
        error = await _rejection(tmp_path / "deep.html")
        assert (error.code, "nested" in error.message) == ("too_deep", True)

    async def test_file_beyond_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "long.txt").write_text("word " * 1000)
        error = await _rejection(tmp_path / "long.txt", replace(DEFAULT_LIMITS, file_bytes=1000))
        assert error.code == "too_large"

    async def test_text_beyond_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "long.txt").write_text("word " * 1000)
        error = await _rejection(tmp_path / "long.txt", replace(DEFAULT_LIMITS, characters=1000))
        assert error.code == "too_large"

    async def test_a_document_that_takes_too_much_memory(self, tmp_path: Path) -> None:
        (tmp_path / "big.txt").write_text("word " * 5_000_000)
        error = await _rejection(tmp_path / "big.txt", replace(DEFAULT_LIMITS, memory_bytes=100 * MIB))
        assert error.code == "too_large"

    async def test_a_good_document_follows_a_bad_one_at_once(self, tmp_path: Path) -> None:
        await _rejection(files.bomb(tmp_path / "bomb.docx", megabytes=50))
        began = time.monotonic()
        await parse(files.word(tmp_path / "good.docx"), "good.docx", None)
        assert time.monotonic() - began < 5
