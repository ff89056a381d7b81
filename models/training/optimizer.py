"""AdamW (arXiv:1711.05101) over one flat buffer of masters; its state is two more of the same length."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from secretariat.models.training.learnt import Masters

_NUMBERS = 1 << 20  # worked on at a time, so that they stay in the processor's cache


@dataclass
class AdamW:
    """`decay` shrinks matrices only. `steps` counts those taken."""

    masters: Masters
    decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    steps: int = 0
    means: Tensor = field(init=False)
    squares: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.means = torch.zeros_like(self.masters.values)
        self.squares = torch.zeros_like(self.masters.values)

    @torch.no_grad()
    def step(self, rate: float, clip: float) -> float:
        """Moves the masters and clears the gradients; returns their norm before it is cut to `clip` (0: uncut)."""
        gradients = self.masters.gradients
        norm = float(torch.linalg.vector_norm(gradients))
        if clip and norm > clip:
            gradients *= clip / norm
        self.steps += 1
        if self.decay:
            for matrix in self.masters.matrices:
                self.masters.values[matrix] *= 1 - rate * self.decay
        flat = (self.masters.values, gradients, self.means, self.squares)
        for parts in zip(*(torch.split(tensor, _NUMBERS) for tensor in flat), strict=True):
            self._move(*parts, rate=rate)
        gradients.zero_()
        return norm

    def _move(self, value: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, *, rate: float) -> None:
        first, second = self.betas
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = math.sqrt(1 - second**self.steps)
        value.addcdiv_(mean, (square.sqrt() / root).add_(self.eps), value=-rate / (1 - first**self.steps))


def rate_at(step: int, steps: int, peak: float, *, warmup: float, floor: float) -> float:
    """Of the `step`-th of `steps`, from 0: up in a line for a share `warmup`, then down half a cosine to `floor`
    of the peak."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    share = (step - rising) / max(1, steps - 1 - rising)
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * min(1.0, share))) / 2)
