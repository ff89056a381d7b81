import pytest

from secretariat.models.engine.output import Output


def test_characters_come_whole():
    output = Output(())
    assert [output.push(bytes([b])) for b in "é👍".encode()] == ["", "é", "", "", "", "👍"]


def test_an_unfinished_character_is_shown_as_such_at_the_end():
    output = Output(())
    assert output.push("👍".encode()[:2]) == ""
    assert output.finish() == "\ufffd"


@pytest.mark.parametrize("split", range(1, 15))
def test_a_stop_string_is_found_however_it_is_cut(split: int):
    data, output = b"answer\n\nQ: next", Output(("\nQ:", "zzz"))
    shown = output.push(data[:split]) + output.push(data[split:])
    assert shown == "answer\n"
    assert output.stopped
    assert output.finish() == ""


def test_text_that_only_began_like_a_stop_string_is_released():
    output = Output(("STOP",))
    assert output.push(b"a ST") == "a "
    assert output.push(b"A") == "STA"
    assert output.push(b" ST") == " "
    assert output.finish() == "ST"
    assert not output.stopped


def test_the_earliest_of_several_stops_wins():
    output = Output(("cd", "b"))
    assert output.push(b"abcd") == "a"


def test_unsettled_text_waits_and_is_dropped_at_the_end():
    output = Output(())
    assert output.push(b"one tw", settled=3) == "one"
    assert output.push(b"o", settled=7) == " two"
    assert output.push(b" thr", settled=7) == ""
    assert output.finish() == ""
