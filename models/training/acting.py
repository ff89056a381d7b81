"""Where an adapter acts while it learns: on every token, or late, as the engine runs it.

Knows no losses. Shape letters: B rows, T places of a row.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Acts, acts_from
from secretariat.models.nets.load import LoadedChat
from secretariat.models.tokens.chat import header_tokens
from secretariat.models.training.learnt import Part
from secretariat.models.training.packing import Rows
from secretariat.models.training.parts import LoraPart, SvfPart

Place = Callable[[Rows], None]
"""Before each forward pass over these rows."""


def placing(part: Part, acts: Acts, chat: LoadedChat) -> Place:
    """Raises ModelError training_invalid for a part that can't act late."""
    if acts == "always":
        return lambda _: None
    adapter, header = late(part, acts), header_of(chat)

    def place(rows: Rows) -> None:
        adapter.acting_BT = acting(rows, acts, header)

    return place


def late(part: Part, acts: Acts) -> LoraPart | SvfPart:
    """The part, which acts so from here on where it is served. Raises ModelError training_invalid for one that
    can't."""
    if not isinstance(part, LoraPart | SvfPart):
        raise ModelError("training_invalid", "weights act on every token: only adapters act late")
    part.acts = acts
    return part


def header_of(chat: LoadedChat) -> int:
    """`header_tokens` of its template. Raises ModelError training_invalid where it has none."""
    if chat.template is None:
        raise ModelError("training_invalid", f"{chat.identity.name} has no chat template", param="model")
    return header_tokens(chat.template, chat.tokenizer)


def acting(rows: Rows, acts: Acts, header: int) -> Tensor:
    """[B, T] bool: each document that is learnt, from where the adapter begins to act."""
    acting_BT = torch.zeros_like(rows.learn_BT)
    for span, asked in zip(rows.spans, rows.asked, strict=True):
        learnt = rows.learn_BT[span.row, span.start : span.stop].nonzero()
        if len(learnt):
            first = acts_from(acts, int(learnt[0]), asked, header)
            acting_BT[span.row, span.start + first : span.stop] = True
    return acting_BT
