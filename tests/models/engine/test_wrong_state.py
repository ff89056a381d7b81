"""Eleven ways in which engines have answered from a wrong state: each a property, and proof that it is caught.

Each property is run twice: as things are, where it must hold, and with the bug put in, where it must fail.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from secretariat.models.engine import scheduler, snapshots, tree
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.request import AdapterUse, Generation
from secretariat.models.engine.scheduler import Piece
from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.engine.store import Store
from secretariat.models.engine.tree import PrefixTree
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Commit
from tests.models.engine import hybrid
from tests.models.engine.hybrid import CAREFUL, Request, TokenByToken, prompt_of
from tests.models.engine.toy import EOS, VOCABULARY, finish, run

SHORT, LONG = replace(CAREFUL, max_tokens=4), replace(CAREFUL, max_tokens=14)
Patch = pytest.MonkeyPatch
oracle = partial(hybrid.Oracle, make=TokenByToken)
alone = partial(hybrid.alone, make=TokenByToken)


def new_hybrid(**settings: Any) -> Engine:
    return hybrid.new_hybrid(TokenByToken(), **settings)


def test_an_engine_alone_draws_from_the_networks_own_logits():
    prompt = prompt_of(21)
    network = TokenByToken()
    request = Request(prompt, SHORT)
    run(hybrid.new_hybrid(network), request)
    for at, (token, logprob) in enumerate(request.bits):
        assert logprob == pytest.approx(_logprob([*prompt, *request.tokens[:at]], token), abs=1e-5)


def _logprob(tokens: Sequence[int], token: int) -> float:
    """By one forward pass over the whole sequence, with no state from before."""
    network = TokenByToken().inner
    network.allocate(MemorySize(pages=8, slots=1))
    whole = Run(0, len(tokens), np.arange(8, dtype=np.int32), slot=1)
    rows = np.array([len(tokens) - 1], np.int32)
    logits_V = network.forward(StepBatch(np.array(tokens, np.int32), (whole,), rows))[0].clone()
    logits_V[EOS:258] = logits_V[
        len(VOCABULARY) :
    ] = -torch.inf  # the end, markup, rows beyond the vocabulary
    return float(torch.log_softmax(logits_V, 0)[token])


def cut_prompts_equal_whole_ones() -> None:
    engine = new_hybrid(step_tokens=7)
    request = Request(prompt_of(33), SHORT)
    run(engine, request)
    assert request.bits == alone(prompt_of(33), SHORT)


def hits_equal_misses() -> None:
    engine, prompt = new_hybrid(), prompt_of(30)
    run(engine, Request(prompt, SHORT, boundaries=[21]))
    hit = Request([*prompt[:24], *prompt_of(5, 1)], SHORT)
    run(engine, hit)
    assert hit.cached == 21
    assert hit.bits == alone(hit.generation.prompt, SHORT)
    engine.check_integrity()


def prompts_cut_beside_decodes_equal_whole_ones() -> None:
    engine = new_hybrid(step_tokens=9)
    decoding, prefilling = Request(prompt_of(5), LONG), Request(prompt_of(30, 2), SHORT)
    engine.submit(decoding.generation)
    engine.step()
    run(engine, prefilling)
    finish(engine, decoding)
    assert prefilling.bits == alone(prompt_of(30, 2), SHORT)
    assert decoding.bits == alone(prompt_of(5), LONG)


def steps_without_drafts_after_accepted_ones_equal_plain_decoding() -> None:
    engine = new_hybrid(drafter=oracle((2, 0), (0, 0)))
    request = Request(prompt_of(12), LONG)
    run(engine, request)
    assert engine.metrics.drafts_accepted > 2
    assert request.bits == alone(prompt_of(12), LONG)


def hits_at_boundaries_inside_a_piece_equal_misses() -> None:
    engine, prompt = new_hybrid(step_tokens=64), prompt_of(40)
    run(engine, Request(prompt, SHORT, boundaries=[11, 27]))
    for boundary in (11, 27):
        hit = Request([*prompt[:boundary], *prompt_of(6, boundary)], SHORT)
        run(engine, hit)
        assert hit.cached == boundary
        assert hit.bits == alone(hit.generation.prompt, SHORT)


def prompts_that_part_before_a_state_dont_resume_at_it() -> None:
    engine, prompt = new_hybrid(), prompt_of(30)
    run(engine, Request(prompt, SHORT, boundaries=[25]))
    other = Request([*prompt[:20], *prompt_of(10, 3)], SHORT)
    run(engine, other)
    assert other.bits == alone(other.generation.prompt, SHORT)
    assert other.cached <= 20


def refused_drafts_leave_no_trace() -> None:
    engine = new_hybrid(drafter=oracle((1, 3), (0, 2), (2, 2)))
    request = Request(prompt_of(12, 4), LONG)
    run(engine, request)
    assert 0 < engine.metrics.drafts_accepted < engine.metrics.drafts_proposed
    assert request.bits == alone(prompt_of(12, 4), LONG)


def twins_of_one_step_equal_loners() -> None:
    engine, prompt = new_hybrid(), prompt_of(30, 5)
    twins = [Request(prompt, SHORT, boundaries=[17]) for _ in range(2)]
    run(engine, *twins)
    assert [twin.bits for twin in twins] == [alone(prompt, SHORT)] * 2


def other_adapters_and_tenants_never_hit() -> None:
    engine, prompt = new_hybrid(), prompt_of(30, 6)
    run(engine, Request(prompt, SHORT, boundaries=[17]))
    adapter = AdapterUse(3, "digest of three")
    adapted = Request(prompt, SHORT, adapter=adapter)
    stranger = Request(prompt, SHORT, tenant="b")
    run(engine, adapted)
    run(engine, stranger)
    assert adapted.bits == alone(prompt, SHORT, adapter)
    assert (adapted.cached, stranger.cached) == (0, 0)


def every_comparison_in_our_tests_is_asserted() -> None:
    for path in sorted(_TESTS.rglob("test_*.py")):
        found = loose_comparisons(path.read_text())
        assert not found, f"{path.name}: lines {found} compare and don't say what must come out"


_TESTS = Path(__file__).parents[1]
_COMPARE = {"allclose", "isclose", "equal", "array_equal", "allequal"}


def loose_comparisons(source: str) -> list[int]:
    """Lines with a comparison whose result nobody looks at."""
    statements = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    calls = [value for value in statements if isinstance(value, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in _COMPARE]
    loose = [value for value in statements if isinstance(value, ast.Compare)]
    return sorted(value.lineno for value in (*named, *loose))


def states_by_the_grid_of_chunks(patch: Patch) -> None:
    """a: a piece begins with the state at the last multiple of 8 tokens, not with its own."""
    plain, kept = TokenByToken._one, dict[int, list[Tensor]]()

    def on_the_grid(self: TokenByToken, run: Run, at: int, token: int) -> Tensor:
        state = self.memory.slot_arrays(run.slot)
        if (run.start + at) % 8 == 0:
            kept[run.slot] = [part.clone() for part in state]
        elif at == 0 and run.count > 1:
            _write(state, kept[run.slot])
        return plain(self, run, at, token)

    patch.setattr(TokenByToken, "_one", on_the_grid)


def states_kept_in_half(patch: Patch) -> None:
    """b: the pool says float32, the copy went through bfloat16."""
    patch.setattr(snapshots, "pack", lambda values, _form: values.bfloat16().float())


def states_never_written(patch: Patch) -> None:
    """c: room for a snapshot is handed out as if it held one."""

    def save(self: SnapshotPool, slot: int, tokens: int, *, exact: bool = False) -> int:
        return self.add([torch.zeros_like(part) for part in self._memory.slot_arrays(slot)], tokens)

    patch.setattr(SnapshotPool, "save", save)


def decodes_in_the_metadata_of_prompts(patch: Patch) -> None:
    """d: beside decodes, whether a piece of a prompt has a state is read from the decodes' rows."""
    plain = TokenByToken.forward

    def mixed(self: TokenByToken, batch: StepBatch) -> Tensor:
        if any(one.count == 1 for one in batch.runs):
            for one in batch.runs:
                if one.count > 1:
                    self.memory.clear_slot(one.slot)
        return plain(self, batch)

    patch.setattr(TokenByToken, "forward", mixed)


def columns_gone_stale(patch: Patch) -> None:
    """e: what was accepted lies in a column of its own, which a step without drafts doesn't look at."""
    forward, pending = TokenByToken.forward, dict[int, list[Tensor]]()

    def commit(self: TokenByToken, commits: Sequence[Commit]) -> None:
        for one in commits:
            pending[one.slot] = self._after[one.slot][one.tokens - 1]

    def stale(self: TokenByToken, batch: StepBatch) -> Tensor:
        for one in batch.runs:
            column = pending.pop(one.slot, None)
            if one.held and column is not None:
                _write(self.memory.slot_arrays(one.slot), column)
        return forward(self, batch)

    patch.setattr(TokenByToken, "commit", commit)
    patch.setattr(TokenByToken, "forward", stale)


def pieces_past_their_boundaries(patch: Patch) -> None:
    """f: the plan forgets where a state is wanted, and what is there later is kept in its place."""
    prefill, settle = scheduler._prefill, Store.settle

    def ignorant(generation: Generation, budget: int) -> Piece:
        due, generation.due = generation.due, []
        piece = prefill(generation, budget)
        generation.due = due
        return piece

    def late(self: Store, generation: Generation) -> None:
        done = generation.computed
        while generation.due and generation.due[0] <= done:
            generation.computed = generation.due.pop(0)
            self.mark(generation)
        generation.computed = done
        settle(self, generation)

    patch.setattr(scheduler, "_prefill", ignorant)
    patch.setattr(Store, "settle", late)


def states_beyond_the_match(patch: Patch) -> None:
    """g: a state is taken by where it is, though the tokens before it aren't these."""
    patch.setattr(tree, "_goes_on", lambda data, at, tail: len(data) - at >= len(tail))


def windows_as_wide_as_the_drafts(patch: Patch) -> None:
    """h: the convolution's window is kept behind all drafts, the recurrent state behind the accepted ones."""
    plain = TokenByToken.commit

    def wide(self: TokenByToken, commits: Sequence[Commit]) -> None:
        plain(self, commits)
        for one in commits:
            last = self._after[one.slot][-1]
            _write(self.memory.slot_arrays(one.slot)[::2], last[::2])

    patch.setattr(TokenByToken, "commit", wide)


def prefixes_known_before_computed(patch: Patch) -> None:
    """i: a prompt is in the tree as soon as it has pages and a slot."""
    plain = Store.seat

    def hasty(self: Store, generation: Generation, headroom: int) -> bool:
        seated = plain(self, generation, headroom)
        if seated and not generation.computed:
            generation.computed = 17
            self.mark(generation)
            generation.computed = 0
            generation.due = []
        return seated

    patch.setattr(Store, "seat", hasty)


def keys_without_the_tenant(patch: Patch) -> None:
    """j: whose the tokens are is no part of what a prefix is found by."""
    patch.setattr(PrefixTree, "_key", lambda _self, owner: owner.adapter.encode())


def keys_without_the_adapter(patch: Patch) -> None:
    """j: which function computed the state is no part of what a prefix is found by."""
    patch.setattr(PrefixTree, "_key", lambda _self, owner: owner.tenant.encode())


def comparisons_nobody_looks_at(patch: Patch) -> None:
    """k: a comparison that is made and not asserted."""
    read = Path.read_text
    loose = "\nassert True\ntorch.allclose(a, b)\n"
    patch.setattr(Path, "read_text", lambda self: read(self) + loose)


def _write(state: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for part, value in zip(state, values, strict=True):
        part.copy_(value)


@dataclass(frozen=True)
class Bug:
    property: Callable[[], None]
    put_in: Callable[[Patch], None]


BUGS = {
    "a": Bug(cut_prompts_equal_whole_ones, states_by_the_grid_of_chunks),
    "b": Bug(hits_equal_misses, states_kept_in_half),
    "c": Bug(hits_equal_misses, states_never_written),
    "d": Bug(prompts_cut_beside_decodes_equal_whole_ones, decodes_in_the_metadata_of_prompts),
    "e": Bug(steps_without_drafts_after_accepted_ones_equal_plain_decoding, columns_gone_stale),
    "f": Bug(hits_at_boundaries_inside_a_piece_equal_misses, pieces_past_their_boundaries),
    "g": Bug(prompts_that_part_before_a_state_dont_resume_at_it, states_beyond_the_match),
    "h": Bug(refused_drafts_leave_no_trace, windows_as_wide_as_the_drafts),
    "i": Bug(twins_of_one_step_equal_loners, prefixes_known_before_computed),
    "j, tenant": Bug(other_adapters_and_tenants_never_hit, keys_without_the_tenant),
    "j, adapter": Bug(other_adapters_and_tenants_never_hit, keys_without_the_adapter),
    "k": Bug(every_comparison_in_our_tests_is_asserted, comparisons_nobody_looks_at),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_the_property_holds(bug: Bug):
    bug.property()


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_the_property_fails_with_the_bug_put_in(bug: Bug, monkeypatch: Patch):
    bug.property()  # whatever it compares with is computed and kept before anything breaks
    with monkeypatch.context() as patch:
        bug.put_in(patch)
        with pytest.raises(AssertionError):
            bug.property()
