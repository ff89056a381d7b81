"""Files of questions: what is taken, and what is said of a line that can't be."""

import json
from collections.abc import Mapping

import pytest

from secretariat.platform.evaluation.questions import MOST_QUESTIONS, read_questions
from secretariat.retrieval.beir import BeirFileError

HEADER = "query-id\tcorpus-id\tscore\n"


def lines(*rows: Mapping[str, object]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_questions_come_in_the_order_of_their_file_with_what_they_require():
    queries = lines(
        {"_id": "b", "text": "Second?"}, {"_id": 1, "text": " First? "}, {"_id": "c", "text": "?"}
    )
    qrels = f"{HEADER}1\tleave.md\t1\nb\ttravel policy.pdf\t2\n1\trates.md\t1\n1\told.md\t0\n"
    questions, left_out = read_questions(queries, qrels.encode())
    assert [(one.name, one.text, dict(one.required)) for one in questions] == [
        ("b", "Second?", {"travel policy.pdf": 2}),
        ("1", "First?", {"leave.md": 1, "rates.md": 1}),
    ]
    assert left_out == 1


def test_a_header_a_byte_order_mark_and_windows_line_ends_do_no_harm():
    queries = b"\xef\xbb\xbf" + lines({"_id": "1", "text": "First?"}) + b"\r\n\r\n"
    questions, _ = read_questions(queries, b"1\tleave.md\t1\r\n")
    assert dict(questions[0].required) == {"leave.md": 1}


@pytest.mark.parametrize(
    ("queries", "qrels", "file", "says"),
    [
        (b"secret", b"1\ta\t1", "queries", "Line 1: not a JSON object"),
        (b'{"_id": "1"}', b"1\ta\t1", "queries", "Line 1: not a JSON object"),
        (b'["1", "text"]', b"1\ta\t1", "queries", "Line 1: not a JSON object"),
        (b'{"_id": "1", "text": "\\ud800"}', b"1\ta\t1", "queries", "Line 1: not a JSON object"),
        (b"[" * 100_000, b"1\ta\t1", "queries", "Line 1: not a JSON object"),
        (b'{"_id": "1", "text": " "}', b"1\ta\t1", "queries", "Line 1: text must have"),
        (b'{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}', b"1\ta\t1", "queries", "Line 2: _id must"),
        (b"\xff\xfe", b"1\ta\t1", "queries", "not UTF-8"),
        (b'{"_id": "1", "text": "a"}', b"1 a 1", "qrels", "Line 1: not query-id"),
        (b'{"_id": "1", "text": "a"}', b"1\ta\t1\n1\ta\tsecret", "qrels", "Line 2: score must"),
        (b'{"_id": "1", "text": "a"}', b"1\ta\t00000000099999", "qrels", "Line 1: score must"),
        (b'{"_id": "1", "text": "a"}', b"1\ta\t101", "qrels", "Line 1: score must be from 0 to 100"),
        (b'{"_id": "1", "text": "a"}', b"1\ta\t-1", "qrels", "Line 1: score must be from 0 to 100"),
        (b'{"_id": "1", "text": "a"}', b"h\th\th\n1\ta\t" + b"9" * 5000, "qrels", "Line 2: score must"),
        (b'{"_id": "1", "text": "a"}', b"2\ta\t1", "qrels", "Line 1: no question"),
        (b'{"_id": "1", "text": "a"}', b"1\t\t1", "qrels", "Line 1: corpus-id must"),
        (b'{"_id": "1", "text": "a"}', b"1\ta\t0", "qrels", "no document that answers"),
        (b"", b"", "qrels", "no document that answers"),
        (b'{"_id": "1", "text": "a"}', b"1\t\x00\t1", "qrels", "Line 1: corpus-id must"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_its_words(queries, qrels, file, says):
    with pytest.raises(BeirFileError, match=says) as refused:
        read_questions(queries, qrels)
    assert refused.value.file == file
    assert "secret" not in str(refused.value)


def test_a_set_has_its_limits():
    queries = lines(*({"_id": str(n), "text": "?"} for n in range(MOST_QUESTIONS + 1)))
    qrels = "".join(f"{n}\ta.md\t1\n" for n in range(MOST_QUESTIONS + 1))
    with pytest.raises(BeirFileError, match="at most 1000 questions"):
        read_questions(queries, qrels.encode())
    many = "".join(f"0\t{n}.md\t1\n" for n in range(101))
    with pytest.raises(BeirFileError, match="Line 101: a question has at most 100 documents"):
        read_questions(queries, many.encode())


def test_answers_come_with_questions_and_none_at_all_means_that_there_is_none():
    queries = lines(
        {"_id": "1", "text": "Days?", "answers": ["5", " five "]},
        {"_id": "2", "text": "Safe?", "answers": []},
        {"_id": "3", "text": "Else?"},
    )
    questions, left_out = read_questions(queries, b"1\tleave.md\t1")
    assert [(one.name, one.answers) for one in questions] == [("1", ["5", "five"]), ("2", [])]
    assert left_out == 1
    for answers in ("five", [5], [""], ["a\n"], ["x"] * 21):
        bad = lines({"_id": "1", "text": "Days?"}, {"_id": "2", "text": "?", "answers": answers})
        with pytest.raises(BeirFileError, match="Line 2: answers is a list"):
            read_questions(bad, b"1\tleave.md\t1")
