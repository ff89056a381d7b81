"""What a new wording may not bring in; and a summary speaks for all of a long document."""

import json

import pytest

from secretariat.agents.context import Run
from secretariat.agents.documents.summary import SummarySentence, summarise
from secretariat.agents.documents.vouching import brings_in
from secretariat.agents.journal import Journal
from tests.agents.world import Library, ScriptedChat, WordEmbedder, context, task

QUOTE = "Pupils of the Lantern School may not pay the fee of 12 florins before Monday."


@pytest.mark.parametrize(
    ("wording", "brings"),
    [
        ("Pupils may not pay the 12 florins before Monday.", False),
        ("Before Monday, pupils can't pay the fee.", False),
        ("Pupils may pay the 12 florins before Monday.", True),
        ("Pupils may not pay the fee of 21 florins.", True),
        ("Pupils of the Opera House may not pay before Monday.", True),
        ("Teachers may not pay the fee before Monday.", True),
        ("The fee may not be paid before Monday.", False),
    ],
)
def test_a_number_a_name_or_a_denial_is_not_brought_in(wording, brings):
    assert brings_in(wording, QUOTE) is brings


class Rewriter(ScriptedChat):
    """Says each sentence again, or with another number."""

    def _reply(self, request):
        quote = request.messages[-1].content
        return json.dumps({"sentence": quote.replace("12", "21")})


async def test_every_sentence_of_a_summary_is_supported_or_flagged() -> None:
    text = (
        "The fee for pupils is 12 florins. "
        + "A ticket is paid at the box office before the evening begins. " * 3
    )
    library = Library({"fees.md": text})
    run = Run(task("summary"), await context(library, Rewriter(), embedder=WordEmbedder()), Journal(()))
    said = []
    async for event in summarise(run, "s1", library.document_id("fees.md"), 5, rewrite=True):
        if isinstance(event, SummarySentence):
            said.append(event)
        else:
            run.journal.admit(event)
    assert {("21" in sentence.text, sentence.supported) for sentence in said} == {
        (True, False),
        (False, True),
    }
    assert all(text[one.citation.start : one.citation.end] == one.citation.quote for one in said)


async def test_a_summary_speaks_for_the_end_of_a_very_long_document_as_for_its_beginning() -> None:
    text = " ".join(f"Chapter {number} speaks of matter {number} and nothing else." for number in range(7000))
    library = Library({"long.md": text})
    run = Run(task("summary"), await context(library, ScriptedChat(), embedder=WordEmbedder()), Journal(()))
    made = summarise(run, "s1", library.document_id("long.md"), 10, rewrite=False)
    places = [event.citation.start async for event in made if isinstance(event, SummarySentence)]
    assert min(places) < len(text) / 3
    assert max(places) > len(text) * 2 / 3
