"""Files in BEIR's layout as people have them: with a header or without, from Windows, with a wrong line."""

import pytest

from secretariat.retrieval.beir import BeirFileError, read_qrels, read_queries


@pytest.mark.parametrize("header", [b"", b"query-id\tcorpus-id\tscore\n", b"q\td\trelevance\r\n"])
def test_no_judgement_is_taken_for_a_header(header):
    found = [judged for _, *judged in read_qrels(header + b"1\td1\t2\r\n\n1\td2\t0\n2\td1\t-1")]
    assert found == [["1", "d1", 2], ["1", "d2", 0], ["2", "d1", -1]]


def test_lines_are_counted_as_an_editor_counts_them():
    with pytest.raises(BeirFileError, match="Line 4: score must be a whole number") as refused:
        list(read_qrels(b"query-id\tcorpus-id\tscore\n\n1\td1\t1\n1\td2\tmuch"))
    assert refused.value.file == "qrels"


def test_questions_may_have_numbers_for_ids_and_more_fields():
    assert list(read_queries(b'\xef\xbb\xbf{"_id": 7, "text": " Why? ", "metadata": {}}\n')) == [
        (1, "7", "Why?")
    ]
