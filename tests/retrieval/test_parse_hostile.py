"""Files made to exhaust, confuse or escape: each ends with a named reason or with what can safely be read."""

import asyncio
import io
import os
import signal
import struct
import time
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from secretariat.retrieval.core import ParsedDocument
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import DEFAULT_LIMITS, ParseLimits, nursery, parse
from secretariat.retrieval.parse.limits import MIB
from tests.retrieval import files, more_files

WAITING_FOR_PROCESSORS = 10  # a machine that runs other tests too


async def _code(path: Path, content: bytes, limits: ParseLimits = DEFAULT_LIMITS) -> str:
    path.write_bytes(content)
    with pytest.raises(DocumentRejectedError) as caught:
        await parse(path, path.name, None, limits)
    assert caught.value.message.endswith(".")
    return caught.value.code


async def _read(path: Path, content: bytes, limits: ParseLimits = DEFAULT_LIMITS) -> ParsedDocument:
    path.write_bytes(content)
    return await parse(path, path.name, None, limits)


def _pdf(*objects: str) -> bytes:
    body = "\n".join(f"{number} 0 obj {content} endobj" for number, content in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}\ntrailer<</Root 1 0 R>>\n%%EOF".encode()


def _with_sheet(path: Path, sheet: bytes) -> bytes:
    return files.with_part(more_files.workbook(path), "xl/worksheets/sheet1.xml", sheet).read_bytes()


class TestBombs:
    async def test_an_archive_that_inflates_to_too_much(self, tmp_path: Path) -> None:
        assert (
            await _code(tmp_path / "a.zip", more_files.zipped({"a.txt": bytes(50 * MIB)}))
            == "decompression_bomb"
        )

    async def test_members_that_overlap_count_each(self, tmp_path: Path) -> None:
        """One stream that a thousand entries of the directory point to."""
        single = more_files.zipped({"a.txt": b"word " * 100_000})
        end = single.rindex(b"PK\x05\x06")
        start = struct.unpack("<I", single[end + 16 : end + 20])[0]
        entry = single[start:end]
        directory = entry * 1000
        tail = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1000, 1000, len(directory), start, 0)
        assert await _code(tmp_path / "a.zip", single[:start] + directory + tail) == "decompression_bomb"

    async def test_a_bomb_inside_an_archive_costs_only_itself(self, tmp_path: Path) -> None:
        bomb = more_files.zipped({"a.txt": bytes(50 * MIB)})
        document = await _read(
            tmp_path / "a.zip", more_files.zipped({"bomb.zip": bomb, "good.txt": b"All is well."})
        )
        assert document.text == "good.txt\n\nAll is well."
        assert "bomb.zip: The file" in document.notes[0].message

    @pytest.mark.parametrize("suffix", ["xlsx", "pptx"])
    async def test_entities_that_multiply(self, tmp_path: Path, suffix: str) -> None:
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "boom">{levels}]><d>&e9;</d>'.encode()
        path = tmp_path / f"a.{suffix}"
        make, part = {
            "xlsx": (more_files.workbook, "xl/sharedStrings.xml"),
            "pptx": (more_files.slides, "ppt/slides/slide1.xml"),
        }[suffix]
        files.with_part(make(path), part, bomb)
        began = time.monotonic()
        try:
            document = await parse(path, path.name, None)
        except DocumentRejectedError as rejected:
            assert rejected.code in {"corrupt_document", "media_type_mismatch"}  # noqa: PT017 - either is right
        else:
            assert "boom" not in document.text
        assert time.monotonic() - began < 30

    async def test_a_picture_of_too_many_points(self, tmp_path: Path) -> None:
        def chunk(kind: bytes, content: bytes) -> bytes:
            return (
                struct.pack(">I", len(content))
                + kind
                + content
                + struct.pack(">I", zlib.crc32(kind + content))
            )

        head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
        picture = (
            b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        )
        assert await _code(tmp_path / "a.png", picture) == "decompression_bomb"


class TestEndlessness:
    async def test_a_sheet_with_a_cell_in_its_last_corner(self, tmp_path: Path) -> None:
        sheet = (
            b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            b'<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
            b'<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData></worksheet>'
        )
        content = _with_sheet(tmp_path / "a.xlsx", sheet)
        document = await _read(tmp_path / "a.xlsx", content, replace(DEFAULT_LIMITS, rows=5_000))
        assert document.text.startswith("Limits\n\n1\n")
        assert document.notes[0].code == "rows_left_out"

    async def test_pages_that_are_their_own_parents(self, tmp_path: Path) -> None:
        loop = _pdf(
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 9>>",
            "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9/Parent 3 0 R>>",
        )
        assert await _code(tmp_path / "a.pdf", loop) in {"corrupt_document", "no_text"}

    async def test_a_million_pages_that_aren_t_there(self, tmp_path: Path) -> None:
        many = _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 1000000>>")
        assert await _code(tmp_path / "a.pdf", many) in {"corrupt_document", "no_text", "too_large"}

    async def test_a_page_as_large_as_a_town(self, tmp_path: Path) -> None:
        huge = _pdf(
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9e9 9e9]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            "<</Length 30>>stream\nq 9e9 0 0 9e9 0 0 cm /I Do Q  \nendstream",
            "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>"
            "stream\n0\nendstream",
        )
        assert await _code(tmp_path / "a.pdf", huge) in {"no_text", "corrupt_document"}

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.json", b"[" * 10_000 + b"]" * 10_000),
            ("a.json", b'{"a":' * 500 + b"1" + b"}" * 500),
            ("a.html", b"<div>" * 50_000 + b"Bottom."),
        ],
    )
    async def test_nesting_without_end(self, tmp_path: Path, name: str, content: bytes) -> None:
        assert await _code(tmp_path / name, content) == "too_deep"

    async def test_a_mail_of_parts_within_parts(self, tmp_path: Path) -> None:
        levels = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(3000))
        code = await _code(tmp_path / "a.eml", f"Subject: deep\n{levels}".encode())
        assert code in {"too_deep", "corrupt_document", "too_slow"}

    async def test_a_line_of_commas(self, tmp_path: Path) -> None:
        document = await _read(tmp_path / "a.csv", b"a,b\n" + b"," * 1_500_000)
        assert document.text == "a | b"
        assert document.notes[0].code == "rows_left_out"


class TestNames:
    async def test_paths_that_lead_out_are_shown_without_that(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            for name in (
                "../../root/.ssh/keys.txt",
                "C:\\Windows\\win.txt",
                "/etc/shadow.txt",
                "a\u202etxt.\nmd",
            ):
                package.writestr(name, b"Words in it.")
        document = await _read(tmp_path / "a.zip", buffer.getvalue())
        assert [section.title for section in document.sections] == [
            "root/.ssh/keys.txt", "Windows/win.txt", "etc/shadow.txt", "atxt. md",
        ]  # fmt: skip


class TestIsolation:
    async def test_a_zygote_that_dies_is_replaced(self, tmp_path: Path) -> None:
        await _read(tmp_path / "a.txt", b"Before.")
        before = nursery.NURSERY.process_id
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert (await _read(tmp_path / "a.txt", b"After.")).text == "After."
        assert nursery.NURSERY.process_id != before

    async def test_the_zygote_has_one_thread_no_secrets_and_no_children_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SECRETARIAT_PASSWORD", "swordfish")
        nursery.NURSERY.close()
        await _read(tmp_path / "a.txt", b"Words.")
        assert nursery.NURSERY.process_id is not None
        zygote = psutil.Process(nursery.NURSERY.process_id)
        assert zygote.num_threads() == 1
        told = {name for name in zygote.environ() if not name.startswith(("MALLOC_", "GLIBC_"))}
        assert told <= {"LC_ALL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
        assert zygote.children(recursive=True) == []
        assert [file.path for file in zygote.open_files() if not file.path.endswith("/children")] == []

    async def test_the_next_document_doesn_t_wait_for_a_slow_one(self, tmp_path: Path) -> None:
        slow = replace(DEFAULT_LIMITS, wall_s=0.01)
        with pytest.raises(DocumentRejectedError):
            await _read(tmp_path / "slow.txt", b"word " * 1_000_000, slow)
        began = time.monotonic()
        assert (await _read(tmp_path / "a.txt", b"Words.")).text == "Words."
        assert time.monotonic() - began < 5

    async def test_a_zygote_that_hangs_delays_the_next_by_seconds(self, tmp_path: Path) -> None:
        await _read(tmp_path / "a.txt", b"Before.")
        assert nursery.NURSERY.process_id is not None
        os.kill(nursery.NURSERY.process_id, signal.SIGSTOP)
        began = time.monotonic()
        assert (await _read(tmp_path / "a.txt", b"After.")).text == "After."
        assert time.monotonic() - began < 5 + WAITING_FOR_PROCESSORS

    async def test_a_bad_document_doesn_t_delay_the_others(self, tmp_path: Path) -> None:
        """Forms within forms: what a page of some hundred bytes shows has millions of parts."""
        forms = [
            f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F {number + 1} 0 R>>>>/Length 48>>"
            f"stream\n{'/F Do ' * 8}\nendstream"
            for number in range(4, 13)
        ]
        forms[-1] = "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 11>>stream\n0 0 1 1 re f\nendstream"
        page = (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 13 0 R/Resources<</XObject<</F 4 0 R>>>>>>"
        )
        bad = _pdf(
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page, *forms,
            "<</Length 6>>stream\n/F Do \nendstream",
        )  # fmt: skip
        limits = replace(DEFAULT_LIMITS, cpu_s=2)
        reading = asyncio.create_task(_code(tmp_path / "bad.pdf", bad, limits))
        for number in range(3):
            began = time.monotonic()
            assert (await _read(tmp_path / f"{number}.txt", b"Words.")).text == "Words."
            assert time.monotonic() - began < 5
            assert number or not reading.done()
        assert await reading in {"too_slow", "too_large", "corrupt_document"}

    async def test_a_reason_never_quotes_the_document(self, tmp_path: Path) -> None:
        (tmp_path / "a.docx").write_bytes(b"PK\x03\x04 the secret word is swordfish")
        with pytest.raises(DocumentRejectedError) as caught:
            await parse(tmp_path / "a.docx", "a.docx", None)
        error = caught.value
        assert "swordfish" not in f"{error.message} {getattr(error, '__notes__', [])}"
