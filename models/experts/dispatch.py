"""The first of two passes: the base model itself says which expert a request is for.

The question follows the user's words inside the same message, so everything before it is computed once for both
passes. Knows no engine: that runs both passes (`LocalChat.emissions`, `models/engine/local.py`).
"""

from collections.abc import Mapping, Sequence

from secretariat.models.core import ChatRequest, Expert
from secretariat.models.errors import ModelError
from secretariat.models.experts.form import answers, form_of

MOST_EXPERTS = 16
_LEAST = 1e-6


def question(experts: Sequence[Expert]) -> str:
    """What the base model is asked behind the user's words. Its answer is one of the experts' names."""
    listed = "; ".join(f"{expert.name}: {expert.about}" for expert in experts)
    return f"\n\nWhich kind of request is this? {listed}. Answer with the kind alone."


def check(experts: Sequence[Expert]) -> None:
    """Raises ModelError invalid_request."""
    names = [expert.name for expert in experts]
    if len(set(names)) < len(names):
        raise ModelError("invalid_request", "two experts have the same name", param="experts")
    if not 2 <= len(names) <= MOST_EXPERTS:
        raise ModelError("invalid_request", f"a choice is among 2 to {MOST_EXPERTS} experts", param="experts")


def meant(request: ChatRequest) -> tuple[Expert, ...]:
    """Of the request's experts those that answer its form; all where none does. Raises ModelError as `check`."""
    check(request.experts)
    form = form_of(request)
    return tuple(expert for expert in request.experts if answers(expert.forms, form)) or request.experts


def beyond(found: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """How probable each expert is beyond what its name alone gets: divided by its probability `before` anything
    was asked (arXiv:2102.09690), summing to 1."""
    raised = {name: chance / max(before[name], _LEAST) for name, chance in found.items()}
    total = sum(raised.values())
    return {name: chance / total for name, chance in raised.items()}


def chosen(experts: Sequence[Expert], found: Mapping[str, float]) -> Expert:
    """The most probable; of equals the one that was named first."""
    return max(experts, key=lambda expert: found[expert.name])
