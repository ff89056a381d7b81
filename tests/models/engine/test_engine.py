import math
import time
from collections.abc import Sequence

import pytest
import torch

from secretariat.models.core import ChoiceConstraint, SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.scheduler import Limits
from secretariat.models.errors import ModelError
from secretariat.models.nets.decoder import DecoderLayer
from tests.models.engine.toy import CONFIG, EOS, VOCABULARY, Asked, finish, new_engine, random_decoder, run

GREEDY = SamplingParams(max_tokens=24)


def prompt_of(length: int, seed: int = 0) -> list[int]:
    draw = torch.Generator().manual_seed(1000 * seed + length)
    return torch.randint(0, 256, (length,), generator=draw).tolist()


def alone(prompt: Sequence[int], sampling: SamplingParams) -> list[int]:
    asked = Asked(prompt, sampling)
    run(new_engine(), asked)
    return asked.tokens


def by_hand(prompt: Sequence[int], count: int) -> list[int]:
    """Greedy continuation by plain matrix products over the whole sequence, without any cache."""
    decoder, tokens = random_decoder(), list(prompt)
    (spec,) = CONFIG.layers[0].mixers
    for _ in range(count):
        x = decoder.embedding(torch.tensor(tokens))
        for layer in decoder.layers:
            assert isinstance(layer, DecoderLayer)
            x = x + _attend(layer.mixers[0], layer.norm(x), spec)
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        logits = (decoder.norm(x[-1]) @ decoder.head.weight.T)[: len(VOCABULARY)]
        logits[257] = -torch.inf
        tokens.append(int(logits.argmax()))
        if tokens[-1] == EOS:
            return tokens[len(prompt) : -1]
    return tokens[len(prompt) :]


def _attend(mixer, x, spec):
    T, D = len(x), spec.head_dim
    heads = (x @ mixer.qkv.weight.T).view(T, -1, D)
    q, k, v = heads.split([spec.heads, spec.kv_heads, spec.kv_heads], dim=1)
    angles = _angles(T, D, spec.rope.theta)
    q, k = _turn(q, *angles), _turn(k, *angles).repeat_interleave(spec.group, 1)
    scores = torch.einsum("thd,shd->hts", q, k) / D**0.5
    scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
    out = torch.einsum("hts,shd->thd", scores.softmax(-1), v.repeat_interleave(spec.group, 1))
    return out.reshape(T, -1) @ mixer.out.weight.T


def _angles(T, D, theta):
    inv = theta ** (-torch.arange(0, D, 2) / D)
    angles = torch.arange(T)[:, None] * inv[None]
    return angles.cos()[:, None], angles.sin()[:, None]


def _turn(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def test_paged_and_chunked_equals_a_plain_forward_pass():
    prompt = prompt_of(41)
    asked = Asked(prompt, GREEDY)
    run(new_engine(limits=Limits(step_tokens=7)), asked)
    assert asked.tokens == by_hand(prompt, 24)


@pytest.mark.parametrize("step_tokens", [5, 64, 512])
def test_a_batch_gives_each_request_what_it_gets_alone(step_tokens: int):
    prompts = [prompt_of(n, n) for n in (1, 2, 15, 16, 17, 33, 60)]
    engine = new_engine(limits=Limits(step_tokens=step_tokens))
    asked = [Asked(p, GREEDY, tenant=str(i % 3)) for i, p in enumerate(prompts)]
    run(engine, *asked)
    assert [a.tokens for a in asked] == [alone(p, GREEDY) for p in prompts]
    engine.check_integrity()


def test_a_request_that_joins_late_changes_nothing():
    engine, first = new_engine(), Asked(prompt_of(20), GREEDY)
    engine.submit(first.generation)
    for _ in range(4):
        engine.step()
    second = Asked(prompt_of(35), GREEDY)
    run(engine, second)
    finish(engine, first, second)
    assert first.tokens == alone(prompt_of(20), GREEDY)
    assert second.tokens == alone(prompt_of(35), GREEDY)


def test_sampling_depends_on_the_seed_and_not_on_the_batch():
    sampling = SamplingParams(max_tokens=20, temperature=0.9, top_p=0.95, top_k=50, seed=7)
    expected = alone(prompt_of(20), sampling)
    engine, mine = new_engine(), Asked(prompt_of(20), sampling)
    others = [Asked(prompt_of(n, 5), SamplingParams(max_tokens=20, temperature=1.0, seed=n)) for n in (9, 21)]
    run(engine, *others, mine)
    assert mine.tokens == expected
    assert alone(prompt_of(20), SamplingParams(max_tokens=20, temperature=0.9, seed=8)) != expected


def test_a_known_prefix_is_not_computed_again_and_gives_the_same_tokens():
    engine = new_engine()
    prompt = prompt_of(50)
    miss, hit = Asked(prompt, GREEDY), Asked(prompt, GREEDY)
    run(engine, miss)
    run(engine, hit)
    assert (_usage(miss).cached_tokens, _usage(hit).cached_tokens) == (0, 48)
    assert hit.tokens == miss.tokens
    engine.check_integrity()


def test_a_prefix_as_long_as_the_prompt_still_leaves_a_token_to_compute():
    engine = new_engine()
    run(engine, Asked(prompt_of(48), GREEDY))
    again = Asked(prompt_of(48), GREEDY)
    run(engine, again)
    assert _usage(again).cached_tokens == 32
    assert again.tokens == alone(prompt_of(48), GREEDY)


def test_another_tenant_never_hits():
    engine = new_engine()
    run(engine, Asked(prompt_of(50), GREEDY, tenant="a"))
    other = Asked(prompt_of(50), GREEDY, tenant="b")
    run(engine, other)
    assert _usage(other).cached_tokens == 0


def test_remembered_prefixes_give_way_to_requests():
    engine = new_engine(pages=8)
    for seed in range(12):
        asked = Asked(prompt_of(70, seed), GREEDY)
        run(engine, asked)
        assert asked.tokens == alone(prompt_of(70, seed), GREEDY)
        engine.check_integrity()


def test_more_requests_than_memory_wait_their_turn():
    engine = new_engine(pages=8)
    asked = [Asked(prompt_of(40, seed), GREEDY, tenant=str(seed)) for seed in range(6)]
    run(engine, *asked)
    assert [a.tokens for a in asked] == [alone(prompt_of(40, seed), GREEDY) for seed in range(6)]
    engine.check_integrity()
    assert engine.pages_in_use == 0


def test_cancelling_frees_the_pages_before_the_next_step():
    engine, asked = new_engine(), Asked(prompt_of(40), SamplingParams(max_tokens=200))
    engine.submit(asked.generation)
    for _ in range(3):
        engine.step()
    assert engine.pages_in_use > 0
    engine.cancel(asked.generation)
    engine.step()
    assert engine.pages_in_use == 0
    assert isinstance(asked.last, Emission)
    assert asked.last.finish_reason == "cancelled"
    engine.check_integrity()


def test_cancelling_while_waiting_or_when_over_is_harmless():
    engine = new_engine(limits=Limits(running=1))
    first, second = Asked(prompt_of(8), GREEDY), Asked(prompt_of(9), GREEDY)
    engine.submit(first.generation)
    engine.submit(second.generation)
    engine.step()
    engine.cancel(second.generation)
    finish(engine, first, second)
    engine.cancel(first.generation)
    engine.step()
    assert second.tokens == []
    assert engine.idle
    engine.check_integrity()


def test_a_deadline_ends_a_running_and_a_waiting_request():
    engine = new_engine(limits=Limits(running=1))
    soon = time.monotonic() + 0.05
    asked = [Asked(prompt_of(30, i), SamplingParams(max_tokens=200), deadline=soon) for i in range(2)]
    for one in asked:
        engine.submit(one.generation)
    engine.step()
    time.sleep(0.06)
    engine.step()
    assert [one.last.code for one in asked if isinstance(one.last, ModelError)] == ["deadline_exceeded"] * 2
    assert engine.pages_in_use == 0
    engine.check_integrity()


def test_too_many_waiting_is_overloaded_and_retryable():
    engine = new_engine(limits=Limits(waiting=2))
    for seed in range(2):
        engine.submit(Asked(prompt_of(5, seed), GREEDY).generation)
    with pytest.raises(ModelError) as caught:
        engine.submit(Asked(prompt_of(5), GREEDY).generation)
    assert (caught.value.code, caught.value.retryable) == ("overloaded", True)


def test_a_request_larger_than_the_memory_is_refused_at_once():
    with pytest.raises(ModelError, match="don't fit"):
        new_engine(pages=4).submit(Asked(prompt_of(60), GREEDY).generation)


def test_one_tenants_flood_does_not_keep_another_waiting():
    engine = new_engine(limits=Limits(running=2, step_tokens=32))
    flood = [Asked(prompt_of(30, seed), GREEDY, tenant="loud") for seed in range(10)]
    for one in flood:
        engine.submit(one.generation)
    for _ in range(3):
        engine.step()
    quiet = Asked(prompt_of(30, 99), GREEDY, tenant="quiet")
    run(engine, quiet)
    assert sum(one.done for one in flood) <= 3


def test_a_broken_forward_pass_fails_its_requests_and_leaks_nothing(monkeypatch, caplog):
    engine, asked = new_engine(), Asked(prompt_of(20), GREEDY)

    def broken(plan):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(engine._loop._stepper._runner, "run", broken)
        run(engine, asked)
    assert isinstance(asked.last, ModelError)
    assert asked.last.code == "engine_failed"
    engine.check_integrity()
    after = Asked(prompt_of(20), GREEDY)
    run(engine, after)
    assert after.tokens == alone(prompt_of(20), GREEDY)


def test_an_engine_that_breaks_tells_everyone_and_takes_no_more(monkeypatch, caplog):
    engine, asked = new_engine(), Asked(prompt_of(20), GREEDY)

    def broken():
        raise AssertionError("a bug")

    monkeypatch.setattr(engine._scheduler, "plan", broken)
    engine.submit(asked.generation)
    engine.start()
    engine._loop._thread.join(10)
    assert [error.code for error in asked.events if isinstance(error, ModelError)] == ["engine_failed"]
    with pytest.raises(ModelError, match="must restart"):
        engine.submit(Asked(prompt_of(5), GREEDY).generation)
    engine.close()


def test_stop_strings_end_the_answer_and_are_not_part_of_it():
    free = Asked(prompt_of(20), SamplingParams(max_tokens=24, temperature=1.5, seed=3))
    run(new_engine(), free)
    stop = free.text[6:8]
    stopped = Asked(prompt_of(20), SamplingParams(max_tokens=24, temperature=1.5, seed=3, stop=(stop,)))
    run(new_engine(), stopped)
    assert stopped.text == free.text[: free.text.index(stop)]
    assert isinstance(stopped.last, Emission)
    assert stopped.last.finish_reason == "stop"


def test_logprobs_are_of_the_masked_distribution():
    grammars = Grammars(VOCABULARY)
    matcher = grammars.matcher(ChoiceConstraint(("yes", "no")))
    asked = Asked(prompt_of(20), SamplingParams(max_tokens=9, top_logprobs=2), matcher=matcher)
    run(new_engine(), asked)
    drawn = [d for event in asked.events if isinstance(event, Emission) for d in event.drawn]
    first = dict(drawn[0].alternatives)
    assert set(first) == {b"y", b"n"}
    assert sum(math.exp(value) for value in first.values()) == pytest.approx(1.0, abs=1e-5)
    assert asked.text in {"yes", "no"}
    assert [d.logprob for d in drawn[1:]] == [0.0] * (len(drawn) - 1)


def test_the_thread_serves_many_and_stops_cleanly():
    engine: Engine = new_engine()
    engine.start()
    asked = [Asked(prompt_of(n), GREEDY) for n in (5, 20, 40)]
    for one in asked:
        engine.submit(one.generation)
    until = time.monotonic() + 20
    while not all(one.done for one in asked):
        assert time.monotonic() < until
        time.sleep(0.005)
    endless = Asked(prompt_of(3), SamplingParams(max_tokens=250))
    engine.submit(endless.generation)
    engine.close()
    assert [one.tokens for one in asked] == [alone(prompt_of(n), GREEDY) for n in (5, 20, 40)]
    assert endless.done
    engine.check_integrity()
    with pytest.raises(ModelError, match="stopping"):
        engine.submit(Asked(prompt_of(3), GREEDY).generation)


def _usage(asked: Asked):
    assert isinstance(asked.last, Emission)
    assert asked.last.usage is not None
    return asked.last.usage
