"""A network that says what an answer is worth: a scalar read off behind its last token (arXiv:2203.02155).

Owns the head, its file and how a trained one is opened again. Knows no losses and no policies.

Shape letters: B rows, T places, D documents, E model width.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from secretariat.models.adapters.lora import read_lora
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.norm import wide
from secretariat.models.training.examples import Example
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import SUMMARY
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.packing import Rows, first_fit, laid_out
from secretariat.models.training.parts import LoraPart, OwnPart

HEAD = "head.safetensors"
WEIGHTS = "base_sha256"  # in the summary: which weights it was trained over
_WEIGHT = "reward_head.weight"


class RewardHead(OwnPart):
    """One number for each direction of the last hidden state. Begins as nothing: all are worth the same."""

    def __init__(self, width: int) -> None:
        super().__init__({_WEIGHT: torch.zeros(1, width)}, HEAD)

    @property
    def weight_E(self) -> Tensor:
        assert self.leaves is not None, "not attached"
        return self.leaves[_WEIGHT][0]


def rewards(decoder: Decoder, head_E: Tensor, rows: Rows, *, checkpoint: bool = True) -> Tensor:
    """[D], in the order of the documents that `rows` were laid out from, all of which are in them."""
    last_BTE = hidden(decoder, rows, checkpoint=checkpoint)
    ends = torch.tensor([(span.row, span.stop - 1) for span in rows.spans])
    last_DE = last_BTE[ends[:, 0], ends[:, 1]]
    order = rows.documents_BT[ends[:, 0], ends[:, 1]].argsort()
    found: Tensor = last_DE[order].to(wide(last_DE.dtype)) @ head_E
    return found


class LearntReward:
    """A trained reward model over a decoder of its own. Raises ModelError("training_invalid") for one over other
    weights than `base_sha256`, and what `read_lora` raises."""

    def __init__(self, folder: Path, decoder: Decoder, base_sha256: str, row_tokens: int) -> None:
        if read_json(folder / SUMMARY).get(WEIGHTS) != base_sha256:
            raise ModelError(
                "training_invalid",
                f"the reward model in {folder.name} is over another model",
                param="reward_model",
            )
        adapter = read_lora(folder, decoder.config, partial=True)
        targets = read_json(folder / "adapter_config.json")["target_modules"]
        rank = adapter.rank
        part = LoraPart(decoder, rank=rank, alpha=float(rank), targets=targets, partial=True, start=adapter)
        self._learnt = Learnt([part])  # holds the leaves that the decoder's hooks read
        self._decoder = decoder
        self._head_E = load_file(folder / HEAD)[_WEIGHT][0]
        self._row_tokens = row_tokens

    @torch.no_grad()
    def of(self, answers: Sequence[Example]) -> list[float]:
        """From 0 to 1: how surely it would be preferred to one that is worth nothing in particular."""
        found = [0.0] * len(answers)
        for row in first_fit([len(answer.tokens) for answer in answers], self._row_tokens):
            rows = laid_out([answers[index] for index in row], [range(len(row))])
            worth = torch.sigmoid(rewards(self._decoder, self._head_E, rows)).tolist()
            for index, value in zip(row, worth, strict=True):
                found[index] = value
        return found
