"""How a model of the list is brought into memory, and what it will take there. Knows no HTTP."""

import argparse
import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from secretariat.models.catalog import CATALOG
from secretariat.models.errors import ModelError
from secretariat.models.experts.team import Team, read_team
from secretariat.models.serving.listing import Listing

if TYPE_CHECKING:
    from secretariat.models.engine.cold import ColdModels
    from secretariat.models.engine.local import EngineOptions
    from secretariat.models.nets.adapters import AdapterPlan
    from secretariat.models.nets.checkpoint import Checkpoint
    from secretariat.models.serving.shelf import Model


def loader(options: argparse.Namespace) -> "Callable[[Listing], Model]":
    """Of the server's command line. What it returns takes seconds and raises ModelError."""

    kept: list[ColdModels] = []

    def load(listing: Listing) -> "Model":
        import torch

        from secretariat.models.engine.cold import ColdModels

        torch.set_num_threads(options.threads)
        _check_files(listing)
        if not kept:
            kept.append(ColdModels(options.models_dir))
        back = listing.weights in kept[0]
        model = _chat(options, listing, kept[0]) if listing.kind == "chat" else _encoder(options, listing)
        if not back:
            _give_back()
        return model

    return load


def sizer(options: argparse.Namespace) -> Callable[[Listing], int]:
    """Bytes that a loaded model will count with: of a chat model its weights in the form they will be held in, and
    all of its budget for keys, values and states. Reads no weights; raises ModelError as loading would."""

    def size(listing: Listing) -> int:
        _check_files(listing)
        if listing.kind != "chat":
            return listing.bytes

        from secretariat.models.engine.local import memory_of
        from secretariat.models.nets.checkpoint import open_checkpoint

        checkpoint = open_checkpoint(listing.weights)
        engine = _engine_options(options)
        memory = memory_of(engine, checkpoint.config.context_length)
        return _weight_bytes(checkpoint, engine) + memory.bytes(checkpoint.config)

    return size


def _check_files(listing: Listing) -> None:
    """Raises ModelError with the command that fetches what is missing."""
    from secretariat.models.pull import locate

    name = listing.weights.name
    if name in CATALOG and name in (listing.name, listing.borrowed and listing.borrowed.name):
        locate(name, listing.weights.parent)


def _encoder(options: argparse.Namespace, listing: Listing) -> "Model":
    from secretariat.models.engine.embedding import LocalEmbedder
    from secretariat.models.engine.labelling import LocalLabeller
    from secretariat.models.nets.load_encoder import load_embedder, load_labeller

    if listing.kind == "classifier":
        labeller = load_labeller(listing.path)
        identity = replace(labeller.identity, name=listing.name)
        return LocalLabeller(replace(labeller, identity=identity), listing.bytes)
    embedder = load_embedder(listing.path, backend=options.backend, threads=options.threads)
    identity = replace(embedder.identity, name=listing.name)
    return LocalEmbedder(replace(embedder, identity=identity), listing.bytes)


def _chat(options: argparse.Namespace, listing: Listing, kept: "ColdModels") -> "Model":
    team = read_team(listing.path)
    engine = _engine_options(options, _adapters(options, listing, team))
    model = kept.load(listing.weights, engine, name=listing.name, weigh=_weight_bytes).start()
    try:
        for name, folder in team.adapters.items() if team is not None else ():
            assert model.adapters is not None
            model.adapters.load(name, folder)
    except ModelError:
        model.close()
        raise
    return model


def _engine_options(options: argparse.Namespace, adapters: "AdapterPlan | None" = None) -> "EngineOptions":
    from secretariat.models.engine.local import EngineOptions

    return EngineOptions(
        form=None if options.dtype == "stored" else options.dtype,
        backend=options.backend,
        threads=options.threads,
        exact=not options.fast,
        adapters=adapters,
        contexts=options.contexts,
        kv=options.kv,
    )


def _weight_bytes(checkpoint: "Checkpoint", engine: "EngineOptions") -> int:
    """Torch holds float32 where no form is asked for."""
    from secretariat.models.kernels.library import library
    from secretariat.models.planning.plan import Demand, plan

    native = engine.backend != "torch" and library() is not None
    form = engine.form or ("as stored" if native else "float32")
    return plan(checkpoint.config, Demand(1), stored=checkpoint.stored).weights[form]


def _adapters(options: argparse.Namespace, listing: Listing, team: "Team | None") -> "AdapterPlan | None":
    """Room for the model's experts and for other LoRA, and for singular-value vectors where the directory has the
    model's basis."""
    from secretariat.models.adapters.svf import read_basis
    from secretariat.models.nets.adapters import AdapterPlan
    from secretariat.models.nets.checkpoint import open_checkpoint

    experts, rank = (len(team.adapters), team.rank) if team is not None else (0, 0)
    if options.adapters_dir is None:
        return AdapterPlan(experts, rank) if experts else None
    rows, rank = options.adapter_rows + experts, max(options.adapter_rank, rank)
    file = options.adapters_dir / f"{listing.name}.basis.safetensors"
    if not file.is_file():
        return AdapterPlan(rows, rank)
    checkpoint = open_checkpoint(listing.weights)
    return AdapterPlan(rows, rank, read_basis(file, checkpoint.config, checkpoint.paths))


def _give_back() -> None:
    """Return to the system what is free on the heap, where that can be asked for."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
