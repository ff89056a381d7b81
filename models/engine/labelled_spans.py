"""From probabilities of labels for each token to labelled stretches of a text.

Labels may be in the scheme of Ramshaw & Marcus (arXiv:cmp-lg/9505040): "B-" begins a stretch, "I-" goes on with
it, "O" is outside. Knows no model. Shape letters: T tokens, L labels.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from secretariat.models.core import LabelledSpan

OUTSIDE = "O"
Span = tuple[int, int]
_BEGINS, _GOES_ON = "B-", "I-"


def token_spans(
    text: str,
    spans: Sequence[Span | None],
    probabilities_TL: npt.NDArray[np.float64],
    labels: Sequence[str],
    *,
    merge: bool,
) -> tuple[LabelledSpan, ...]:
    """Of tokens that come from the text (`spans` None: framing), with their likeliest label unless it is outside.

    `merge` joins neighbours of one label and leaves "B-" and "I-" out of its name, as `aggregation_strategy`
    "simple" of transformers; the probability is the mean of the tokens'.
    """
    found = [
        LabelledSpan(*span, text[slice(*span)], labels[best], float(probabilities_TL[token, best]))
        for token, (span, best) in enumerate(zip(spans, probabilities_TL.argmax(axis=1), strict=True))
        if span is not None
    ]
    groups = _runs(found) if merge else ([one] for one in found)
    whole = (_joined(text, group, merge=merge) for group in groups)
    return tuple(span for span in whole if span.label != OUTSIDE)


def _runs(found: Sequence[LabelledSpan]) -> Iterator[list[LabelledSpan]]:
    run: list[LabelledSpan] = []
    for one in found:
        if run and (one.label.startswith(_BEGINS) or _kind(one) != _kind(run[-1])):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _joined(text: str, group: Sequence[LabelledSpan], *, merge: bool) -> LabelledSpan:
    start, end = group[0].start, group[-1].end
    mean = sum(one.probability for one in group) / len(group)
    return LabelledSpan(start, end, text[start:end], _kind(group[0]) if merge else group[0].label, mean)


def _kind(span: LabelledSpan) -> str:
    label = span.label
    return label[len(_BEGINS) :] if label.startswith((_BEGINS, _GOES_ON)) else label
