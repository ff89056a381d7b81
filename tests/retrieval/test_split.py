"""Chunks: exact, complete, small enough for the encoder, along headings and sentences."""

import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.retrieval.core import Block, ChunkDraft, ParsedDocument, Section, Span
from secretariat.retrieval.embed import embedding_text
from secretariat.retrieval.parse import parse
from secretariat.retrieval.parse.text import TextBuilder, normalise
from secretariat.retrieval.sentences import sentences
from secretariat.retrieval.split import MAX_PIECES, pieces, split
from tests.retrieval import files
from tests.retrieval.embedders import MINILM


def _check(document: ParsedDocument) -> None:
    chunks = split(document)
    end = 0
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert chunk.text == chunk.span.within(document.text)
        assert chunk.sha256 == hashlib.sha256(chunk.text.encode()).hexdigest()
        assert not document.text[end : chunk.span.start].strip()
        assert chunk.text == chunk.text.strip()
        assert pieces(chunk.text) <= 1.1 * MAX_PIECES
        end = chunk.span.end
    assert not document.text[end:].strip()
    assert chunks == split(document)


@pytest.mark.parametrize("name", ["policy.pdf", "policy.docx", "policy.html", "policy.md", "policy.txt"])
async def test_spans_are_exact_for_every_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match path.suffix:
        case ".pdf":
            files.pdf(path)
        case ".docx":
            files.word(path)
        case suffix:
            contents = {".html": files.HTML, ".md": files.MARKDOWN, ".txt": files.PLAIN}
            path.write_text(contents[suffix])
    document = await parse(path, name, None)
    assert document.text == normalise(document.text)
    _check(document)


_blocks = st.lists(
    st.tuples(st.sampled_from(["heading", "paragraph", "line", "verbatim"]), st.integers(1, 4), st.text()),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_blocks)
def test_spans_are_exact_for_any_text(blocks: list[tuple[str, int, str]]) -> None:
    builder = TextBuilder(1_000_000)
    for kind, level, text in blocks:
        if kind == "heading":
            builder.heading(text, level)
        else:
            getattr(builder, kind)(text * 40 * level)
    built = builder.finish()
    for section in built.sections:
        assert built.text.startswith(section.title, section.start)
    _check(ParsedDocument("t", built.text, "text/plain", built.sections))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab .!?\n\"'(1A。é", max_size=200))
def test_sentences_cover_the_text_without_overlap(text: str) -> None:
    end = 0
    for span in sentences(text, Span(0, len(text))):
        assert span.start >= end
        assert not text[end : span.start].strip()
        assert "\n" not in span.within(text)
        end = span.end
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It ends. It begins.", ["It ends.", "It begins."]),
        ("See Dr. Meyer, e.g. on Monday. Or not.", ["See Dr. Meyer, e.g. on Monday.", "Or not."]),
        ("Pay 3.5 euros. Really?", ["Pay 3.5 euros.", "Really?"]),
        ("J. Smith signs. Done!", ["J. Smith signs.", "Done!"]),
        ("1. Verify identity. Then go.", ["1. Verify identity.", "Then go."]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("你好。再见。", ["你好。", "再见。"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [span.within(text) for span in sentences(text, Span(0, len(text)))] == expected


def _document(*sections: tuple[str, int, int]) -> ParsedDocument:
    """Sections of (title, level, number of sentences)."""
    builder = TextBuilder(1_000_000)
    for title, level, count in sections:
        builder.heading(title, level)
        sentence = f"This sentence belongs to the section {title} and nowhere else."
        builder.paragraph(" ".join([sentence] * count))
    built = builder.finish()
    return ParsedDocument("Policy", built.text, "text/plain", built.sections)


def test_a_chunk_knows_the_headings_above_it() -> None:
    chunks = split(_document(("Policy", 1, 1), ("Travel", 2, 18), ("Hotels", 3, 18), ("Food", 2, 18)))
    assert next(chunk.heading_path for chunk in chunks if "Hotels and" in chunk.text) == (
        "Policy",
        "Travel",
        "Hotels",
    )
    assert chunks[-1].heading_path == ("Policy", "Food")


def test_sections_that_fit_are_kept_whole() -> None:
    chunks = split(_document(("One", 1, 12), ("Two", 1, 12), ("Three", 1, 12)))
    assert [chunk.text.split("\n")[0] for chunk in chunks] == ["One", "Two", "Three"]


def test_small_sections_share_a_chunk_under_their_common_headings() -> None:
    chunks = split(_document(("Policy", 1, 1), ("One", 2, 1), ("Two", 2, 1)))
    assert [chunk.heading_path for chunk in chunks] == [("Policy",)]


def test_no_heading_is_left_behind_by_its_text() -> None:
    for chunk in split(_document(*[(f"Part {number}", 1, number % 17 + 1) for number in range(40)])):
        assert not re.fullmatch(r"Part \d+", chunk.text.split("\n")[-1])


def test_a_page_comes_with_the_chunk() -> None:
    builder = TextBuilder(1_000_000)
    for page in range(1, 4):
        builder.page(page)
        builder.paragraph(f"Page {page} has this sentence. " * 40)
    built = builder.finish()
    chunks = split(ParsedDocument("t", built.text, "application/pdf", built.sections, built.pages))
    assert {chunk.page for chunk in chunks} == {1, 2, 3}
    for chunk in chunks:
        assert chunk.text.startswith(f"Page {chunk.page}")


def test_a_word_without_end_is_cut() -> None:
    _check(ParsedDocument("t", "x" * 20_000 + " short. " + "\u6f22" * 2000, "text/plain"))


@pytest.mark.parametrize("unit", ["e.g. ", ".", "a. ", "x", "! ", ". \n", "Dr. A. B. no. 5 ", "(", " "])
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    began = time.monotonic()
    _check(ParsedDocument("t", (unit * 60_000)[:60_000], "text/plain"))
    assert time.monotonic() - began < 10


def test_a_section_deeper_than_its_parent_is_listed_under_it() -> None:
    document = ParsedDocument("t", "Deep\n\nText.", "text/plain", (Section("Deep", 4, 0),))
    assert split(document)[0].heading_path == ("Deep",)


def _blocks_document(*parts: tuple[str, str]) -> ParsedDocument:
    """Parts of (kind, text); kinds other than those of blocks are paragraphs."""
    text, blocks = "", []
    for kind, words in parts:
        text += "\n\n" if text else ""
        if kind in {"table", "list", "code"}:
            blocks.append(Block(kind, Span(len(text), len(text) + len(words))))  # type: ignore[arg-type]
        text += words
    return ParsedDocument("Rates", text, "text/plain", blocks=tuple(blocks))


def test_a_table_is_cut_between_rows_and_its_header_is_read_with_every_part() -> None:
    header = "City | Hotel, up to | Meals a day"
    rows = [f"City number {n}. Really | {n}.00 euros | {n % 7}.50 euros" for n in range(80)]
    document = _blocks_document(("p", "What may be spent:"), ("table", "\n".join([header, *rows])))
    _check(document)
    first, *rest = split(document)
    assert first.text.startswith("What may be spent:\n\n" + header)
    assert first.header == ""
    assert rest
    for chunk in (first, *rest):
        assert set(chunk.text.split("\n")) <= {"What may be spent:", "", header, *rows}
    for chunk in rest:
        assert chunk.header == header
        assert embedding_text("Rates", (), chunk.text, chunk.header).startswith(
            f"Rates\n{header}\nCity number"
        )


def test_a_row_too_long_for_any_chunk_is_cut_between_cells() -> None:
    cells = [f"cell {n} " + "has a dozen words in it " * 8 for n in range(20)]
    document = _blocks_document(("table", "a | b\n" + " | ".join(cells)))
    _check(document)
    for chunk in split(document)[1:]:
        assert chunk.text.startswith("cell ")


def test_a_list_stays_with_what_announces_it() -> None:
    filler = "This sentence fills the page with eleven words of nothing much. "
    items = "\n".join(f"- item number {n} says a few words" for n in range(12))
    for before in range(4, 24):
        document = _blocks_document(("p", filler * before + "Bring these things:"), ("list", items))
        _check(document)
        (chunk,) = [chunk for chunk in split(document) if "item number 0" in chunk.text]
        assert "Bring these things:\n\n- item number 0" in chunk.text
        assert "item number 11" in chunk.text


def test_code_that_fits_is_kept_in_one_piece() -> None:
    code = "\n".join(f"total = total + price[{n}]  # e.g. line. Number {n}" for n in range(10))
    filler = "This sentence fills the page with eleven words of nothing much. "
    for before in range(2, 22):
        document = _blocks_document(("p", filler * before), ("code", code), ("p", filler * 3))
        _check(document)
        assert any(code in chunk.text for chunk in split(document))


def _facts(count: int) -> list[str]:
    """Sentences, no two of which are alike."""
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
    return [
        f"Case {digest[:6]} was decided on day {digest[6:9]} of term {digest[9:12]}." for digest in digests
    ]


@pytest.mark.parametrize("joint", [" ", "\n\n"])
def test_an_edit_leaves_the_chunks_away_from_it_as_they_were(joint: str) -> None:
    facts = _facts(400)
    before = {chunk.key for chunk in split(ParsedDocument("t", joint.join(facts), "text/plain"))}
    assert len(before) > 20
    changed = []
    for place in range(0, 400, 40):
        edited = [*facts[:place], "Somebody added this.", *facts[place:]]
        after = [chunk.key for chunk in split(ParsedDocument("t", joint.join(edited), "text/plain"))]
        changed.append(sum(key not in before for key in after))
    assert sum(changed) / len(changed) <= 3
    assert max(changed) <= len(before) / 2


def test_keys_name_words_and_headings_and_nothing_else() -> None:
    def keys(document: ParsedDocument) -> list[str]:
        return [chunk.key for chunk in split(document)]

    text = "Alpha is first.\n\n" + "Beta comes next. " * 60
    plain = ParsedDocument("t", text, "text/plain")
    assert keys(plain) == keys(
        ParsedDocument("other title", text.replace("first.\n", "first. \n\n"), "text/html")
    )
    headed = ParsedDocument("t", "Top\n\n" + text, "text/plain", (Section("Top", 1, 0),))
    renamed = ParsedDocument("t", "Tip\n\n" + text, "text/plain", (Section("Tip", 1, 0),))
    assert not {*keys(headed)} & {*keys(renamed)}


def test_what_is_said_twice_has_two_keys() -> None:
    chunks = split(_document(("Same", 1, 12), ("Same", 1, 12)))
    keys = [chunk.key for chunk in chunks]
    assert [chunk.text for chunk in chunks] == [chunks[0].text] * 2
    assert len({*keys}) == 2


class _Letters:
    """A tokenizer for which each character is a token, framed by two more."""

    def count(self, texts: Sequence[str]) -> list[int]:
        return [2 + len(text) for text in texts]


def test_the_budget_is_the_models_own_and_has_room_for_the_headings() -> None:
    document = _document(("Policy", 1, 3), ("Journeys by rail", 2, 9))
    chunks = split(document, _Letters(), most=400, window=300)
    assert " ".join(chunk.text for chunk in chunks).split() == document.text.split()
    for chunk in chunks:
        (read,) = _Letters().count([embedding_text(document.title, chunk.heading_path, chunk.text)])
        assert read <= 300


@pytest.mark.skipif(not (MINILM / "tokenizer.json").is_file(), reason="needs the encoder's tokenizer")
async def test_the_encoder_reads_every_chunk_whole() -> None:
    from secretariat.models.tokens.encoder_tokenizer import EncoderTokenizer

    tokenizer = EncoderTokenizer.open(MINILM / "tokenizer.json", 256)
    handbook = Path(__file__).parents[2] / "examples" / "handbook"
    chunks: list[tuple[str, ChunkDraft]] = []
    for path in sorted(handbook.rglob("*.md")):
        document = await parse(path, path.name, None)
        chunks += [(document.title, chunk) for chunk in split(document, tokenizer)]
    assert chunks
    read = [embedding_text(title, chunk.heading_path, chunk.text, chunk.header) for title, chunk in chunks]
    assert max(tokenizer.count(read)) <= 256
