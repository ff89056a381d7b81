"""What is found again, by whom, and what leaves first."""

import random

import pytest

from secretariat.models.engine import tree
from secretariat.models.engine.eviction import Worth, evict
from secretariat.models.engine.pages import PagePool
from secretariat.models.engine.snapshots import SnapshotPool
from secretariat.models.engine.store import EngineMemory, page_cost
from secretariat.models.engine.tree import Owner, PrefixTree
from secretariat.models.nets.memory import Memory, MemorySize
from tests.models.engine.hybrid import (
    HYBRID,
    Request,
    TokenByToken,
    alone,
    exact_hybrid,
    new_hybrid,
    prompt_of,
)
from tests.models.engine.toy import CONFIG, run

ME = Owner("a")


class Cache:
    """A tree over pools of its own."""

    def __init__(self, pages: int = 40) -> None:
        memory = Memory(HYBRID, MemorySize(pages, 2))
        self.pages = PagePool(pages)
        self.snapshots = SnapshotPool(memory, "float32")
        self.tree = PrefixTree(self.pages, self.snapshots)
        self.worth = Worth(HYBRID, page_cost(HYBRID, memory.size.kv_dtype), self.snapshots)

    def keep(self, tokens: list[int], owner: Owner = ME, *, mark: bool = False) -> list[int]:
        pages = self.pages.take(-(-len(tokens) // 16))
        if mark:
            snapshot = self.snapshots.save(1, 0)
            self.tree.mark(owner, tokens, pages, snapshot)
            self.snapshots.release(snapshot)
        else:
            self.tree.insert(owner, tokens, pages)
        self.pages.release(pages)
        return pages

    def check(self) -> None:
        self.pages.check_integrity(self.tree.held_pages())
        self.snapshots.check_integrity(self.tree.held_snapshots())


def test_a_prefix_is_found_page_by_page_and_its_state_at_the_exact_token():
    cache, tokens = Cache(), prompt_of(60)
    pages = cache.keep(tokens[:37], mark=True)
    cache.keep(tokens)
    assert cache.tree.match(ME, tokens[:36]).mark is None
    found = cache.tree.match(ME, tokens[:37])
    assert found.mark is not None
    assert (found.mark.position, found.pages, found.mark.tail_page) == (37, tuple(pages[:2]), pages[2])
    assert cache.tree.match(ME, tokens).tokens == 48
    assert cache.tree.match(ME, [*tokens[:20], 1, *tokens[21:]]).tokens == 16
    cache.check()


def test_the_deepest_of_several_states_counts():
    cache, tokens = Cache(), prompt_of(60)
    for length in (3, 16, 18, 21, 50):
        cache.keep(tokens[:length], mark=True)
    found = [cache.tree.match(ME, tokens[:length]).mark for length in (2, 3, 17, 20, 49, 60)]
    assert [mark and mark.position for mark in found] == [None, 3, 16, 18, 21, 50]
    cache.check()


class Colliding(bytes):
    """Bytes whose slices all have one hash."""

    __slots__ = ()

    def __getitem__(self, at):
        return Colliding(super().__getitem__(at))

    def __hash__(self) -> int:
        return 1


def test_equal_hashes_are_not_equal_tokens(monkeypatch: pytest.MonkeyPatch):
    plain = tree._bytes
    monkeypatch.setattr(tree, "_bytes", lambda tokens: Colliding(plain(tokens)))
    cache = Cache()
    for seed in range(4):
        cache.keep(prompt_of(32, seed))
    assert [cache.tree.match(ME, prompt_of(32, seed)).tokens for seed in range(5)] == [32] * 4 + [0]


def test_nothing_is_found_across_tenants_adapters_or_processes():
    cache, tokens = Cache(), prompt_of(32)
    cache.keep(tokens, mark=True)
    for other in (Owner("b"), Owner("a", "digest"), Owner("", "a"), Owner("ab")):
        assert cache.tree.match(other, tokens).pages == ()
        assert cache.tree.match(other, tokens).mark is None
    assert Cache().tree._key(ME) != cache.tree._key(ME)


def test_forgetting_a_tenant_leaves_the_others():
    cache, tokens = Cache(), prompt_of(40)
    for owner in (ME, Owner("a", "digest"), Owner("b")):
        cache.keep(tokens, owner, mark=True)
    cache.tree.forget("a")
    assert cache.tree.match(ME, tokens).pages == cache.tree.match(Owner("a", "digest"), tokens).pages == ()
    assert cache.tree.match(Owner("b"), tokens).tokens == 32
    assert (cache.pages.used, len(cache.snapshots)) == (3, 1)
    cache.check()


def test_what_saves_little_and_was_used_long_ago_goes_first():
    cache = Cache()
    long_, short, stale = prompt_of(64, 1), prompt_of(16, 2), prompt_of(48, 3)
    cache.keep(stale)  # no state to resume from lies behind these pages
    for tokens in (short, long_):
        cache.keep(tokens, mark=True)
    evict(cache.tree, cache.worth, lambda: cache.pages.free >= 40 - 5)
    assert cache.tree.match(ME, stale).tokens == 0
    evict(cache.tree, cache.worth, lambda: cache.pages.free >= 40 - 4)
    assert cache.tree.match(ME, short).mark is None
    assert cache.tree.match(ME, long_).tokens == 64
    cache.check()


def test_a_state_that_its_one_reader_went_past_makes_room_first():
    cache = Cache()
    for seed, readers in ((1, 0), (2, 2), (3, 1)):
        cache.keep(prompt_of(32, seed), mark=True)
        known = cache.tree.marked(ME, prompt_of(32, seed))
        assert known is not None
        known.readers = readers
    evict(cache.tree, cache.worth, lambda: False, spare=True)
    assert [cache.tree.marked(ME, prompt_of(32, seed)) is not None for seed in (1, 2, 3)] == [
        True,
        True,
        False,
    ]
    assert cache.pages.used == 4, "no page is worth keeping without a state behind it"
    cache.check()


def test_every_state_knows_the_one_before_it():
    """Against the definition, in a tree whose states come and go in any order."""
    cache, draw = Cache(400), random.Random(3)
    stem = prompt_of(70)
    paths = [[*stem[:cut], *prompt_of(30, cut)] for cut in (0, 5, 16, 23, 40, 70)]
    for _ in range(300):
        path = draw.choice(paths)
        tokens = path[: draw.randrange(1, len(path) + 1)]
        known = cache.tree.marked(ME, tokens)
        if known is None:
            cache.keep(tokens, mark=True)
        else:
            cache.tree.drop(known)
        for path in paths:
            befores: list[tree.Mark | None] = [None]
            for length in range(1, len(path) + 1):
                found = cache.tree.marked(ME, path[:length])
                if found is not None:
                    assert found.before is befores[-1]
                    befores.append(found)
    cache.check()


def test_what_others_hold_is_never_evicted():
    cache, tokens = Cache(), prompt_of(40)
    cache.keep(tokens, mark=True)
    found = cache.tree.match(ME, tokens)
    assert found.mark is not None
    cache.pages.share(found.pages)
    cache.snapshots.share(found.mark.snapshot)
    evict(cache.tree, cache.worth, lambda: False)
    assert cache.tree.match(ME, tokens).mark is found.mark
    cache.pages.release(found.pages)
    cache.snapshots.release(found.mark.snapshot)
    evict(cache.tree, cache.worth, lambda: False)
    assert (cache.pages.used, len(cache.snapshots), len(cache.tree)) == (0, 0, 0)


def test_pages_and_states_never_take_more_than_their_budget():
    engine = new_hybrid(memory=EngineMemory(pages=12, slots=3, snapshots=2), gap=1)
    draw = random.Random(1)
    for seed in range(6):
        prompt = prompt_of(draw.randrange(20, 90), seed)
        asked = Request(prompt, boundaries=[7, 18, 30], tenant=draw.choice("ab"))
        run(engine, asked)
        assert engine.metrics.used_bytes <= engine.metrics.budget_bytes
        engine.check_integrity()
    assert asked.bits == alone(asked.generation.prompt)


def test_where_others_parted_without_a_state_one_is_left_for_the_next():
    engine, prompt = new_hybrid(gap=8), prompt_of(64)
    asked = [Request([*prompt[:50], *prompt_of(9, seed)]) for seed in range(3)]
    for one in asked:
        run(engine, one)
    assert [one.cached for one in asked] == [0, 0, 48]
    assert [one.bits for one in asked] == [alone(one.generation.prompt) for one in asked]


def test_the_next_turn_goes_on_where_the_last_one_ended():
    engine, first = new_hybrid(gap=4), Request(prompt_of(21))
    run(engine, first)
    turn = Request([*first.generation.tokens, *prompt_of(7, 1)])
    run(engine, turn)
    assert turn.cached == len(first.generation.tokens) - 1
    assert turn.bits == alone(turn.generation.prompt)


def test_a_finished_turn_keeps_one_state_beside_the_declared_ones():
    engine = new_hybrid(gap=4)
    run(engine, Request(prompt_of(40), boundaries=[12]))
    assert engine.metrics.snapshots == 2
    run(engine, Request(prompt_of(40, 1), boundaries=[12, 40]))
    assert engine.metrics.snapshots == 5


def test_boundaries_that_nobody_shared_push_out_no_conversation():
    engine = new_hybrid(memory=EngineMemory(pages=14, slots=1, snapshots=3), gap=4)
    first = Request(prompt_of(40))
    run(engine, first)
    for seed in range(1, 4):
        run(engine, Request(prompt_of(40, seed), boundaries=[8, 16, 24, 32]))
    turn = Request([*first.generation.tokens, 5])
    run(engine, turn)
    assert turn.cached == len(first.generation.tokens) - 1
    assert turn.bits == alone(turn.generation.prompt)


def test_a_declared_boundary_is_found_the_second_time_and_stays_once_shared():
    engine = new_hybrid(memory=EngineMemory(pages=40, slots=1, snapshots=6), gap=4)
    stem = prompt_of(40)
    cached = []
    for seed in range(1, 9):
        asked = Request([*stem, *prompt_of(24, seed)], boundaries=[40])
        run(engine, asked)
        cached.append(asked.cached)
    assert cached == [0, *[40] * 7]


def test_the_turn_before_makes_room_for_the_next_and_a_fork_keeps_it():
    engine = new_hybrid(gap=4)
    first = Request(prompt_of(30))
    run(engine, first)
    owner, ended = first.generation.owner, first.generation.tokens[:-1]
    state = engine._store.tree.marked(owner, ended)
    assert state is not None
    assert not state.is_spare
    run(engine, Request([*first.generation.tokens, *prompt_of(9, 1)]))
    assert state.is_spare
    run(engine, Request([*first.generation.tokens, *prompt_of(9, 2)]))
    assert not state.is_spare


def test_a_short_turn_leaves_the_conversation_where_it_can_be_resumed():
    engine = new_hybrid(gap=50)
    first = Request(prompt_of(60))
    run(engine, first)
    kept = first.generation.latest
    assert kept is not None
    assert not kept.is_spare
    run(engine, Request([*first.generation.tokens, 5]))
    assert not kept.is_spare


def test_boundaries_too_close_together_cost_no_snapshots():
    engine = new_hybrid(gap=10)
    run(engine, Request(prompt_of(40), boundaries=range(1, 40)))
    assert engine.metrics.snapshots <= 4


def test_another_tenants_prefix_is_computed_as_if_nobody_had_asked():
    """What a stranger could time is the work done, so the work is counted."""

    def work(*before: str) -> tuple[int, int, int]:
        engine, prompt = new_hybrid(), prompt_of(50)
        for tenant in before:
            run(engine, Request(prompt, tenant=tenant, boundaries=[16, 32]))
        start = engine.metrics
        probe = Request(prompt, tenant="stranger", boundaries=[16, 32])
        run(engine, probe)
        end = engine.metrics
        return end.steps - start.steps, end.computed_tokens - start.computed_tokens, probe.cached

    assert work("a", "b") == work()
    assert work("stranger")[1] < work()[1]


def test_an_exact_network_keeps_no_inexact_states():
    for form in ("bfloat16", "int8"):
        with pytest.raises(ValueError, match="depend on cache hits"):
            new_hybrid(memory=EngineMemory(pages=8, form=form))


def test_an_inexact_network_may_keep_states_in_eight_bits(monkeypatch: pytest.MonkeyPatch):
    network = TokenByToken()
    monkeypatch.setattr(TokenByToken, "arithmetic", network.inner.arithmetic)
    engine = new_hybrid(network, memory=EngineMemory(pages=64, slots=4, snapshots=9, form="int8"))
    prompt = prompt_of(40)
    run(engine, Request(prompt, boundaries=[24]))
    hit = Request([*prompt[:30], 7])
    run(engine, hit)
    assert hit.cached == 24
    exact = alone([*prompt[:30], 7])
    assert hit.bits != exact
    assert hit.bits[0][1] == pytest.approx(exact[0][1], abs=0.2)


def test_a_network_without_states_needs_neither_slots_nor_snapshots():
    engine, prompt = new_hybrid(exact_hybrid(CONFIG)), prompt_of(50)
    run(engine, Request(prompt, boundaries=[20]))
    hit = Request(prompt)
    run(engine, hit)
    assert hit.cached == 48
    assert (engine.metrics.slots, engine.metrics.snapshots) == (0, 0)


def test_memory_is_divided_by_bytes():
    memory = EngineMemory.of_bytes(HYBRID, 2**20, slots=4)
    states = 4 * Memory.slot_bytes(HYBRID)
    assert (
        0
        <= 2**20 - states - memory.pages * page_cost(HYBRID, memory.kv_dtype)
        < page_cost(HYBRID, memory.kv_dtype)
    )
    with pytest.raises(ValueError, match="don't hold"):
        EngineMemory.of_bytes(HYBRID, 1000, slots=4)
