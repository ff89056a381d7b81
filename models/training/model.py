"""The network that a run trains, and what of it is to learn, opened as the job says.

Owns the way from a served model's files to a trainable decoder. Knows nothing of data and of steps.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from secretariat.models.adapters.files import VECTOR
from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.svf import read_basis, read_vector
from secretariat.models.kernels.library import BuildError
from secretariat.models.nets.adapters import Lora, SvfBasis
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.load import LoadedChat, load_chat_model
from secretariat.models.pull import default_models_dir, locate
from secretariat.models.training.eight_bits import EightBits
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Part
from secretariat.models.training.parts import TARGETS, LoraPart, SvfPart, WeightsPart

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """`chat`: tokens and template of the same model; `decoder` is its network's."""

    directory: Path
    chat: LoadedChat
    decoder: Decoder
    eight_bits: EightBits | None = None


def open_model(job: Job) -> Opened:
    """In float32 where weights themselves learn (their masters are made of it), else in the job's numbers.

    Also fixes torch's threads: the order of sums depends on them. Raises ModelError as `load_chat_model`.
    """
    directory = model_directory(job)
    form = "float32" if job.learn.kind == "full" else job.dtype
    chat = load_chat_model(directory, backend="torch", form=form, threads=job.threads)
    assert isinstance(chat.network, TorchNetwork)
    decoder = chat.network.decoder
    if job.frozen == "plain":
        return Opened(directory, chat, decoder)
    if job.learn.kind == "full" or job.dtype != "float32":
        raise invalid("frozen", "is plain where weights themselves learn, and where dtype isn't float32")
    eight_bits = _eight_bits(job.threads)
    if eight_bits is not None:
        eight_bits.into(decoder)
    return Opened(directory, chat, decoder, eight_bits)


def _eight_bits(threads: int) -> EightBits | None:
    """None, with a notice, where they can't be had: the same is learnt, more slowly."""
    try:
        return EightBits(threads)
    except BuildError as error:
        _log.warning("frozen matrices multiply as they are, which takes longer: %s", error.message)
        return None


def model_directory(job: Job) -> Path:
    """A folder or file as it is; a name below the models' directory."""
    given = Path(job.model)
    if given.exists():
        return given
    return locate(job.model, Path(job.models_dir) if job.models_dir else default_models_dir())


def learning(job: Job, opened: Opened) -> Part:
    """The part that the job's `learn` names. Raises ModelError("training_invalid"), or "adapter_invalid" for an
    adapter to start from that doesn't fit."""
    learn, decoder = job.learn, opened.decoder
    if learn.kind == "full":
        dtype = torch.bfloat16 if job.dtype == "bfloat16" else torch.float32
        part = WeightsPart(decoder, lambda _: True, dtype=dtype)
        decoder.to(dtype)
        return part
    if learn.kind == "svf":
        basis = _basis(job, opened)
        vector = None if learn.start is None else read_vector(Path(learn.start) / VECTOR, basis)
        return SvfPart(decoder, basis, start=vector)
    start: Lora | None = None
    if learn.start is not None:
        start = read_lora(Path(learn.start), decoder.config, partial=learn.partial)
    return LoraPart(
        decoder,
        rank=learn.rank,
        alpha=learn.alpha,
        rs=learn.rs,
        targets=learn.targets or TARGETS,
        seed=job.seed,
        partial=learn.partial,
        start=start,
    )


def _basis(job: Job, opened: Opened) -> SvfBasis:
    if job.learn.basis is None:
        raise invalid("learn.basis", "is missing: the file that `secretariat models basis` wrote")
    checkpoint = open_checkpoint(opened.directory)
    return read_basis(Path(job.learn.basis), checkpoint.config, checkpoint.paths)
