"""Turns over doubles of the models: which way an answer takes, and what it may hold."""

from dataclasses import replace

import pytest

from secretariat.agents.conversation.answer import answer
from secretariat.agents.conversation.core import (
    Exchange,
    Reader,
    RouteChosen,
    TurnCited,
    TurnCompleted,
    TurnFailed,
)
from secretariat.agents.conversation.kind import kind_of
from secretariat.agents.conversation.resolve import candidates, leans
from secretariat.agents.conversation.title import title_of
from secretariat.agents.core import CitationAdded, ModelPrompted, OutputDelta, RetrievalCompleted
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.memory.summary import BUDGET, extended
from secretariat.agents.memory.told import told
from secretariat.models.errors import ModelError
from secretariat.retrieval.errors import DocumentNotFoundError
from tests.agents.conversing import Conversation
from tests.agents.theatre import DOCUMENTS
from tests.agents.world import ROOT, Library, ScriptedChat, WordEmbedder


def conversation(**more) -> Conversation:
    return Conversation(Library(DOCUMENTS), ScriptedChat(), WordEmbedder(), **more)


async def events_of(said: Conversation, text: str, journal=()):
    return [event async for event in answer(said.turn(text), await said.context(journal))]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks!", "small_talk"),
        ("ok, thank you very much", "small_talk"),
        ("Thanks, and when does it close?", "question"),
        ("My locker code is 4821.", "telling"),
        ("Please remember that Tom likes tea", "telling"),
        ("parental leave duration", "question"),
        ("¿Cuándo abre la taquilla?", "question"),
        ("I lost my badge. Who do I call?", "question"),
        ("What did we talk about so far?", "about_conversation"),
    ],
)
def test_what_is_said_is_taken_for_what_it_is(text, kind):
    assert kind_of(text) == kind


ASKED = Exchange(
    ROOT, "When does the box office open?", "When does the box office open?", "",
    ("The box office opens two hours before the curtain.",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("When does it close?", "When does the box office close?"),
        ("And the stage door?", "When does the stage door open?"),
        ("Who keeps the wardrobe?", None),
        ("Is it true that the master carpenter inspects the harness?", None),
        ("Who wears its uniform?", "Who wears the box office's uniform?"),
    ],
)
def test_a_follow_up_is_completed_in_words_of_the_conversation(text, way):
    assert (way in candidates(text, [ASKED]) and leans(text)) if way else not candidates(text, [])


async def test_small_talk_and_statements_ask_neither_model_nor_documents():
    said = conversation()
    for text in ("Thanks!", "The prompter is called Ben."):
        events = await events_of(said, text)
        assert not [event for event in events if isinstance(event, ModelPrompted | RetrievalCompleted)]


async def test_an_answer_quotes_and_the_quote_is_compared_before_it_is_shown():
    events = await events_of(conversation(), "Who keeps the wardrobe?")
    kinds = [type(event) for event in events]
    assert kinds.index(CitationAdded) < kinds.index(OutputDelta)
    completed = events[-1]
    assert isinstance(completed, TurnCompleted)
    (claim,) = completed.citations
    assert claim.verified
    assert DOCUMENTS[claim.document][claim.start : claim.end] == claim.quote
    assert completed.answer.endswith("[1]")


async def test_what_nothing_holds_is_not_answered():
    events = await events_of(conversation(), "Which airline flies to Reykjavik?")
    assert isinstance(events[-1], TurnCompleted)
    assert (events[-1].abstained, events[-1].answer) == (True, "Not in the sources.")


async def test_what_was_told_before_is_quoted_from_its_turn():
    said = conversation()
    await said.say("My locker number is 4821.")
    await said.say("My bicycle is green.")
    completed = await said.say("What is my locker number?")
    (recalled,) = completed.recalled
    assert recalled.quote == "My locker number is 4821."
    assert recalled.turn_id == said.exchanges[0].turn_id
    assert not completed.citations


async def test_what_was_said_last_takes_the_place_of_what_was_said_before():
    said = conversation()
    await said.say("The launch date is 12 May.")
    await said.say("The launch date is 20 June.")
    completed = await said.say("What is the launch date?")
    assert [each.quote for each in completed.recalled] == ["The launch date is 20 June."]


async def test_an_answer_anew_looks_past_what_was_quoted():
    said = conversation()
    first = await said.say("What do pupils pay for a ticket?")
    given = frozenset(claim.quote for claim in first.citations)
    turn = said.turn("What do pupils pay for a ticket?", given)
    events = [event async for event in answer(turn, await said.context())]
    assert isinstance(events[-1], TurnCompleted)
    assert not given & {claim.quote for claim in events[-1].citations}


@pytest.mark.parametrize("cut", range(1, 12))
async def test_a_turn_that_was_cut_off_anywhere_goes_on_from_there(cut):
    said = conversation()
    await said.say("My locker number is 4821.")
    whole = await events_of(said, "What is my locker number, and who keeps the wardrobe?")
    rest = await events_of(said, "What is my locker number, and who keeps the wardrobe?", whole[:cut])
    assert [event for event in [*whole[:cut], *rest] if not isinstance(event, ModelPrompted)][-1] == whole[-1]
    kept = [event for event in [*whole[:cut], *rest] if isinstance(event, TurnCited | CitationAdded)]
    assert kept == [event for event in whole if isinstance(event, TurnCited | CitationAdded)]
    assert await events_of(said, "x", whole) == []


async def test_a_model_that_is_away_for_now_leaves_the_turn_to_a_later_lease(monkeypatch):
    monkeypatch.setattr("secretariat.agents.context._FIRST_PAUSE_S", 0.0)
    away = [ModelError("unreachable", "away", retryable=True)] * 3
    said = Conversation(Library(DOCUMENTS), ScriptedChat(faults=away), WordEmbedder())
    with pytest.raises(ModelError):
        await events_of(said, "Who keeps the wardrobe?")


async def test_a_model_that_says_what_it_was_not_shown_fails_the_turn():
    class Liar(ScriptedChat):
        def _reply(self, request):
            return "a word that stands nowhere"

    said = Conversation(Library(DOCUMENTS), Liar(), WordEmbedder())
    events = await events_of(said, "Who keeps the wardrobe?")
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].code == ToolFailedError.code


@pytest.mark.parametrize(
    ("context", "rate", "route", "reason"),
    [
        (8_192, 500.0, "search", "no model for long contexts"),
        (131_072, 1e6, "whole_documents", "fits"),
        (131_072, 100.0, "search", "too slow"),
    ],
)
async def test_whole_documents_are_read_where_that_fits_and_costs_little_more(context, rate, route, reason):
    few = {name: DOCUMENTS[name] + "\n\nBlank." * 2000 for name in ("costumes.md", "tickets.md")}
    reader = Reader(context_length=context, prefill_rate=rate, rate_from="measured")
    said = Conversation(Library(few), ScriptedChat(), WordEmbedder(), reader)
    events = await events_of(said, "Who keeps the wardrobe?")
    (chosen,) = (event for event in events if isinstance(event, RouteChosen))
    assert (chosen.route, chosen.reason) == (route, reason)
    assert chosen.search is not None
    assert chosen.whole_documents is not None
    assert chosen.whole_documents.seconds == pytest.approx(chosen.whole_documents.tokens / rate, abs=1e-3)
    assert isinstance(events[-1], TurnCompleted)
    assert all(claim.verified for claim in events[-1].citations)


async def test_too_many_documents_are_searched():
    reader = Reader(context_length=131_072, prefill_rate=1e6, rate_from="measured")
    events = await events_of(conversation(reader=reader), "Who keeps the wardrobe?")
    (chosen,) = (event for event in events if isinstance(event, RouteChosen))
    assert (chosen.route, chosen.reason) == ("search", "too many documents")


def test_only_what_tells_something_is_remembered():
    text = "Hello! My desk is in room 4. Where do I get a key? The key of room 4 is with Ann."
    assert [span.within(text) for span in told(text)] == [
        "My desk is in room 4.",
        "The key of room 4 is with Ann.",
    ]


def test_the_summary_stays_inside_its_budget_and_keeps_what_nothing_else_says():
    lines = extended((), Exchange(ROOT, "The vault code is 7731.", "", ""))
    for number in range(60):
        text = f"The meeting number {number} of the committee is held on Tuesday in the large hall."
        lines = extended(lines, Exchange(ROOT, text, "", ""))
    assert sum(len(line.text) + 1 for line in lines) <= BUDGET
    assert lines[0].text == "The vault code is 7731."


def test_a_title_is_the_first_sentence_cut_where_a_word_ends():
    assert title_of("hello, how long is my leave? I ask because") == "How long is my leave?"
    assert title_of("word " * 40).endswith("word…")
    assert title_of("Hi") == "Hi"


async def test_what_the_asker_said_of_their_own_comes_before_what_documents_say_of_everybodys():
    said = conversation()
    await said.say("My master carpenter is Olga Reed.")
    completed = await said.say("Who is my master carpenter?")
    assert [each.quote for each in completed.recalled] == ["My master carpenter is Olga Reed."]
    assert not completed.citations


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "Who keeps the wardrobe?",
        "Which airline flies to Reykjavik?",
        "Who keeps the wardrobe, and which airline flies to Reykjavik?",
    ],
)
async def test_who_listens_hears_the_whole_answer(text):
    events = await events_of(conversation(), text)
    heard = "".join(event.text for event in events if isinstance(event, OutputDelta))
    assert isinstance(events[-1], TurnCompleted)
    assert heard == events[-1].answer


class Changing(Library):
    """Another text, or none, from the moment at which an answer has been read."""

    now = "Nothing of it stands here any more."

    async def text(self, scope, document_id):
        document = await super().text(scope, document_id)
        if not self.now:
            raise DocumentNotFoundError("No such document.")
        return replace(document, text=self.now)


async def test_a_quote_that_does_not_stand_in_its_document_any_more_is_flagged():
    said = Conversation(Changing(DOCUMENTS), ScriptedChat(), WordEmbedder())
    completed = await said.say("Who keeps the wardrobe?")
    assert [claim.verified for claim in completed.citations] == [False]


async def test_a_quote_of_a_document_that_was_closed_meanwhile_is_not_given():
    library = Changing(DOCUMENTS)
    library.now = ""
    completed = await Conversation(library, ScriptedChat(), WordEmbedder()).say("Who keeps the wardrobe?")
    assert (completed.abstained, completed.citations) == (True, ())
