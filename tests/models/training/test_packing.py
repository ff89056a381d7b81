"""Documents in rows: nothing is lost, little is empty, and the order is a function of the seed and the step."""

from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.models.training.examples import Example
from secretariat.models.training.optimizer import rate_at
from secretariat.models.training.packing import PADDING, Order, first_fit, rows_of

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(LENGTHS)
def test_every_document_lies_whole_in_one_row(lengths):
    documents = [Example(list(range(n)), [at % 2 == 0 for at in range(n)], "") for n in lengths]
    rows = rows_of(documents, 50)
    assert sorted(int(rows.documents_BT[row, start]) for row, start, _ in rows.spans) == list(
        range(len(lengths))
    )
    for row, start, stop in rows.spans:
        own = documents[int(rows.documents_BT[row, start])]
        assert rows.tokens_BT[row, start:stop].tolist() == own.tokens
        assert rows.positions_BT[row, start:stop].tolist() == list(range(len(own.tokens)))
        assert rows.learn_BT[row, start:stop].tolist() == [False, *own.learn[1:]]
    assert int((rows.documents_BT != PADDING).sum()) == sum(lengths) == rows.tokens
    assert rows.learnt == sum(sum(one.learn[1:]) for one in documents)


@settings(max_examples=40, deadline=None)
@given(LENGTHS)
def test_all_but_one_row_is_at_least_half_full(lengths):
    filled = sorted(sum(lengths[at] for at in row) for row in first_fit(lengths, 50))
    assert all(tokens > 25 for tokens in filled[1:])


def test_a_step_is_the_same_whatever_was_asked_before_and_an_epoch_takes_all():
    def order():
        return Order([7, 20, 3, 11, 16, 9], row_tokens=20, batch_tokens=40, seed=4)

    forth = order()
    steps = [forth.step(number) for number in range(9)]
    back = order()
    assert [back.step(number) for number in reversed(range(9))] == steps[::-1]
    assert steps != [
        Order([7, 20, 3, 11, 16, 9], row_tokens=20, batch_tokens=40, seed=5).step(n) for n in range(9)
    ]
    taken = [index for step in steps for row in step for index in row]
    assert sorted(taken[:6]) == [0, 1, 2, 3, 4, 5]
    assert taken[:6] != taken[6:12]


def test_the_rate_rises_and_falls_to_its_floor():
    rates = [rate_at(step, 100, 2.0, warmup=0.1, floor=0.25) for step in range(100)]
    assert max(rates) == rates[10] == 2.0
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] > 0
    assert rates[-1] == 0.5
