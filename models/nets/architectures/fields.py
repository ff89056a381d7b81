"""A foreign configuration, read field by field: what nobody read and isn't known to be harmless is refused.

Knows no architecture.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

from secretariat.models.errors import ModelError

# Of training, of bookkeeping, of the tokenizer and of code that isn't ours: none enters a forward pass.
_HARMLESS = frozenset(
    {
        "_name_or_path", "architectures", "attention_dropout", "auto_map", "bos_token_id",
        "chunk_size_feed_forward", "dtype", "eos_token_id", "id2label", "initializer_range",
        "keys_to_ignore_at_inference", "label2id", "model_type", "output_attentions",
        "output_hidden_states", "output_router_logits", "pad_token_id", "pretraining_tp", "problem_type",
        "return_dict", "router_aux_loss_coef", "sep_token_id", "torch_dtype", "transformers_version",
        "unk_token_id", "use_cache",
    }
)  # fmt: skip
_REQUIRED: Any = object()


class Fields:
    """`within` prefixes names in messages, for objects inside a configuration."""

    def __init__(self, config: Mapping[str, Any], within: str = "") -> None:
        self._config = config
        self._within = within
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """Present and not null."""
        return self._config.get(name) is not None

    def take(self, name: str, default: Any = _REQUIRED) -> Any:
        """The field, `default` where it is absent or null. Raises ModelError where it has neither."""
        self._read.add(name)
        value = self._config.get(name)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise ModelError("checkpoint_invalid", f"the configuration lacks {self._within}{name}")
        return default

    def whole(self, name: str, default: Any = _REQUIRED, *, least: int = 1) -> int:
        value = self.take(name, default)
        if type(value) is not int or value < least:
            raise self.refused(name, f"not a whole number from {least}")
        return value

    def real(self, name: str, default: Any = _REQUIRED) -> float:
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refused(name, "not a number")
        return float(value)

    def optional_real(self, name: str) -> float | None:
        return self.real(name) if name in self else self.take(name, None)

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise self.refused(name, "neither true nor false")
        return value

    def only(self, name: str, supported: Collection[object]) -> None:
        """The field is absent, null or one of these."""
        if name in self and self.take(name) not in supported:
            raise self.refused(name)
        self._read.add(name)

    def nested(self, name: str) -> "Fields":
        """An object inside; without a field where it is absent. `close` it too."""
        value = self.take(name, {})
        if not isinstance(value, Mapping):
            raise self.refused(name, "not an object")
        return Fields(value, f"{self._within}{name}.")

    def close(self, harmless: Collection[str] = ()) -> None:
        """Raises ModelError naming the first field that nobody read: it may change the maths."""
        for name in self._config:
            if name in self and name not in self._read and name not in _HARMLESS and name not in harmless:
                raise self.refused(name)

    def refused(self, name: str, why: str = "which isn't supported") -> ModelError:
        shown = repr(self._config.get(name))
        shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
        return ModelError(
            "checkpoint_invalid", f"the configuration has {self._within}{name} = {shown}, {why}"
        )
