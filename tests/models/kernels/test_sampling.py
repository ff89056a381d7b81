"""Every implementation of the draw against its definition in integers, and against each other bit for bit."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.kernels.sampling import reference
from secretariat.models.kernels.sampling.cpu import CompiledDraw
from secretariat.models.kernels.sampling.reference import Edits, Rule, Words, packed, unpacked

WIDTHS = [1, 7, 16, 31, 33, 272, 1000]
RULES = [
    Rule.of(0),
    Rule.of(0.7),
    Rule.of(1, top_k=5),
    Rule.of(1.3, top_p=0.8),
    Rule.of(0.9, top_k=20, top_p=0.6),
    Rule.of(2.0, min_p=0.1),
    Rule.of(1.0, min_p=0.02, top_k=7, top_p=0.9),
    Rule.of(1e-6, top_p=0.5),
    Rule.of(1e6, top_k=3),
    Rule.of(1e-45),
]
Made = Callable[[int], Callable[..., int]]


@pytest.fixture(scope="module")
def cases() -> list[tuple[torch.Tensor, Words, Edits | None]]:
    draw = random.Random(3)
    torch.manual_seed(3)
    found: list[tuple[torch.Tensor, Words, Edits | None]] = []
    for width in WIDTHS:
        smooth = torch.randn(width) * 4
        tied = (torch.randn(width) * 2).round()
        broken = smooth.clone()
        broken[:: max(width // 3, 1)] = torch.nan
        broken[1 :: max(width // 2, 2)] = -torch.inf
        for logits in (smooth, tied, torch.zeros(width), broken, smooth * 1e30):
            allowed = packed(np.array([draw.random() < 0.7 for _ in range(width)]))
            found.append((logits, allowed, edits_for(width, draw)))
            found.append((logits, packed(np.ones(width, dtype=np.bool_)), None))
    return found


def edits_for(width: int, draw: random.Random) -> Edits:
    seen = draw.sample(range(width), width // 3)
    biased = draw.sample(range(width), width // 4)
    return Edits(
        np.array(seen, dtype=np.int32),
        np.array([draw.randint(0, 3) for _ in seen], dtype=np.int32),
        np.array(biased, dtype=np.int32),
        np.array([draw.uniform(-3, 3) for _ in biased], dtype=np.float32),
        repetition=1.3,
        frequency=0.4,
        presence=0.7,
    )


def test_compiled_draws_what_numpy_draws(compiled, cases):
    draw = random.Random(4)
    for logits_V, allowed_W, edits in cases:
        made = CompiledDraw(compiled, len(logits_V))
        for rule in RULES:
            for bits in (0, 2**64 - 1, draw.getrandbits(64), draw.getrandbits(64)):
                expected = reference.draw(logits_V, allowed_W, rule, edits, bits)
                assert made(logits_V, allowed_W, rule, edits, bits) == expected, (len(logits_V), rule)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_likeliest_of_many_rows_are_those_of_each(compiled, cases, threads: int):
    for width in WIDTHS:
        found = [(logits_V, allowed_W) for logits_V, allowed_W, _ in cases if len(logits_V) == width]
        logits_MV = torch.stack([logits_V for logits_V, _ in found])
        allowed_M = [None if row == 1 else allowed_W for row, (_, allowed_W) in enumerate(found)]
        made = CompiledDraw(compiled, width, threads)
        expected = [
            -1 if allowed_W is None else made(logits_V, allowed_W, Rule())
            for logits_V, allowed_W in zip(logits_MV, allowed_M, strict=True)
        ]
        assert made.likeliest(logits_MV, allowed_M) == expected
        assert reference.likeliest(logits_MV, allowed_M) == expected
        assert made.likeliest(logits_MV[:1], allowed_M[:1]) == expected[:1]


def test_a_large_flat_vocabulary(compiled):
    """Every token lies in one bucket of the histogram, and every sum is long."""
    width = 49152
    made = CompiledDraw(compiled, width)
    allowed_W = packed(np.arange(width) % 7 != 3)
    for logits_V in (torch.zeros(width), torch.randn(width, generator=torch.Generator().manual_seed(1))):
        for rule in (Rule.of(1.0, top_p=0.95), Rule.of(1.5, top_k=4000), Rule.of(1)):
            for bits in (1, 2**63 + 12345, 2**64 - 1):
                expected = reference.draw(logits_V, allowed_W, rule, None, bits)
                assert made(logits_V, allowed_W, rule, None, bits) == expected


def test_logits_are_left_as_they_were(compiled):
    logits_V = torch.randn(50)
    before = logits_V.clone()
    edits = edits_for(50, random.Random(1))
    CompiledDraw(compiled, 50)(logits_V, packed(np.ones(50, dtype=np.bool_)), Rule(), edits)
    reference.draw(logits_V, packed(np.ones(50, dtype=np.bool_)), Rule(), edits)
    assert torch.equal(logits_V, before)


def test_an_edit_ends_with_its_row(compiled):
    made, everything = CompiledDraw(compiled, 4), packed(np.ones(4, dtype=np.bool_))
    bias = Edits(
        np.empty(0, np.int32), np.empty(0, np.int32), np.array([2], np.int32), np.array([9], np.float32)
    )
    logits_V = torch.tensor([0.0, 1.0, 0.5, 0.0])
    assert made(logits_V, everything, Rule(), bias) == 2
    assert made(logits_V, everything, Rule()) == 1


@pytest.fixture(params=["numpy", "compiled"])
def make(request) -> Made:
    if request.param == "numpy":
        return lambda _: reference.draw
    built = library()
    if built is None:
        pytest.skip("no C++ compiler: install g++ to test the compiled operations")
    return lambda width: CompiledDraw(built, width)


def test_nothing_allowed_is_no_token(make: Made):
    nothing, everything = np.zeros(2, np.uint32), packed(np.ones(40, dtype=np.bool_))
    for rule in RULES:
        assert make(40)(torch.randn(40), nothing, rule) == -1
        assert make(40)(torch.full((40,), torch.nan), everything, rule) == -1
        assert make(40)(torch.full((40,), -torch.inf), everything, rule) == -1


def test_weights_are_exponentials():
    z = -np.linspace(0, 21, 5001, dtype=np.float32)
    exact = np.exp(z.astype(np.float64)) * 2**30
    assert np.all(np.abs(reference.weights(z) - exact) <= 1 + exact * 2e-7)
    assert reference.weights(np.zeros(1, np.float32))[0] == 2**30
    assert not reference.weights(np.array([-22.5, -np.inf, np.nan], np.float32)).any()


@pytest.mark.parametrize("rule", RULES[1:7])
def test_each_token_has_its_share_of_the_random_bits(make: Made, rule: Rule):
    """The drawn token changes exactly at the edges of the cumulative distribution, for all 2^64 values."""
    logits_V = torch.tensor([0.1, 2.0, -1.0, 2.0, 0.5, -3.0, 1.2])
    weights = expected_weights(logits_V.numpy(), rule)
    total, edge = sum(weights), 0
    for token, weight in enumerate(weights):
        if weight:
            first = -(-edge * 2**64 // total)
            last = -(-(edge + weight) * 2**64 // total) - 1
            for bits in (first, (first + last) // 2, last):
                assert make(7)(logits_V, packed(np.ones(7, dtype=np.bool_)), rule, None, bits) == token
        edge += weight


def expected_weights(x, rule: Rule) -> list[int]:
    """By the definition, one token after the other."""
    z = (x - x.max()) * np.float32(rule.scale)
    weights = [
        int(w) if v >= np.float32(rule.floor) else 0 for v, w in zip(z, reference.weights(z), strict=True)
    ]
    ranked = sorted((i for i, w in enumerate(weights) if w), key=lambda i: (-x[i], i))
    ranked = ranked[: rule.top_k or None]
    total, kept, mass = sum(weights[i] for i in ranked), list[int](), 0
    for i in ranked:
        if not rule.top_p < 1 or not kept or mass < Fraction(rule.top_p) * total:
            kept.append(i)
            mass += weights[i]
    return [w if i in kept else 0 for i, w in enumerate(weights)]


def test_min_p_and_penalties_by_their_formulas(make: Made):
    x = torch.tensor([2.0, -1.0, 1.5, 0.2, 0.0])
    everything = packed(np.ones(5, dtype=np.bool_))
    edits = Edits(
        np.array([0, 1, 3], np.int32), np.array([2, 0, 1], np.int32), np.array([4], np.int32),
        np.array([1.25], np.float32), repetition=2.0, frequency=0.5, presence=0.25,
    )  # fmt: skip
    changed = [2.0 / 2 - 2 * 0.5 - 0.25, -1.0 * 2, 1.5, 0.2 / 2 - 0.5 - 0.25, 1.25]
    np.testing.assert_allclose(reference.edited(x.numpy(), edits), changed, rtol=1e-6)
    drawn = {make(5)(x, everything, Rule.of(1, min_p=0.5), edits, i << 58) for i in range(64)}
    assert drawn == {i for i, v in enumerate(changed) if math.exp(v - 1.5) >= 0.5} == {2, 4}


def test_frequencies_follow_the_distribution(make: Made):
    logits_V, draw = torch.tensor([0.0, 3.0, 1.0, 3.0, 2.0]), random.Random(5)
    made, allowed_W = make(5), packed(np.array([1, 1, 1, 1, 0], dtype=np.bool_))
    drawn = [made(logits_V, allowed_W, Rule.of(1.0), None, draw.getrandbits(64)) for _ in range(6000)]
    shares = torch.bincount(torch.tensor(drawn), minlength=5) / 6000
    assert torch.allclose(shares[:4], logits_V[:4].softmax(0), atol=0.02)
    assert shares[4] == 0


def test_bits_and_booleans():
    allowed = np.array([True, False] * 20 + [True])
    assert packed(allowed).dtype == np.uint32
    assert np.array_equal(unpacked(packed(allowed), 41), allowed)
    assert not unpacked(packed(allowed), 64)[41:].any()
