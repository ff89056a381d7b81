"""Chat models that come back: what stays of one that was put away, so that it needn't be opened and packed again.

That is the description of its files, its vocabulary's tables (models with the same text files share them), its
packed matrices in a nameless file and what else it has of numbers. Knows no budget and no turns.
"""

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.engine.local import EngineOptions, LocalChat
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from secretariat.models.nets.load import LoadedChat, WeightsIdentity, build_network, open_text
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.native.panels import Panels
from secretariat.models.nets.weights import Values, Weights
from secretariat.models.tokens.files import TEXT_FILES, TextSide

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """`files`: by which a changed checkpoint is told."""

    files: tuple[object, ...]
    checkpoint: Checkpoint
    text: TextSide
    vocabulary: Vocabulary
    sha256: str
    weight_bytes: int | None = None
    panels: Panels | None = None


class ColdModels:
    """`folder`: where the nameless files of packed matrices are made. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, _Known] = {}
        self._texts: dict[str, tuple[TextSide, Vocabulary]] = {}

    def __contains__(self, path: Path) -> bool:
        """Whether it would be back at once."""
        return path in self._known and self._known[path].panels is not None

    def load(
        self,
        path: Path,
        options: EngineOptions,
        *,
        name: str,
        weigh: Callable[[Checkpoint, EngineOptions], int] = lambda checkpoint, options: 0,  # noqa: ARG005
    ) -> LocalChat:
        """Not yet started. Raises ModelError as `load_chat`. What it leaves behind is made when it is put away.

        `weigh`: bytes of the weights, worked out once as long as the files are the same."""
        known = self._opened(path)
        if known.weight_bytes is None:
            known.weight_bytes = weigh(known.checkpoint, options)
        network = build_network(
            known.checkpoint,
            backend=options.backend,
            form=options.form,
            threads=options.threads,
            step_tokens=options.limits.step_tokens,
            exact=options.exact,
            adapters=options.adapters,
            packed=None if known.panels is None else known.panels.packed(),
        )
        loaded = LoadedChat(
            network=network,
            tokenizer=known.text.tokenizer,
            template=known.text.template,
            identity=WeightsIdentity(name, known.sha256, network.arithmetic.weights),
            context_length=known.checkpoint.config.context_length,
            eos_ids=known.text.tokenizer.eos_ids,
        )
        chat = LocalChat(loaded, options, weight_bytes=known.weight_bytes, vocabulary=known.vocabulary)
        if isinstance(network, NativeNetwork) and known.panels is None:
            chat.leaving = lambda: self._keep(known, network)
        return chat

    def _keep(self, known: _Known, network: NativeNetwork) -> None:
        try:
            known.panels = Panels(network.packed, self._folder)
        except OSError as error:
            _log.warning("%s will be packed again: %s", known.checkpoint.paths[0].name, error)
            return
        known.checkpoint = replace(
            known.checkpoint, weights=_at_hand(known.checkpoint.weights, network.packed.keys())
        )

    def _opened(self, path: Path) -> _Known:
        known = self._known.get(path)
        if known is None or known.files != _stats(path, known.checkpoint):
            checkpoint = open_checkpoint(path)
            text, vocabulary = self._text(checkpoint, path)
            sha256 = weights_sha256(checkpoint.paths)
            files = _stats(path, checkpoint)
            known = _Known(files, replace(checkpoint, metadata=None), text, vocabulary, sha256)
            self._known[path] = known
        return known

    def _text(self, checkpoint: Checkpoint, path: Path) -> tuple[TextSide, Vocabulary]:
        digest = _text_digest(path) if checkpoint.metadata is None else str(path)
        found = self._texts.get(digest)
        if found is None or checkpoint.metadata is not None:
            text = open_text(checkpoint, path)
            found = self._texts[digest] = text, Vocabulary.of(text.tokenizer, text.tokenizer.eos_ids)
        return found


def _at_hand(weights: Weights, packed: Collection[str]) -> Weights:
    """What isn't packed is small; a tied head is the embedding under another name."""
    matrices = {id(weights[name]) for name in packed}
    return {
        name: source if id(source) in matrices else Values(source.floats())
        for name, source in weights.items()
    }


def _stats(path: Path, checkpoint: Checkpoint) -> tuple[object, ...]:
    """Of the files in its directory, and of those elsewhere that it is made of."""
    own = [path] if path.is_file() else sorted(path.iterdir())
    stats = [(str(file), file.stat()) for file in (*own, *checkpoint.paths) if file.is_file()]
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _text_digest(path: Path) -> str:
    digest = hashlib.sha256()
    for name in TEXT_FILES:
        file = path / name
        content = file.read_bytes() if file.is_file() else b""
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()
