from dataclasses import replace

import pytest

from secretariat.models.core import SamplingParams
from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.engine.store import EngineMemory
from secretariat.models.errors import ModelError
from tests.models.engine.hybrid import CAREFUL, Request, alone, exact_hybrid, new_hybrid, prompt_of
from tests.models.engine.toy import CONFIG, finish, run

LONG = replace(CAREFUL, max_tokens=40)


def without_snapshots(patch: pytest.MonkeyPatch) -> None:
    """As if a state were larger than all memory."""
    patch.setattr(SnapshotPool, "size", lambda _self, **_form: 2**40)


@pytest.mark.parametrize("snapshots", [0, 4], ids=["computed again", "state kept"])
def test_what_ran_out_of_memory_goes_on_from_the_very_bits(snapshots: int, monkeypatch: pytest.MonkeyPatch):
    expected = [alone(prompt_of(20, seed), LONG) for seed in range(3)]
    if not snapshots:
        without_snapshots(monkeypatch)
    engine = new_hybrid(memory=EngineMemory(pages=7, slots=4, snapshots=snapshots))
    asked = [Request(prompt_of(20, seed), LONG) for seed in range(3)]
    run(engine, *asked)
    assert engine.metrics.preemptions > 0
    assert [one.bits for one in asked] == expected
    assert [one.cached for one in asked] == [0, 0, 0]
    engine.check_integrity()


def test_a_kept_state_spares_computing_again(monkeypatch: pytest.MonkeyPatch):
    def work() -> int:
        engine = new_hybrid(running=1, quantum=8)
        asked = [Request(prompt_of(40, seed), tenant="ab"[seed]) for seed in range(2)]
        run(engine, *asked)
        assert engine.metrics.preemptions > 0
        return engine.metrics.computed_tokens

    kept = work()
    without_snapshots(monkeypatch)
    assert kept == 2 * (40 + 7)  # the last token drawn is never computed
    assert work() > kept


def test_the_one_that_came_first_is_never_put_back_for_those_that_came_later():
    engine = new_hybrid(memory=EngineMemory(pages=5, slots=4, snapshots=3))
    first, *others = [Request(prompt_of(20, seed), LONG) for seed in range(3)]
    for one in (first, *others):
        engine.submit(one.generation)
    while not first.done:
        engine.step()
        assert first.done or first.generation.computed
    finish(engine, *others)
    assert first.bits == alone(prompt_of(20), LONG)


def test_a_request_that_fills_the_memory_to_the_last_page_runs_alone():
    engine = new_hybrid(memory=EngineMemory(pages=4, slots=2))
    whole = Request(prompt_of(24), LONG)  # 64 tokens: all four pages
    run(engine, Request(prompt_of(40, 1)), whole)
    assert whole.bits == alone(prompt_of(24), LONG)


def test_more_requests_than_states_wait_for_one():
    engine = new_hybrid(memory=EngineMemory(pages=64, slots=2), running=8)
    asked = [Request(prompt_of(9, seed)) for seed in range(5)]
    for one in asked:
        engine.submit(one.generation)
    engine.step()
    assert (engine.metrics.running, engine.metrics.slots_used) == (2, 2)
    finish(engine, *asked)
    assert [one.bits for one in asked] == [alone(prompt_of(9, seed)) for seed in range(5)]
    assert engine.metrics.slots_used == 0


def test_without_states_preemption_loses_nothing_either():
    prompts = [prompt_of(20, seed) for seed in range(3)]
    plain = [Request(prompt, LONG) for prompt in prompts]
    for one in plain:
        run(new_hybrid(exact_hybrid(CONFIG)), one)
    engine = new_hybrid(exact_hybrid(CONFIG), memory=EngineMemory(pages=7))
    asked = [Request(prompt, LONG) for prompt in prompts]
    run(engine, *asked)
    assert engine.metrics.preemptions > 0
    assert [one.bits for one in asked] == [one.bits for one in plain]
    engine.check_integrity()


def test_handles_that_leave_no_room_are_said_to_and_not_waited_for():
    engine = new_hybrid(memory=EngineMemory(pages=8, slots=2))
    made = engine.snapshot_prompt("a", prompt_of(40))
    while not made.done():
        engine.step()
    big = Request(prompt_of(60), SamplingParams(max_tokens=60))
    run(engine, big)
    assert isinstance(big.last, ModelError)
    assert (big.last.code, big.last.retryable) == ("overloaded", True)
    assert engine.idle
    engine.check_integrity()


def test_cancelling_a_put_back_request_ends_it():
    engine = new_hybrid(memory=EngineMemory(pages=5, slots=4, snapshots=3))
    asked = [Request(prompt_of(20, seed), LONG) for seed in range(2)]
    for one in asked:
        engine.submit(one.generation)
    while not engine.metrics.preemptions:
        engine.step()
    engine.cancel(asked[1].generation)
    engine.step()
    assert asked[1].cancelled
    finish(engine, asked[0])
    assert engine.pages_in_use == 0
    engine.check_integrity()
