"""A tenant's adapters on the model server: their files beside it, their names in it.

The server's names hold the tenant's id and are said here alone: whoever asks names an adapter by its id, which is
looked up under their own tenant. Knows nothing of who may use which.
"""

import asyncio
import io
import shutil
import tarfile
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from secretariat.models.adapters.files import SETTINGS, VECTOR, WEIGHTS
from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.adapters import repository
from secretariat.platform.services import Services

_FILES = frozenset({SETTINGS, WEIGHTS, VECTOR})


def served_name(tenant_id: UUID, adapter_id: UUID) -> str:
    return f"{tenant_id.hex}.{adapter_id.hex}"


def packed(folder: Path) -> bytes:
    """The adapter's files in one archive. Raises ModelError adapter_invalid for a folder without any."""
    files = sorted(path for path in folder.iterdir() if path.name in _FILES)
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError("adapter_invalid", "there are no weights of an adapter")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files:
            archive.add(path, path.name, filter=_nameless)
    return buffer.getvalue()


def _nameless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Equal files make equal archives, whoever made them and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _unpack(data: bytes, folder: Path) -> None:
    """In one rename, so that the server never sees half of it."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".adapter-", dir=folder.parent) as scratch:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(scratch, filter="data")
        made = Path(scratch) / "whole"
        made.mkdir(mode=0o700)
        for path in Path(scratch).iterdir():
            if path.is_file() and path.name in _FILES:
                path.rename(made / path.name)
        if not folder.exists():
            made.rename(folder)


class _Known:
    """Of this process: the adapters that it asked for, the one that was asked for last at the end."""

    used: ClassVar[OrderedDict[str, None]] = OrderedDict()


async def bring(services: Services, tenant_id: UUID, adapter_id: UUID, model: str) -> str:
    """The adapter's name on the server, where it is loaded now.

    Raises ModelError: adapter_not_found for one that isn't there (any more), and what loading raises.
    """
    name = served_name(tenant_id, adapter_id)
    call = CallContext(tenant=str(tenant_id), request_id=f"adapter-{adapter_id}")
    _Known.used[name] = None
    _Known.used.move_to_end(name)
    names = await services.models.adapters(model, call)
    if name in names:
        return name
    await _write(services, tenant_id, adapter_id)
    try:
        await services.models.load_adapter(name, model, call)
    except ModelError as error:
        if error.code != "overloaded" or not names:
            raise
        await services.models.unload_adapter(_longest_unused(names), model, call)
        await services.models.load_adapter(name, model, call)
    return name


def _longest_unused(names: list[str]) -> str:
    order = list(_Known.used)
    return min(names, key=lambda one: order.index(one) if one in order else -1)


async def _write(services: Services, tenant_id: UUID, adapter_id: UUID) -> None:
    folder = services.settings.adapters_dir / served_name(tenant_id, adapter_id)
    if folder.is_dir():
        return
    async with services.database.tenant(tenant_id) as session:
        row = await repository.adapter(session, adapter_id)
        if row is None or row.blob_id is None:
            raise ModelError("adapter_not_found", "the adapter is not there any more", param="adapter")
        data = b"".join([piece async for piece in services.blobs.read(session, row.blob_id)])
    await asyncio.to_thread(_unpack, data, folder)


async def take_away(services: Services, tenant_id: UUID, adapter_id: UUID, model: str) -> None:
    """From the server and from beside it. One that isn't there, or a server that is away, is no failure:
    without its files nothing can be loaded again."""
    name = served_name(tenant_id, adapter_id)
    await asyncio.to_thread(shutil.rmtree, services.settings.adapters_dir / name, ignore_errors=True)
    _Known.used.pop(name, None)
    call = CallContext(tenant=str(tenant_id), request_id=f"adapter-{adapter_id}", deadline_s=5)
    try:
        await services.models.unload_adapter(name, model, call)
    except ModelError:
        return
