"""Other formats as their readers see them: slides, sheets, mails, transcripts, books, records, archives, scans."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from fpdf import FPDF

from secretariat.retrieval.core import ParsedDocument
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import parse
from tests.retrieval import files, more_files

TABLE = "Country | Limit per night | Zone\nSpain | 120 euros | B\nFrance | 150 euros | C"


async def _of(path: Path, content: str | bytes) -> ParsedDocument:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return await parse(path, path.name, None)


def _titles(document: ParsedDocument) -> list[tuple[str, int]]:
    return [(section.title, section.level) for section in document.sections]


def _notes(document: ParsedDocument) -> list[str]:
    return [note.code for note in document.notes]


class TestOffice:
    async def test_slides_are_pages_with_titles_tables_and_notes(self, tmp_path: Path) -> None:
        document = await parse(more_files.slides(tmp_path / "policy.pptx"), "policy.pptx", None)
        assert document.title == "Travel policy"
        assert document.text == (
            "Hotels\n\n- Up to 180 euros\n- Consent above that\n\nNotes: Mention the new limit.\n\n"
            f"Limits\n\n{TABLE}"
        )
        assert _titles(document) == [("Hotels", 1), ("Limits", 1)]
        assert [(page.number, page.width) for page in document.pages] == [(1, 720), (2, 720)]
        assert [(note.code, note.page) for note in document.notes] == [("hidden_slide", 3)]

    async def test_sheets_are_sections_and_rows_are_rows(self, tmp_path: Path) -> None:
        document = await parse(more_files.workbook(tmp_path / "limits.xlsx"), "limits.xlsx", None)
        assert document.text == f"Limits\n\n{TABLE}\n| 12.5 | TRUE\n\nZones\n\nB | south"
        assert _titles(document) == [("Limits", 1), ("Zones", 1)]
        first, second = document.blocks
        assert (first.kind, first.span.within(document.text)) == ("table", f"{TABLE}\n| 12.5 | TRUE")
        assert second.span.within(document.text) == "B | south"
        (note,) = document.notes
        assert (note.code, "Salaries" in note.message) == ("hidden_sheet", True)
        assert "Ada" not in document.text

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    async def test_tables_as_text(self, tmp_path: Path, delimiter: str) -> None:
        lines = [delimiter.join(cells) for cells in files.ROWS]
        quoted = delimiter.join(['"a ""quoted"" cell"', f'"with {delimiter} inside"', '"on two\nlines"'])
        document = await _of(tmp_path / "limits.csv", "\r\n".join([*lines, quoted]))
        inside = "with inside" if delimiter == "\t" else f"with {delimiter} inside"
        assert document.text == f'{TABLE}\na "quoted" cell | {inside} | on two lines'

    async def test_word_says_what_it_left_out_and_when_it_was_written(self, tmp_path: Path) -> None:
        path = files.word(tmp_path / "a.docx")
        document = await parse(path, "a.docx", None)
        kinds = [(block.kind, block.span.within(document.text)) for block in document.blocks]
        assert kinds == [("list", "- Zone A\n- Zone B"), ("table", TABLE)]
        assert document.dated == date(2013, 12, 23)  # python-docx's template
        assert document.language == "en"

    async def test_word_s_footnotes_follow_what_refers_to_them(self, tmp_path: Path) -> None:
        space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        path = files.with_part(
            files.word(tmp_path / "a.docx"),
            "word/document.xml",
            f"<w:document {space}><w:body><w:p><w:r><w:t>The limit is 180 euros.</w:t></w:r>"
            '<w:r><w:footnoteReference w:id="2"/></w:r></w:p><w:p><w:r><w:t>After.</w:t></w:r></w:p>'
            "</w:body></w:document>".encode(),
        )
        with zipfile.ZipFile(path, "a") as package:
            package.writestr(
                "word/footnotes.xml",
                f'<w:footnotes {space}><w:footnote w:id="-1"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r>'
                "<w:footnoteRef/></w:r><w:r><w:t> In Spain 120.</w:t></w:r></w:p></w:footnote></w:footnotes>",
            )
        document = await parse(path, "a.docx", None)
        assert document.text == "The limit is 180 euros.\n\nNote: In Spain 120.\n\nAfter."


class TestMails:
    async def test_a_mail_with_its_attachments(self, tmp_path: Path) -> None:
        attachments = {
            "policy.docx": files.word(tmp_path / "policy.docx").read_bytes(),
            "../../evil.md": b"# Zones\n\nB is the south.",
            "setup.exe": b"MZ\x90\x00" + bytes(100),
        }
        document = await parse(more_files.mail(tmp_path / "mail.eml", attachments), "mail.eml", None)
        assert (document.title, document.dated) == ("New hotel limits", date(2026, 3, 3))
        assert document.text.startswith(
            "New hotel limits\n\nFrom: Ada Reyes <ada@wegholm.example>\nTo: team@wegholm.example\n"
            "Date: Tue, 03 Mar 2026 09:15:00 +0100\n\nDear all,\n\nEmployees may book"
        )
        assert document.text.count("Dear all") == 1
        assert _titles(document) == [
            ("New hotel limits", 1), ("policy.docx", 1), ("Hotels", 2), ("Limits", 3),
            ("evil.md", 1), ("Zones", 2),
        ]  # fmt: skip
        for section in document.sections:
            assert document.text[section.start :].startswith(section.title)
        assert TABLE in [block.span.within(document.text) for block in document.blocks]
        (note,) = document.notes
        assert (note.code, note.message[:27]) == ("member_refused", "setup.exe: Files of type .e")

    async def test_outlook_s_mails(self, tmp_path: Path) -> None:
        path = more_files.outlook(
            tmp_path / "mail.msg", "New limits", files.PASSAGE, {"a.txt": b"Zone B is south."}
        )
        document = await parse(path, "mail.msg", "application/vnd.ms-outlook")
        assert document.title == "New limits"
        assert document.text == f"New limits\n\n{files.PASSAGE.strip()}\n\na.txt\n\nZone B is south."

    async def test_an_old_office_file_named_msg(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentRejectedError) as caught:
            await _of(tmp_path / "a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
        assert (caught.value.code, ".eml" in caught.value.message) == ("media_type_mismatch", True)


class TestTranscripts:
    async def test_webvtt_says_who_and_when(self, tmp_path: Path) -> None:
        document = await _of(
            tmp_path / "call.vtt",
            "WEBVTT\n\nNOTE recorded\n\n1\n00:00:01.000 --> 00:00:03.000 align:start\n"
            "<v Ada Reyes>We begin &amp;</v>\n\n"
            "00:00:03.000 --> 00:00:05.000\n<v Ada Reyes>then <i>go on</i>.</v>\n\n"
            "01:02:03.500 --> 01:02:05.000\nOla: Agreed.\n",
        )
        assert document.text == "[00:00:01] Ada Reyes: We begin & then go on.\n[01:02:03] Ola: Agreed."

    async def test_subrip(self, tmp_path: Path) -> None:
        first = "1\r\n00:00:01,000 --> 00:00:02,000\r\nOne line\r\non two."
        content = f"{first}\r\n\r\n2\r\n00:00:04,000 --> 00:00:06,000\r\nMore."
        document = await _of(tmp_path / "film.srt", content)
        assert document.text == "[00:00:01] One line on two.\n[00:00:04] More."


class TestBooksAndRecords:
    async def test_a_book_in_the_order_of_its_spine(self, tmp_path: Path) -> None:
        document = await parse(more_files.book(tmp_path / "handbook.epub"), "handbook.epub", None)
        assert (document.title, document.dated) == ("The handbook", date(2025, 11, 2))
        assert document.text == f"Foreword\n\nRead this first.\n\nHotels\n\n{files.PASSAGE.strip()}"
        assert _titles(document) == [("Foreword", 1), ("Hotels", 1)]

    async def test_json_names_every_value(self, tmp_path: Path) -> None:
        records = {
            "owner": "finance",
            "limits": [
                {"country": "Spain", "max": {"night": 120}, "zones": ["B", "C"]},
                {"country": "France"},
            ],
        }
        document = await _of(tmp_path / "limits.json", json.dumps(records))
        assert document.text == (
            "owner: finance\n\nlimits\n\ncountry: Spain\nmax.night: 120\nzones: B, C\n\ncountry: France"
        )
        assert _titles(document) == [("limits", 1)]

    async def test_json_lines_without_the_bad_ones(self, tmp_path: Path) -> None:
        document = await _of(tmp_path / "limits.jsonl", '{"a": 1}\n{"a": \n{"a": true, "b": null}\n')
        assert document.text == "a: 1\n\na: true"
        assert _notes(document) == ["records_unreadable"]


class TestArchives:
    async def test_members_are_sections_named_by_their_path(self, tmp_path: Path) -> None:
        inner = more_files.zipped({"deep.txt": b"Two levels down."})
        third = more_files.zipped({"third.zip": more_files.zipped({"x.txt": b"Too deep."})})
        members = {
            "notes/a.md": b"# Hotels\n\nUp to 180 euros.",
            "__MACOSX/._a.md": b"\x00",
            "../../etc/passwd.txt": b"Not really.",
            "inner.zip": inner,
            "nested.zip": more_files.zipped({"second.zip": third}),
            "photo.heic": b"\x00\x00\x00\x18ftypheic",
        }
        document = await parse(more_files.archive(tmp_path / "all.zip", members), "all.zip", None)
        assert _titles(document) == [
            ("notes/a.md", 1), ("Hotels", 2), ("etc/passwd.txt", 1), ("inner.zip", 1), ("deep.txt", 2),
        ]  # fmt: skip
        assert "Two levels down." in document.text
        assert "Too deep" not in document.text
        refused = [note.message.split(":")[0] for note in document.notes if note.code == "member_refused"]
        assert refused == ["nested.zip", "photo.heic"]

    async def test_an_archive_with_nothing_to_read(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentRejectedError) as caught:
            await parse(more_files.archive(tmp_path / "a.zip", {"a.exe": b"MZ\x90\x00"}), "a.zip", None)
        assert (caught.value.code, "one by one" in caught.value.message) == ("no_text", True)


class TestPlaces:
    async def test_every_line_of_a_pdf_is_where_it_stands(self, tmp_path: Path) -> None:
        document = await parse(files.pdf(tmp_path / "policy.pdf"), "policy.pdf", None)
        heading = next(line for line in document.lines if line.span.within(document.text) == "Chapter 2")
        assert heading.page == 2
        assert 25 < heading.box.left < 35  # FPDF's margin is a centimetre
        assert 45 < heading.box.top < heading.box.bottom < 90
        assert (round(document.pages[1].width), round(document.pages[1].height)) == (595, 842)
        cell = next(line for line in document.lines if line.span.within(document.text) == "150 euros")
        assert cell.box.left > 200
        (table,) = document.blocks
        assert (table.kind, table.span.within(document.text)) == ("table", TABLE)
        for line in document.lines:
            assert "\n" not in line.span.within(document.text)

    async def test_a_turned_page_is_measured_as_it_is_shown(self, tmp_path: Path) -> None:
        source = (
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj "
            b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
            b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]/Rotate 90/Contents 4 0 R"
            b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj "
            b"4 0 obj<</Length 66>>stream\nBT /F 12 Tf 0 1 -1 0 50 100 Tm (Turned words stand upright.) Tj ET   \n"
            b"endstream endobj trailer<</Root 1 0 R>>\n%%EOF"
        )
        document = await _of(tmp_path / "turned.pdf", source)
        (line,) = document.lines
        assert (document.pages[0].width, document.pages[0].height) == (600, 400)
        assert 95 < line.box.left < 105
        assert 200 < line.box.right < 300
        assert 35 < line.box.top < line.box.bottom < 60


class TestScans:
    async def test_a_scanned_page_is_read_and_said_to_be(self, tmp_path: Path) -> None:
        path = more_files.scanned_pdf(tmp_path / "scan.pdf", ["The limit is 180 euros per night."])
        document = await parse(path, "scan.pdf", None)
        assert "The limit is 180 euros per night." in document.text
        line = next(line for line in document.lines if line.page == 2)
        assert line.span.within(document.text) == "The limit is 180 euros per night."
        assert 20 < line.box.left < 80
        assert _notes(document) == ["read_by_ocr", "page_without_text"]
        assert document.notes[0].message.startswith("Page 2 was read by text recognition")

    async def test_a_photo_of_words(self, tmp_path: Path) -> None:
        more_files.scan(["Zone B", "is in the south"]).save(tmp_path / "photo.png")
        document = await parse(tmp_path / "photo.png", "photo.png", "image/png")
        assert document.text.split() == ["Zone", "B", "is", "in", "the", "south"]
        assert _notes(document) == ["read_by_ocr"]


class TestLanguage:
    @pytest.mark.parametrize(
        ("words", "language"),
        [
            ("Die Mitarbeitenden dürfen Hotels bis 180 Euro je Nacht ohne Genehmigung buchen.", "de"),
            ("Los empleados pueden reservar hoteles de hasta 180 euros por noche sin aprobación.", "es"),
            ("Zone B", None),
            ("0123 4567 " * 50, None),
        ],
    )
    async def test_is_told_from_the_words(self, tmp_path: Path, words: str, language: str | None) -> None:
        assert (await _of(tmp_path / "a.txt", words)).language == language


class TestTitles:
    @pytest.mark.parametrize("words", ["word " * 100_000, "w" * 2_000])
    async def test_a_page_of_text_is_no_title(self, tmp_path: Path, words: str) -> None:
        """It stands before every chunk of the document, and in lists."""
        source = f"<html><head><title>{words}</title></head><body><h1>{words}</h1><p>Text.</p></body></html>"
        document = await _of(tmp_path / "a.html", source)
        assert 200 < len(document.title) <= 300
        assert document.title.endswith("…")
        assert [len(title) <= 300 for title, _ in _titles(document)] == [True]
        assert document.text == f"{words.strip()}\n\nText."


def _rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """An Office file with its parts changed."""
    with zipfile.ZipFile(path) as package:
        parts = {name: change(name, package.read(name)) for name in package.namelist()}
    path.write_bytes(more_files.zipped(parts))
    return path


def _strict(_name: str, part: bytes) -> bytes:
    """As Office saves in the strict form of the standard."""
    return re.sub(
        rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(main|relationships)",
        rb"http://purl.oclc.org/ooxml/\1/\2",
        part,
    )


class TestWhatOfficesForgive:
    @pytest.mark.parametrize(
        ("make", "name"),
        [(more_files.workbook, "a.xlsx"), (more_files.slides, "a.pptx"), (files.word, "a.docx")],
    )
    async def test_the_strict_form_of_the_standard(
        self, tmp_path: Path, make: Callable[[Path], Path], name: str
    ) -> None:
        usual = await parse(make(tmp_path / name), name, None)
        strict = await parse(_rewritten(tmp_path / name, _strict), name, None)
        assert b"purl.oclc.org" in zipfile.ZipFile(tmp_path / name).read("_rels/.rels")
        assert (strict.text, _titles(strict)) == (usual.text, _titles(usual))

    async def test_a_slide_show_and_a_template(self, tmp_path: Path) -> None:
        for suffix, kind in (("ppsx", b"slideshow"), ("potx", b"template")):

            def named(_name: str, part: bytes, kind: bytes = kind) -> bytes:
                return part.replace(b"presentation.main+xml", kind + b".main+xml")

            path = _rewritten(more_files.slides(tmp_path / f"a.{suffix}"), named)
            assert (await parse(path, path.name, None)).text.startswith("Hotels")
        sheets = _rewritten(
            more_files.workbook(tmp_path / "a.xltx"),
            lambda _, part: part.replace(b"sheet.main+xml", b"template.main+xml"),
        )
        assert (await parse(sheets, "a.xltx", None)).text.startswith("Limits")

    async def test_a_workbook_whose_styles_no_library_reads(self, tmp_path: Path) -> None:
        def broken(name: str, part: bytes) -> bytes:
            return (
                part.replace(b"<cellXfs", b"<cellXfs><xf noSuchThing='1'/></cellXfs><cellXfs")
                if "styles" in name
                else part
            )

        path = _rewritten(more_files.workbook(tmp_path / "a.xlsx"), broken)
        document = await parse(path, "a.xlsx", None)
        assert document.text.startswith(f"Limits\n\n{TABLE}")
        assert "styles_unreadable" in _notes(document)

    async def test_code_pages_by_windows_names(self, tmp_path: Path) -> None:
        mail = (
            b"Subject: x\nContent-Type: text/plain; charset=windows-950\nContent-Transfer-Encoding: 8bit\n\n"
        )
        document = await _of(tmp_path / "a.eml", mail + "旅行政策".encode("cp950"))
        assert document.text == "x\n\n旅行政策"

    async def test_pages_that_say_nothing_but_their_number(self, tmp_path: Path) -> None:
        document = FPDF()
        for number in range(1, 5):
            document.add_page()
            document.set_font("helvetica", size=11)
            document.cell(0, 6, f"Annex {number}")
        document.output(str(tmp_path / "a.pdf"))
        found = await parse(tmp_path / "a.pdf", "a.pdf", None)
        assert [page.span.within(found.text).strip() for page in found.pages] == [
            f"Annex {number}" for number in range(1, 5)
        ]

    async def test_an_archive_of_several_scans(self, tmp_path: Path) -> None:
        scans = {}
        for word in ("First", "Second"):
            buffer = io.BytesIO()
            more_files.scan([f"{word} page"]).save(buffer, "PNG")
            scans[f"{word}.png"] = buffer.getvalue()
        document = await parse(more_files.archive(tmp_path / "a.zip", scans), "a.zip", None)
        assert document.text.split("\n\n") == ["First.png", "First page", "Second.png", "Second page"]
