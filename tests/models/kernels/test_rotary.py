"""Angles, norms, clips, rotation and the pages they end in, against float64, in every instruction set."""

import math

import pytest
import torch

from secretariat.models.kernels.library import Program
from secretariat.models.kernels.rotary.cpu import QkNorm, Turning, add_rotary, add_rotary_table
from secretariat.models.kernels.rotary.reference import normed, rotary_table, rotated
from tests.models.kernels.paged import Runs, empty_pages, read_pages

H, K = 6, 2


def frequencies(pairs: int) -> torch.Tensor:
    return 10000.0 ** -(torch.arange(pairs, dtype=torch.float64) / pairs)


def run_of(pages: int, start: int, count: int) -> Runs:
    return Runs((start, count, list(range(pages))[::-1]))


def project(program, dim, *, dtype=torch.float32, turn=0, interleaved=False, start=5, count=20, **options):
    """(what was projected [N, H + 2K, D], what became of it, keys [L, K, D] and values of the pages)"""
    runs = run_of(4, start, count)
    turning = None
    if turn:
        tables = torch.full((2, count, turn // 2), torch.nan)
        turning = Turning(tables[0], tables[1], interleaved=interleaved)
        add_rotary_table(program, frequencies(turn // 2), *tables)
    keys, values = empty_pages(4, K, dim, dtype)
    before = torch.randn(count, (H + 2 * K) * dim) * 2
    qkv = before.clone()
    add_rotary(program, qkv, keys, values, turning=turning, **options)
    program.run(runs.step)
    k_LKD, v_LKD = read_pages(keys, values, list(range(4))[::-1], 64)
    return before.view(count, -1, dim), qkv.view(count, -1, dim), k_LKD, v_LKD


@pytest.mark.parametrize("pairs", [1, 16, 20])
def test_angles_stay_exact_far_into_a_sequence(program, pairs):
    cosines, sines = (torch.full((70, pairs), torch.nan) for _ in range(2))
    add_rotary_table(program, frequencies(pairs), cosines, sines, factor=1.25)
    program.run(Runs((262_080, 64, [0]), (0, 6, [0])).step)
    positions = torch.cat((torch.arange(262_080, 262_144), torch.arange(6)))
    expected = rotary_table(positions, frequencies(pairs), factor=1.25)
    for found, exact in zip((cosines, sines), expected, strict=True):
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-7)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(("dim", "turn"), [(8, 8), (80, 80), (64, 16), (6, 2), (32, 0)])
def test_pairs_turn_and_the_rest_stays(program, dim, turn, interleaved):
    before, after, _, _ = project(program, dim, turn=turn, interleaved=interleaved)
    table = rotary_table(torch.arange(5, 25), frequencies(turn // 2)) if turn else None
    turning = before[:, : H + K].double()
    if table:
        turning = rotated(turning, *table, pairs="interleaved" if interleaved else "half")
    torch.testing.assert_close(after[:, : H + K].double(), turning, rtol=1e-5, atol=1e-6)
    assert torch.equal(after[:, H + K :], before[:, H + K :])
    assert torch.equal(after[:, : H + K, turn:], before[:, : H + K, turn:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dim", [6, 64, 80])
def test_keys_and_values_reach_their_pages_and_no_other_slot(program, dim, dtype):
    _, after, k_LKD, v_LKD = project(program, dim, turn=dim, dtype=dtype)
    assert torch.equal(k_LKD[5:25], after[:, H : H + K].to(dtype))
    assert torch.equal(v_LKD[5:25], after[:, H + K :].to(dtype))
    for stored in (k_LKD, v_LKD):
        assert stored[:5].isnan().all()
        assert stored[25:].isnan().all()


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("over", ["head", "heads", "all"])
@pytest.mark.parametrize("dim", [8, 40])
def test_queries_and_keys_are_normed_then_clipped(program, dim, over, mean):
    shape = {"head": lambda _: (dim,), "heads": lambda n: (n, dim), "all": lambda n: (n * dim,)}[over]
    norm = QkNorm(torch.randn(shape(H)), torch.randn(shape(K)), eps=1e-5, mean=mean)
    before, after, _, _ = project(program, dim, qk_norm=norm, clip=0.75)
    q, k, v = before.double().split([H, K, K], dim=1)
    q = normed(q, norm.query.double(), eps=1e-5, mean=mean)
    k = normed(k, norm.key.double(), eps=1e-5, mean=mean)
    expected = torch.cat((q, k, v), dim=1).clamp(-0.75, 0.75)
    torch.testing.assert_close(after.double(), expected, rtol=2e-5, atol=2e-6)


def test_a_token_does_not_depend_on_its_neighbours(compiled):
    program, alone = Program(compiled, 2), Program(compiled, 1)
    keys, values = empty_pages(4, K, 40, torch.float32)
    tables, table = torch.zeros(2, 20, 10), torch.zeros(2, 1, 10)
    qkv = torch.randn(20, (H + 2 * K) * 40)
    single = qkv[7:8].clone()
    norm = QkNorm(torch.randn(H * 40), torch.randn(K * 40), eps=1e-5, mean=True)
    for made, rows, angles in ((program, qkv, tables), (alone, single, table)):
        add_rotary_table(made, frequencies(10), *angles)
        add_rotary(made, rows, keys, values, turning=Turning(*angles), qk_norm=norm)
    program.run(run_of(4, 5, 20).step)
    alone.run(run_of(4, 12, 1).step)
    assert torch.equal(single[0], qkv[7])


def test_a_turned_product_depends_on_the_distance_alone():
    q, k = torch.randn(1, 1, 64, dtype=torch.float64), torch.randn(1, 1, 64, dtype=torch.float64)

    def product(at: int, by: int) -> float:
        places = (rotary_table(torch.tensor([place]), frequencies(32)) for place in (at, by))
        turned_q, turned_k = (rotated(x, *table) for x, table in zip((q, k), places, strict=True))
        return float((turned_q * turned_k).sum())

    assert math.isclose(product(1000, 900), product(100, 0), abs_tol=1e-9)
