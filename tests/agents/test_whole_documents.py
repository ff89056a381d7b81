"""Whole documents are read where that fits and costs little more; the next prompt goes on from the one before."""

import dataclasses

import pytest

from secretariat.agents.conversation.answer import answer
from secretariat.agents.conversation.core import Cost, Reader, RouteChosen, TurnCompleted
from secretariat.agents.core import ModelAnswered, ModelPrompted
from secretariat.models.core import ChatResult, Usage
from secretariat.models.engine.local import LocalChat
from secretariat.models.tokens.chat import ChatTemplate
from tests.agents.conversing import Conversation
from tests.agents.theatre import DOCUMENTS
from tests.agents.world import Library, ScriptedChat, WordEmbedder
from tests.models.engine.hybrid import HYBRID, exact_hybrid
from tests.models.engine.toy import toy_chat

FEW = {name: DOCUMENTS[name] for name in ("costumes.md", "tickets.md")}
READER = Reader(context_length=131_072, prefill_rate=1e6, rate_from="measured")
TEMPLATE = (
    "{% for message in messages %}<control>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<control>{% endif %}"
)


def reading(reader: Reader = READER, chat: ScriptedChat | None = None) -> Conversation:
    return Conversation(Library(FEW), chat or ScriptedChat(), WordEmbedder(), reader)


def route_of(said: Conversation) -> RouteChosen:
    (chosen,) = (event for event in said.events if isinstance(event, RouteChosen))
    return chosen


def costs(chosen: RouteChosen) -> tuple[Cost, Cost]:
    assert chosen.search is not None
    assert chosen.whole_documents is not None
    return chosen.search, chosen.whole_documents


async def test_each_prompt_goes_on_from_the_prompt_and_the_very_words_before_it():
    said = reading()
    prompts, answers = list[ModelPrompted](), list[ModelAnswered]()
    for text in ("Who keeps the wardrobe, and what do pupils pay?", "When does the box office open?"):
        await said.say(text)
        assert route_of(said).route == "whole_documents"
        prompts += [event for event in said.events if isinstance(event, ModelPrompted)]
        answers += [event for event in said.events if isinstance(event, ModelAnswered)]
    assert len(prompts) == 3
    for before, came, after in zip(prompts, answers, prompts[1:], strict=False):
        begins = [*before.messages, {"role": "assistant", "content": came.text}]
        assert list(after.messages[: len(begins)]) == begins


async def test_the_journal_names_documents_that_were_read_whole_and_does_not_repeat_them():
    said = reading()
    completed = await said.say("Who keeps the wardrobe?")
    assert completed.citations[0].verified
    written = "".join(event.model_dump_json() for event in said.events)
    assert "Pupils and pensioners" not in written
    assert str(said.library.document_id("tickets.md")) in written


async def test_a_model_with_a_recurrent_state_goes_on_from_its_snapshot_and_reads_nothing_again():
    """Real engine, random weights: what counts is where it starts from."""
    hybrid = dataclasses.replace(HYBRID, context_length=4096)
    loaded = dataclasses.replace(
        toy_chat(exact_hybrid(hybrid)), template=ChatTemplate(TEMPLATE), context_length=4096
    )
    chat = LocalChat(loaded).start()
    library = Library({"gates.md": "The north gate closes at nine. The south gate closes at ten. " * 6})
    said = Conversation(library, chat, WordEmbedder(), READER)
    try:
        uses = []
        for text in ("When does the north gate close?", "When does the south gate close?"):
            await said.say(text)
            uses += [event.model for event in said.events if isinstance(event, ModelAnswered)]
    finally:
        chat.close()
    first, second = uses
    assert first.cached_tokens == 0
    assert first.prompt_tokens - second.cached_tokens <= 64  # as near as two snapshots lie on one path


async def test_what_the_turn_before_read_costs_nothing_to_read_again():
    slow = Reader(context_length=131_072, prefill_rate=50.0, rate_from="measured", search_seconds=1.5)
    said = reading(slow)
    await said.say("Who keeps the wardrobe?")
    first = route_of(said)
    assert (first.route, first.reason) == ("search", "too slow")
    said.reader = READER
    await said.say("What do pupils pay?")
    assert route_of(said).route == "whole_documents"
    said.reader = slow
    await said.say("When does the box office open?")
    again = route_of(said)
    assert again.route == "whole_documents"
    assert costs(again)[1].tokens == 0


async def test_the_costs_in_the_journal_are_measured_once_there_is_something_to_measure():
    said = reading(dataclasses.replace(READER, rate_from="setting"))
    await said.say("Who keeps the wardrobe?")
    assert [cost.measured for cost in costs(route_of(said))] == [False, False]
    said.exchanges.clear()
    said.reader = dataclasses.replace(READER, search_seconds=0.7)
    await said.say("Who keeps the wardrobe, and what do pupils pay?")
    search, whole = costs(route_of(said))
    assert (search.measured, whole.measured) == (True, True)
    assert search.seconds == pytest.approx(1.4)


async def test_documents_that_leave_no_room_for_the_conversation_are_searched():
    tight = Reader(context_length=300, prefill_rate=1e6, rate_from="measured")
    said = Conversation(Library(FEW), ScriptedChat(), WordEmbedder(), tight, long_context=200)
    await said.say("Who keeps the wardrobe?")
    assert (route_of(said).route, route_of(said).reason) == ("search", "too long")


async def test_another_answer_is_looked_for_and_not_read_out_of_the_same_documents():
    said = reading()
    turn = said.turn("What do pupils pay for a ticket?", frozenset({"Pupils and pensioners pay 12 florins."}))
    events = [event async for event in answer(turn, await said.context())]
    (chosen,) = (event for event in events if isinstance(event, RouteChosen))
    assert (chosen.route, chosen.reason) == ("search", "another answer was asked for")


class LongReader(ScriptedChat):
    """Each prompt has as many tokens as a long document."""

    async def chat(self, request, call) -> ChatResult:
        return dataclasses.replace(await super().chat(request, call), usage=Usage(60_000, 4))


async def test_several_questions_about_a_long_document_stay_within_the_limits():
    said = reading(chat=LongReader())
    completed = await said.say("Who keeps the wardrobe, and what do pupils pay, and when does it open?")
    assert isinstance(completed, TurnCompleted)
    assert len([event for event in said.events if isinstance(event, ModelAnswered)]) == 3
