"""Held runs: drafts that may be refused read the states and move them only as far as they are accepted."""

import pytest
import torch

from secretariat.models.nets.batch import Run
from secretariat.models.nets.network import Commit
from tests.models.nets.tiny import KINDS, assert_close, batch, feed, network, pages, random_tokens

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
OWN = pages(4, 1, 6)


def state(net, slot=1):
    return [part.clone() for part in net.memory.slot_arrays(slot)]


def assert_same(ours, theirs):
    for our, their in zip(ours, theirs, strict=True):
        assert_close(our, their)


@EVERY_KIND
def test_a_held_run_answers_as_a_plain_one_and_leaves_the_state(kind):
    net, tokens = network(kind), random_tokens(20)
    feed(net, tokens[:14], OWN)
    before = state(net)
    held = feed(net, tokens[14:], OWN, start=14, held=True)
    assert all(torch.equal(now, then) for now, then in zip(state(net), before, strict=True))
    assert_close(held, feed(net, tokens[14:], OWN, start=14))


@EVERY_KIND
@pytest.mark.parametrize("accepted", range(7))
@pytest.mark.parametrize("past", [0, 1, 14])
def test_a_commit_is_the_plain_run_of_what_was_accepted(kind, accepted, past):
    """Also fewer tokens than the convolution looks back, from the very start, in a slot that somebody left."""
    tokens = random_tokens(past + 6, 1)
    nets = [network(kind) for _ in range(2)]
    for net in nets:
        feed(net, random_tokens(9, 2), OWN)
        if past:
            feed(net, tokens[:past], OWN)
    held, plain = nets
    feed(held, tokens[past:], OWN, start=past, held=True)
    held.commit([Commit(1, accepted)])
    if accepted:
        feed(plain, tokens[past : past + accepted], OWN, start=past)
    assert_same(state(held), state(plain))
    more = random_tokens(3, 3)
    after = past + accepted
    if after:
        ours, theirs = (feed(net, more, OWN, start=after) for net in nets)
        assert_close(ours, theirs)


@EVERY_KIND
def test_each_of_many_held_runs_goes_its_own_way(kind):
    """Four drafts, two of them equally long, beside a prompt and a decoding sequence."""
    net, alone = network(kind), network(kind)
    pasts, drafts, accepted = [5, 8, 3, 17], [4, 4, 2, 6], [4, 1, 0, 3]
    rows = [
        random_tokens(past + draft, index)
        for index, (past, draft) in enumerate(zip(pasts, drafts, strict=True))
    ]
    own = [pages(2 * index, 2 * index + 1) for index in range(6)]
    for index, (row, past) in enumerate(zip(rows, pasts, strict=True)):
        feed(net, row[:past], own[index], slot=index + 1)
    feed(net, random_tokens(6, 8), own[5], slot=6)
    work = [
        (Run(past, draft, own[index], slot=index + 1, held=True), row[past:])
        for index, (row, past, draft) in enumerate(zip(rows, pasts, drafts, strict=True))
    ]
    work.insert(1, (Run(0, 4, own[4], slot=5), random_tokens(4, 7)))
    work.append((Run(6, 1, own[5], slot=6), [3]))
    net.forward(batch(*work))
    net.commit([Commit(slot, count) for slot, count in enumerate(accepted, start=1)])
    wanted = [row[: past + count] for row, past, count in zip(rows, pasts, accepted, strict=True)]
    wanted += [random_tokens(4, 7), [*random_tokens(6, 8), 3]]
    for slot, row in enumerate(wanted, start=1):
        feed(alone, row, own[slot - 1], slot=slot)
        assert_same(state(net, slot), state(alone, slot))


@EVERY_KIND
def test_refused_drafts_are_as_never_tried(kind):
    net, tokens = network(kind), random_tokens(30)
    feed(net, tokens[:12], OWN)
    for seed in (5, 6):
        feed(net, random_tokens(9, seed), OWN, start=12, held=True)
        net.commit([Commit(1, 0)])
    after = feed(net, tokens[12:], OWN, start=12)
    assert_close(after, feed(network(kind), tokens, OWN)[12:])


def test_more_tokens_than_were_promised_are_not_held():
    net = network("mamba2")
    with pytest.raises(AssertionError):
        feed(net, random_tokens(net.memory.size.held + 1), OWN, held=True)


def test_a_commit_of_what_was_not_held_is_a_bug_that_shows():
    net, tokens = network("mamba1"), random_tokens(6)
    feed(net, tokens, OWN)
    with pytest.raises(AssertionError, match="held"):
        net.commit([Commit(1, 2)])
    feed(net, tokens[:4], OWN, start=6, held=True)
    with pytest.raises(AssertionError, match="held"):
        net.commit([Commit(1, 5)])
    net.commit([Commit(1, 4)])
    with pytest.raises(AssertionError, match="held"):
        net.commit([Commit(1, 4)])
