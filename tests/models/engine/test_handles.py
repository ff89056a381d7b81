from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import pytest

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.handles import Handle
from secretariat.models.engine.store import EngineMemory
from secretariat.models.errors import ModelError
from tests.models.engine.hybrid import CAREFUL, WINDOWED, Request, alone, exact_hybrid, new_hybrid, prompt_of
from tests.models.engine.toy import CONFIG, VOCABULARY, finish, run

KEY = b"a key of the caller's"
PROMPT = prompt_of(37)


def held(engine: Engine, prompt: list[int] = PROMPT, tenant: str = "a") -> Handle:
    made = engine.snapshot_prompt(tenant, prompt)
    return stepped(engine, made)


def stepped(engine: Engine, made: Future[Handle]) -> Handle:
    while not made.done():
        engine.step()
    return made.result()


def refused(call, *arguments) -> str:
    with pytest.raises(ModelError) as caught:
        call(*arguments)
    return caught.value.code


def test_many_answers_fork_from_one_prompt_for_one_token_each():
    engine = new_hybrid()
    handle = held(engine)
    before = engine.metrics.computed_tokens
    forks = [Request(PROMPT, replace(CAREFUL, seed=seed), origin=handle.id) for seed in range(3)]
    run(engine, *forks)
    assert [fork.bits for fork in forks] == [alone(PROMPT, replace(CAREFUL, seed=s)) for s in range(3)]
    assert [fork.cached for fork in forks] == [36] * 3
    drawn = sum(len(fork.tokens) for fork in forks)
    assert engine.metrics.computed_tokens - before <= drawn + 3
    engine.check_integrity()


def test_forks_share_whole_pages_and_copy_the_last():
    engine = new_hybrid()
    handle = held(engine)
    forks = [Request(PROMPT, origin=handle.id, tenant="a") for _ in range(4)]
    for fork in forks:
        engine.submit(fork.generation)
    engine.step()
    assert engine.pages_in_use == 3 + 4
    finish(engine, *forks)


def test_a_running_conversation_forks_where_it_stands():
    engine, talking = new_hybrid(), Request(PROMPT, replace(CAREFUL, max_tokens=14))
    engine.submit(talking.generation)
    for _ in range(5):
        engine.step()
    handle = engine.snapshot(talking.generation)
    assert list(handle.tokens) == talking.generation.tokens
    fork = Request([*handle.tokens, 65, 66], origin=handle.id)
    run(engine, fork)
    finish(engine, talking)
    assert fork.cached == len(handle.tokens) - 1
    assert fork.bits == alone([*handle.tokens, 65, 66])
    assert talking.bits == alone(PROMPT, replace(CAREFUL, max_tokens=14))


def test_a_network_without_states_forks_too():
    engine = new_hybrid(exact_hybrid(CONFIG))
    handle = held(engine)
    fork, plain = Request(PROMPT, origin=handle.id), Request(PROMPT)
    run(engine, fork)
    run(new_hybrid(exact_hybrid(CONFIG)), plain)
    assert (fork.cached, fork.bits) == (36, plain.bits)


def test_a_handle_travels_to_another_process_over_the_same_weights():
    engine = new_hybrid()
    data = engine.export_handle(held(engine).id, "a", KEY)
    other = new_hybrid()
    handle = other.import_handle(data, "a", KEY)
    fork = Request(PROMPT, origin=handle.id)
    run(other, fork)
    assert (fork.cached, fork.bits) == (36, alone(PROMPT))
    other.check_integrity()


def test_windows_travel_and_nothing_of_the_slots_last_holder_does():
    """Behind another tenant's longer request in the same slot."""
    make = partial(exact_hybrid, WINDOWED, step_tokens=16)
    memory = EngineMemory(pages=40, slots=1, snapshots=20)
    engine, untouched, other = (new_hybrid(make(), memory=memory) for _ in range(3))
    run(engine, Request(prompt_of(150, 6), tenant="b"))
    data = engine.export_handle(held(engine).id, "a", KEY)
    assert data == untouched.export_handle(held(untouched).id, "a", KEY)
    handle = other.import_handle(data, "a", KEY)
    fork, longer = (Request([*PROMPT, *more], origin=handle.id) for more in ([], prompt_of(30, 2)))
    run(other, fork, longer)
    assert [one.cached for one in (fork, longer)] == [36, 36]
    assert fork.bits == alone(PROMPT, make=make)
    assert longer.bits == alone(longer.generation.prompt, make=make)
    other.check_integrity()


def test_an_import_is_refused_when_anything_about_it_is_wrong():
    engine = new_hybrid()
    data = engine.export_handle(held(engine).id, "a", KEY)
    bigger = Engine(
        exact_hybrid(), VOCABULARY, memory=EngineMemory(pages=40, snapshots=9), identity="other weights"
    )
    assert refused(engine.import_handle, data, "b", KEY) == "invalid_request"
    assert refused(engine.import_handle, data, "a", b"another key") == "invalid_request"
    assert refused(bigger.import_handle, data, "a", KEY) == "invalid_request"
    assert refused(engine.import_handle, b"", "a", KEY) == "invalid_request"
    for at in (0, 40, len(data) // 2, len(data) - 1):
        forged = bytearray(data)
        forged[at] ^= 1
        assert refused(engine.import_handle, bytes(forged), "a", KEY) == "invalid_request"
    assert refused(engine.import_handle, data[:-4], "a", KEY) == "invalid_request"
    assert engine.metrics.handles == 1


def test_an_export_tells_nothing_of_what_came_after():
    engine, talking = new_hybrid(), Request(PROMPT, replace(CAREFUL, max_tokens=20))
    engine.submit(talking.generation)
    for _ in range(3):
        engine.step()
    handle = engine.snapshot(talking.generation)
    before = engine.export_handle(handle.id, "a", KEY)
    finish(engine, talking)
    assert engine.export_handle(handle.id, "a", KEY) == before


def test_deleting_frees_everything_at_once():
    engine = new_hybrid()
    before = engine.metrics
    handle = held(engine)
    engine.forget("a")
    after = engine.metrics
    assert (after.handles, after.pages_used, after.snapshots) == (0, before.pages_used, before.snapshots)
    assert refused(engine.delete_handle, handle.id, "a") == "snapshot_not_found"
    engine.check_integrity()


def test_handles_are_listed_for_their_tenant_and_are_nobody_elses():
    engine = new_hybrid()
    mine, second = held(engine), held(engine, prompt_of(12))
    held(engine, tenant="b")
    assert engine.handles("a") == [mine, second]
    assert refused(engine.delete_handle, mine.id, "b") == "snapshot_not_found"
    assert refused(engine.export_handle, mine.id, "b", KEY) == "snapshot_not_found"
    stranger = Request(PROMPT, origin=mine.id, tenant="b")
    run(engine, stranger)
    assert isinstance(stranger.last, ModelError)
    assert stranger.last.code == "snapshot_not_found"


def test_a_prompt_that_begins_otherwise_is_refused():
    engine = new_hybrid()
    other = Request(prompt_of(40, 8), origin=held(engine).id)
    run(engine, other)
    assert isinstance(other.last, ModelError)
    assert other.last.code == "invalid_request"


def test_a_handle_deleted_while_its_fork_waits_changes_no_answer():
    engine = new_hybrid(running=1)
    handle = held(engine)
    first, fork = Request(prompt_of(9)), Request(PROMPT, origin=handle.id)
    engine.submit(first.generation)
    engine.submit(fork.generation)
    engine.step()
    engine.delete_handle(handle.id, "a")
    finish(engine, first, fork)
    assert fork.bits == alone(PROMPT)


def test_handles_take_half_of_the_memory_and_no_more():
    engine = new_hybrid(memory=EngineMemory(pages=12, slots=2, snapshots=2))
    with pytest.raises(ModelError) as caught:
        for seed in range(9):
            held(engine, prompt_of(37, seed))
    assert (caught.value.code, caught.value.retryable) == ("overloaded", True)
    assert 1 <= engine.metrics.handles <= 3
    asked = Request(prompt_of(60, 3))
    run(engine, asked)
    assert asked.bits == alone(prompt_of(60, 3))
    engine.check_integrity()


def test_a_finished_conversation_has_no_state_to_keep():
    engine, asked = new_hybrid(), Request(PROMPT)
    run(engine, asked)
    assert refused(engine.snapshot, asked.generation) == "invalid_request"


def test_handles_are_made_and_deleted_while_the_engine_runs():
    engine = new_hybrid()
    engine.start()
    talking = Request(prompt_of(5), SamplingParams(max_tokens=200, ignore_eos=True))
    engine.submit(talking.generation)
    handle = engine.snapshot_prompt("a", PROMPT).result(20)
    assert engine.handles("a") == [handle]
    engine.delete_handle(handle.id, "a")
    assert engine.handles("a") == []
    engine.close()
    engine.check_integrity()
