"""What every operation with a state per sequence must do, whatever it computes.

A module of one such operation subclasses `RecurrenceTests` and gives it a fixture `recurrence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pytest
import torch
from torch import Tensor

from secretariat.models.kernels.library import Library, Program, Step

LENGTHS = (1, 2, 3, 4, 15, 16, 17, 64, 65)
TOKENS = sum(LENGTHS)
SLOTS = len(LENGTHS) + 1
HELD = 6


@dataclass
class Buffers:
    """Of a built operation: rows of its inputs and output for all tokens of a step, and states [slots, ...]."""

    inputs: list[Tensor]
    output: Tensor
    states: list[Tensor]


class Recurrence(Protocol):
    """An operation with its weights drawn."""

    def draw(self, tokens: int) -> list[Tensor]:
        """Inputs of one sequence."""

    def build(self, program: Program, commits: Program, tokens: int, slots: int, held: int) -> Buffers: ...

    def reference(self, inputs: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Outputs of a whole sequence and the states behind it."""


@dataclass(frozen=True)
class Part:
    """Tokens of one sequence in a step: `count` from `start` on, all that there are by default."""

    slot: int
    inputs: list[Tensor]
    start: int = 0
    count: int | None = None
    held: bool = False

    @property
    def rows(self) -> slice:
        return slice(self.start, None if self.count is None else self.start + self.count)

    @property
    def length(self) -> int:
        return len(self.inputs[0][self.rows])


class Machine:
    """The operation with memory of its own; every step's buffers are poisoned first."""

    def __init__(self, recurrence: Recurrence, library: Library, threads: int = 1) -> None:
        self._program, self._commits = Program(library, threads), Program(library, threads)
        self.buffers = recurrence.build(self._program, self._commits, TOKENS, SLOTS, HELD)

    def poison(self) -> None:
        for state in self.buffers.states:
            state.fill_(torch.nan)

    def step(self, *parts: Part) -> list[Tensor]:
        for buffer in (*self.buffers.inputs, self.buffers.output):
            buffer.fill_(torch.nan)
        at = 0
        for part in parts:
            for buffer, rows in zip(self.buffers.inputs, part.inputs, strict=True):
                buffer[at : at + part.length] = rows[part.rows]
            at += part.length
        lengths = [part.length for part in parts]
        self._run(
            self._program, lengths, [part.slot for part in parts],
            begins=[part.start for part in parts], held=[part.held for part in parts],
        )  # fmt: skip
        assert self.buffers.output[at:].isnan().all(), "rows behind the step's tokens were written"
        return list(self.buffers.output[:at].clone().split(lengths))

    def commit(self, *commits: tuple[int, int]) -> None:
        """(slot, tokens) each."""
        self._run(self._commits, [tokens for _, tokens in commits], [slot for slot, _ in commits])

    def states(self, slot: int) -> list[Tensor]:
        return [state[slot].clone() for state in self.buffers.states]

    @staticmethod
    def _run(
        program: Program,
        lengths: Sequence[int],
        slots: Sequence[int],
        begins: Sequence[int] = (),
        held: Sequence[bool] = (),
    ) -> None:
        arrays = {
            "starts": np.cumsum([0, *lengths]),
            "slots": slots,
            **({"begins": begins, "held": held} if begins else {}),
        }
        kept = {name: np.array(values, dtype=np.int32) for name, values in arrays.items()}
        pointers = {name: array.ctypes.data for name, array in kept.items()}
        program.run(Step(tokens=sum(lengths), runs=len(lengths), exact=1, **pointers))


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class RecurrenceTests:
    """Bits, not tolerances: only the first test compares with another arithmetic."""

    def test_a_batch_of_sequences_gives_what_the_definition_gives(self, recurrence, compiled):
        machine = Machine(recurrence, compiled, threads=2)
        sequences = [recurrence.draw(length) for length in LENGTHS]
        outputs = machine.step(*(Part(slot, inputs) for slot, inputs in enumerate(sequences, 1)))
        for slot, (inputs, output) in enumerate(zip(sequences, outputs, strict=True), 1):
            expected, states = recurrence.reference([rows.double() for rows in inputs])
            torch.testing.assert_close(output.double(), expected, rtol=2e-5, atol=2e-5)
            for state, wanted in zip(machine.states(slot), states, strict=True):
                torch.testing.assert_close(state.double(), wanted, rtol=2e-5, atol=2e-5)

    def test_a_split_changes_no_bit(self, recurrence, compiled):
        inputs = recurrence.draw(66)
        whole = Machine(recurrence, compiled)
        [expected] = whole.step(Part(1, inputs))
        for cuts in ((1,) * 66, (16, 16, 33, 1), (1, 65), (65, 1), (3, 2, 40, 21), (31, 35)):
            split = Machine(recurrence, compiled)
            starts = [sum(cuts[:index]) for index in range(len(cuts))]
            pieces = [split.step(Part(1, inputs, *cut))[0] for cut in zip(starts, cuts, strict=True)]
            assert torch.equal(torch.cat(pieces), expected)
            assert same(split.states(1), whole.states(1))

    def test_neighbours_and_threads_change_no_bit(self, recurrence, compiled):
        inputs, others = recurrence.draw(37), [recurrence.draw(length) for length in (1, 20, 5)]
        alone, crowded = Machine(recurrence, compiled, 1), Machine(recurrence, compiled, 2)
        first, second = alone.step(Part(2, inputs, 0, 17)) + alone.step(Part(2, inputs, 17))
        together = crowded.step(Part(1, others[0]), Part(5, inputs, 0, 17), Part(3, others[1], 0, 9))
        again = crowded.step(Part(3, others[1], 9), Part(6, others[2]), Part(5, inputs, 17))
        assert torch.equal(together[1], first)
        assert torch.equal(again[2], second)
        assert same(crowded.states(5), alone.states(2))

    def test_a_sequence_that_begins_finds_zeros_in_any_slot(self, recurrence, compiled):
        inputs = recurrence.draw(5)
        clean, dirty = Machine(recurrence, compiled), Machine(recurrence, compiled)
        dirty.poison()
        assert same(dirty.step(Part(4, inputs)), clean.step(Part(4, inputs)))
        assert same(dirty.states(4), clean.states(4))
        assert all(
            state[slot].isnan().all() for state in dirty.buffers.states for slot in range(SLOTS) if slot != 4
        )

    @pytest.mark.parametrize("before", [0, 1, 20])
    def test_a_commit_is_the_run_of_what_it_accepts(self, recurrence, compiled, before):
        inputs = recurrence.draw(30)
        for accepted in range(HELD + 1):
            plain, held = Machine(recurrence, compiled), Machine(recurrence, compiled, 2)
            held.poison()
            if before:
                assert same(held.step(Part(3, inputs, 0, before)), plain.step(Part(3, inputs, 0, before)))
            [draft] = held.step(Part(3, inputs, before, HELD, held=True))
            assert not before or same(held.states(3), plain.states(3))
            held.commit((3, accepted))
            if accepted:
                [expected] = plain.step(Part(3, inputs, before, accepted))
                assert torch.equal(draft[:accepted], expected)
            if before + accepted:
                assert same(held.states(3), plain.states(3))
            after = before + accepted
            assert same(held.step(Part(3, inputs, after)), plain.step(Part(3, inputs, after)))

    def test_commits_of_several_slots_stay_apart(self, recurrence, compiled):
        sequences = {slot: recurrence.draw(12) for slot in (2, 5, 7)}
        plain, held = Machine(recurrence, compiled), Machine(recurrence, compiled, 2)
        for machine in (plain, held):
            machine.step(*(Part(slot, inputs, 0, 4) for slot, inputs in sequences.items()))
        held.step(
            Part(7, sequences[7], 4, 5, held=True),
            Part(2, sequences[2], 4, 1),
            Part(5, sequences[5], 4, 3, held=True),
        )
        held.commit((5, 0), (7, 2))
        plain.step(Part(7, sequences[7], 4, 2), Part(2, sequences[2], 4, 1))
        for slot in sequences:
            assert same(held.states(slot), plain.states(slot))

    def test_a_step_without_drafts_after_an_accept_reads_the_fresh_state(self, recurrence, compiled):
        inputs = recurrence.draw(20)
        plain, drafted = Machine(recurrence, compiled), Machine(recurrence, compiled)
        [expected] = plain.step(Part(1, inputs))
        drafted.step(Part(1, inputs, 0, 5))
        found, at = [], 5
        for drafts, accepted in ((4, 3), (1, 1), (1, 1), (6, 0), (1, 1), (6, 6), (2, 1)):
            [output] = drafted.step(Part(1, inputs, at, drafts, held=True))
            drafted.commit((1, accepted))
            found.append(output[:accepted])
            at += accepted
        found += drafted.step(Part(1, inputs, at))
        assert torch.equal(torch.cat(found), expected[5:])
