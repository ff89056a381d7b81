"""Where in a passage an answer is looked for."""

from secretariat.retrieval.search.sentence_weights import sentence_weights

TEXT = "The mill was sold twice. Its wheel was cast in Bremen. Ada Holm built the mill. She was nineteen."
QUESTION = "Who built the mill?"


def _by_sentence(question: str, text: str) -> dict[str, float]:
    return {text[each.start : each.end]: each.weight for each in sentence_weights(question, text)}


def test_the_sentence_in_words_of_the_question_weighs_most_and_the_one_below_it_more_than_others():
    weights = _by_sentence(QUESTION, TEXT)
    assert " ".join(weights) == TEXT
    sold, wheel, built, nineteen = weights.values()
    assert built == max(weights.values())
    assert nineteen > wheel
    assert built > nineteen
    assert sold > 0


def test_other_forms_of_a_word_count_as_the_word():
    assert _by_sentence("Who built mills?", TEXT) == _by_sentence(QUESTION, TEXT)


def test_a_question_in_other_words_favours_no_sentence():
    assert set(_by_sentence("Where does the river rise?", TEXT).values()) == {0.0}
    assert sentence_weights(QUESTION, "") == ()
