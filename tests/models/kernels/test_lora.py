"""Low-rank additions against float64: ranges of rows, mixed adapters, poisoned scratch."""

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import Program, Step
from secretariat.models.kernels.lora.cpu import LoraTable, Low, add_chosen_lora, add_lora
from secretariat.models.kernels.lora.reference import lora


class Mixed:
    """A step of one run for each of `adapters`, of so many tokens each."""

    def __init__(self, adapters: tuple[int, ...], counts: tuple[int, ...]) -> None:
        self._adapters = np.array(adapters, np.int32)
        self._run_of = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
        self.adapter_of = self._adapters[self._run_of]
        self.step = Step(
            tokens=sum(counts), runs=len(counts), exact=1,
            run_of=self._run_of.ctypes.data, adapters=self._adapters.ctypes.data,
        )  # fmt: skip


@pytest.mark.parametrize(("inputs", "outputs", "rank"), [(7, 5, 1), (64, 48, 4), (65, 70, 16), (33, 40, 20)])
def test_each_token_gets_its_own_adapter(program, inputs, outputs, rank):
    first = outputs // 3
    table = LoraTable(adapters=3, pieces=2, most_rank=rank)
    lows = {
        a: [
            Low(0, torch.randn(rank, inputs), torch.randn(first, rank)),
            Low(
                first, torch.randn(max(1, rank // 2), inputs), torch.randn(outputs - first, max(1, rank // 2))
            ),
        ]
        for a in (1, 2)
    }
    lows[2] = lows[2][1:]
    for adapter, pieces in lows.items():
        table.set(adapter, pieces)
    mixed = Mixed((1, 0, 2, 1), (2, 3, 1, 1))
    x_NI, y_NO = torch.randn(7, inputs), torch.randn(7, outputs)
    expected = y_NO.double()
    for token, adapter in enumerate(mixed.adapter_of):
        for low in lows.get(int(adapter), []):
            rows = slice(low.first, low.first + len(low.up_OR))
            expected[token, rows] += 0.5 * lora(
                x_NI[token].double(), low.down_RI.double(), low.up_OR.double()
            )
    before = y_NO.clone()
    add_lora(program, x_NI, y_NO, table, add=0.5)
    program.run(mixed.step)
    torch.testing.assert_close(y_NO.double(), expected, rtol=1e-5, atol=1e-4)
    base = torch.from_numpy(mixed.adapter_of == 0)
    assert torch.equal(y_NO[base], before[base]), "the base model's tokens must not be touched"


def test_a_token_does_not_depend_on_the_batch(compiled):
    table = LoraTable(adapters=2, pieces=1, most_rank=8)
    table.set(1, [Low(0, torch.randn(8, 50), torch.randn(30, 8))])
    x_NI = torch.randn(5, 50)
    together, alone = torch.zeros(5, 30), torch.zeros(1, 30)
    for x, y, counts, threads in ((x_NI, together, (5,), 2), (x_NI[3:4].clone(), alone, (1,), 1)):
        program = Program(compiled, threads)
        add_lora(program, x, y, table)
        program.run(Mixed((1,), counts).step)
    assert torch.equal(alone[0], together[3])


def test_each_token_gets_the_experts_that_it_chose_with_their_weights(program):
    inputs, first, outputs, experts = 33, 20, 50, 3
    table = LoraTable(adapters=experts + 1, pieces=2, most_rank=6)
    lows = [
        [
            Low(0, torch.randn(6, inputs), torch.randn(first, 6)),
            Low(first, torch.randn(6, inputs), torch.randn(outputs - first, 6)),
        ]
        for _ in range(experts)
    ]
    for expert, pieces in enumerate(lows):
        table.set(expert + 1, pieces)
    chosen_NK = torch.tensor([[0, 2], [2, 1], [1, 0], [1, 2], [0, 1]], dtype=torch.int32)
    weights_NK = torch.rand(5, 2)
    x_NI, y_NO = torch.randn(5, inputs), torch.randn(5, outputs)
    expected = y_NO.double()
    for token in range(5):
        for expert, weight in zip(chosen_NK[token].tolist(), weights_NK[token].tolist(), strict=True):
            for low in lows[expert]:
                rows = slice(low.first, low.first + len(low.up_OR))
                changes = lora(x_NI[token].double(), low.down_RI.double(), low.up_OR.double())
                expected[token, rows] += 0.5 * weight * changes
    add_chosen_lora(program, chosen_NK, weights_NK, x_NI, y_NO, table, add=0.5)
    program.run(Mixed((0,), (5,)).step)
    torch.testing.assert_close(y_NO.double(), expected, rtol=1e-5, atol=1e-4)


def test_what_does_not_fit_the_table_is_refused():
    table = LoraTable(adapters=2, pieces=1, most_rank=8)
    with pytest.raises(ValueError, match="rank 16"):
        table.set(1, [Low(0, torch.randn(17, 4), torch.randn(4, 17))])
    with pytest.raises(ValueError, match="row 0"):
        table.set(0, [])
