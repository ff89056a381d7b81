import itertools

import pytest

from secretariat.models.core import SamplingParams
from secretariat.models.engine.fairness import FairQueue
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.errors import ModelError
from tests.models.engine.hybrid import Request, new_hybrid, prompt_of
from tests.models.engine.toy import finish, run


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def generation(tenant: str) -> Generation:
    return Generation(tenant, (1,), SamplingParams(), lambda _event: None)


def served(queue: FairQueue, turns: int, tokens: int = 10) -> str:
    """Whose turn it is, `turns` times, when each request takes as many tokens."""
    order = ""
    for _ in range(turns):
        head = queue.head()
        assert head is not None
        queue.take(head)
        queue.charge(head.tenant, tokens)
        order += head.tenant
    return order


def test_tenants_take_turns_by_weight_however_many_requests_they_have():
    queue = FairQueue({"b": 2.0}, Clock())
    for tenant in "a" * 12 + "b" * 6:
        queue.enter(generation(tenant))
    order = served(queue, 9)
    assert (order.count("a"), order.count("b")) == (3, 6)


def test_an_idle_tenant_saves_up_no_claim():
    queue = FairQueue({}, Clock())
    for _ in range(10):
        queue.enter(generation("a"))
    served(queue, 5)
    for _ in range(5):
        queue.enter(generation("b"))
    assert served(queue, 4) in {"abab", "baba"}


def test_one_that_is_put_back_comes_first_of_its_tenants():
    queue = FairQueue({}, Clock())
    first, second = generation("a"), generation("a")
    for one in (first, second):
        queue.enter(one)
    assert queue.take(first)
    queue.put_back(first)
    assert (queue.head(), len(queue), list(queue)) == (first, 2, [first, second])


def test_waits_are_estimated_by_the_pace_at_which_requests_end():
    clock = Clock()
    queue = FairQueue({}, clock)
    assert queue.wait_of("a") == 0
    running = [generation("a") for _ in range(3)]
    for one in running:
        queue.enter(one)
        queue.take(one)
    for _ in range(8):
        queue.enter(generation("a"))
    for _ in running:
        queue.end("a", ran=True)
        clock.now += 2.0
    assert queue.wait_of("a") == pytest.approx(18.0)
    assert queue.wait_of("b") == pytest.approx(4.0)  # every other turn is b's


def test_who_would_wait_past_the_deadline_hears_so_at_once():
    clock = Clock()
    engine = new_hybrid(clock=clock, running=1)
    asked = [Request(prompt_of(5, seed)) for seed in range(5)]
    for one in asked:
        engine.submit(one.generation)
    while not asked[2].done:
        engine.step()
        clock.now += 1
    hurried, patient = (Request(prompt_of(6), deadline=clock.now + wait) for wait in (10, 100))
    engine.submit(hurried.generation)
    engine.submit(patient.generation)
    engine.step()
    assert isinstance(hurried.last, ModelError)
    assert (hurried.last.code, hurried.last.retryable) == ("overloaded", True)
    assert hurried.last.retry_after_s == pytest.approx(3 * 9, abs=5)
    finish(engine, *asked, patient)
    assert not isinstance(patient.last, ModelError)
    assert engine.metrics.refusals == 1


def test_a_tenant_far_ahead_makes_way_for_one_that_waits():
    engine = new_hybrid(running=2, quantum=20)
    endless = SamplingParams(max_tokens=150, ignore_eos=True)
    loud = [Request(prompt_of(20, seed), endless, tenant="loud") for seed in range(3)]
    for one in loud:
        engine.submit(one.generation)
    for _ in range(6):
        engine.step()
    quiet = Request(prompt_of(12, 9), tenant="quiet")
    run(engine, quiet)
    assert not any(one.done for one in loud)
    assert engine.metrics.preemptions >= 1


def test_shares_follow_weights_while_both_have_work():
    engine = new_hybrid(running=1, quantum=16, weights={"a": 3.0, "b": 1.0})
    endless = SamplingParams(max_tokens=120, ignore_eos=True)
    asked = {tenant: Request(prompt_of(8), endless, tenant=tenant) for tenant in "ab"}
    for one in asked.values():
        engine.submit(one.generation)
    for _ in itertools.takewhile(lambda _: not asked["a"].done, range(500)):
        engine.step()
    assert 25 <= len(asked["b"].tokens) <= 60


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(ValueError, match="weight"):
        Limits(weights={"a": 0.0})
