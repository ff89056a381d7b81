"""Which sentence of a passage an answer stands in: how much more its words say of the question than the others'.

Looks at the question and at one text, at nothing else. For whoever copies an answer out of a passage that was
found; whether the passage answers at all is confidence.py's. `make bench-sentences` fits the weights.
"""

from secretariat.models.core import Sentence
from secretariat.retrieval.core import Span
from secretariat.retrieval.search.confidence import words_said
from secretariat.retrieval.sentences import sentences

OWN, ABOVE = 5.44, 2.23
"""Natural log odds for a sentence that says all words of the question, and for one below such a sentence: a
conditional logit over the sentences of 3,956 passages of FairytaleQA's training part (answers verbatim in one
sentence; the heaviest has it in 58 % of them, in 55 % of the 530 held out)."""


def sentence_weights(question: str, text: str) -> tuple[Sentence, ...]:
    """Of all sentences in order; with as many places as go on record."""
    spans = list(sentences(text, Span(0, len(text))))
    said = [words_said(question, span.within(text)) for span in spans]
    return tuple(
        Sentence(span.start, span.end, round(OWN * own + ABOVE * above, 4))
        for span, own, above in zip(spans, said, [0.0, *said], strict=False)
    )
