"""From a chat model's directory to a network that is ready to run.

Owns which backend runs it. Knows nothing of the catalogue, of serving or of sampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.kernels.linear.packing import Packed
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.checkpoint import Checkpoint, open_checkpoint
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.network import Network
from secretariat.models.nets.weights import Source, Weights
from secretariat.models.tokens.chat import ChatTemplate, encode_chat
from secretariat.models.tokens.files import TOKENIZER, TextSide, text_of_directory, text_of_gguf
from secretariat.models.tokens.tokenizer import Tokenizer

Backend = Literal["auto", "native", "torch"]
Form = Literal["float32", "bfloat16", "q8", "q4"]


@dataclass(frozen=True, slots=True)
class WeightsIdentity:
    """`dtype`: the form that matrices are held in, as `Arithmetic.weights`."""

    name: str
    weights_sha256: str
    dtype: str


@dataclass(frozen=True, slots=True)
class LoadedChat:
    """`network` has no memory yet. `template` None: a base model."""

    network: Network
    tokenizer: Tokenizer
    template: ChatTemplate | None
    identity: WeightsIdentity
    context_length: int
    eos_ids: frozenset[int]

    def encode_chat(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the rendered template up to the assistant's turn. Raises ModelError("invalid_request")."""
        if self.template is None:
            raise ModelError(
                "invalid_request",
                f"{self.identity.name} is a base model without a chat template: ask it for a completion",
                param="model",
            )
        return encode_chat(self.template, self.tokenizer, messages)


def load_chat_model(
    directory: Path,
    *,
    backend: Backend = "auto",
    form: Form | None = None,
    threads: int | None = None,
    step_tokens: int = 256,
    exact: bool = True,
    adapters: AdapterPlan | None = None,
) -> LoadedChat:
    """The decoder in `directory`: one GGUF file, or config.json with safetensors and tokenizer.json.

    `backend` "auto" is compiled operations where there is a C++ compiler, torch otherwise. `form` None keeps
    matrices as they are stored (torch: float32). `threads` None: torch's number.

    Raises ModelError: "weights_missing" without the files, "checkpoint_invalid" for one that is malformed or whose
    maths isn't supported, "invalid_request" for a form or backend that can't be had here.
    """
    checkpoint = open_checkpoint(directory)
    text = open_text(checkpoint, directory)
    network = build_network(
        checkpoint,
        backend=backend,
        form=form,
        threads=threads,
        step_tokens=step_tokens,
        exact=exact,
        adapters=adapters,
    )
    return LoadedChat(
        network=network,
        tokenizer=text.tokenizer,
        template=text.template,
        identity=WeightsIdentity(
            directory.name, weights_sha256(checkpoint.paths), network.arithmetic.weights
        ),
        context_length=checkpoint.config.context_length,
        eos_ids=text.tokenizer.eos_ids,
    )


def open_text(checkpoint: Checkpoint, directory: Path) -> TextSide:
    """Vocabulary and template of an opened checkpoint. Raises ModelError as `load_chat_model`."""
    if checkpoint.metadata is None:
        given = (
            directory / TOKENIZER
        ).is_file()  # or it is what was learnt on top of a checkpoint that has one
        return text_of_directory(directory if given else checkpoint.paths[0].parent, checkpoint.config.vocab)
    return text_of_gguf(checkpoint.metadata)


def build_network(
    checkpoint: Checkpoint,
    *,
    backend: Backend = "auto",
    form: Form | None = None,
    threads: int | None = None,
    step_tokens: int = 256,
    exact: bool = True,
    adapters: AdapterPlan | None = None,
    packed: dict[str, Packed] | None = None,
) -> Network:
    """Reads the weights. Arguments and errors as of `load_chat_model`. `packed`: of a native network of the same
    weights in the same form, which are then not read."""
    compiled = None if backend == "torch" else library()
    if compiled is None:
        if backend == "native":
            raise ModelError("invalid_request", "the native backend needs a C++ compiler (c++ or g++)")
        return _torch_network(checkpoint, form or "float32", threads, step_tokens, adapters)
    from secretariat.models.nets.native.network import NativeNetwork  # the torch path needs none of it

    return NativeNetwork(
        checkpoint.config,
        checkpoint.weights,
        compiled,
        threads=threads or torch.get_num_threads(),
        form=form,
        step_tokens=step_tokens,
        exact=exact,
        adapters=adapters,
        packed=packed,
    )


def _torch_network(
    checkpoint: Checkpoint, form: Form, threads: int | None, step_tokens: int, adapters: AdapterPlan | None
) -> TorchNetwork:
    if form not in {"float32", "bfloat16"}:
        raise ModelError(
            "invalid_request",
            f"the torch backend holds float32 or bfloat16, not {form}; others need the native one and a compiler",
        )
    if threads is not None:
        torch.set_num_threads(threads)
    with torch.device("meta"):
        decoder = Decoder(checkpoint.config)
    assign(decoder, _state(checkpoint.weights, getattr(torch, form)), checkpoint.paths[0])
    decoder.requires_grad_(requires_grad=False)
    return TorchNetwork(decoder, step_tokens=step_tokens, adapters=adapters)


def _state(weights: Weights, dtype: torch.dtype) -> dict[str, Tensor]:
    """One tensor for each source, however many names it goes by: a tied head is the embedding itself."""
    read: dict[int, Tensor] = {}

    def tensor(source: Source) -> Tensor:
        if id(source) not in read:
            read[id(source)] = torch.from_numpy(source.floats()).to(dtype)
        return read[id(source)]

    return {name: tensor(source) for name, source in weights.items()}


def assign(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Raises ModelError("checkpoint_invalid") for tensors that don't fit."""
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:  # says which tensors do not fit
        raise ModelError("checkpoint_invalid", f"{path.name}: {error}") from error
