"""Snapshots of conversations: a state that the engine holds, and the messages that it stands for.

A handle of the engine knows tokens alone; going on from it takes the messages, because a template renders a
conversation as a whole. Belongs to one event loop; knows no HTTP.
"""

import asyncio
import json
from dataclasses import asdict, dataclass

from secretariat.models.core import ChatMessage
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.handles import Handle
from secretariat.models.engine.request import AdapterUse
from secretariat.models.errors import ModelError
from secretariat.models.tokens.chat import ChatPrompt

_LENGTH = 8
_LONGEST_HEAD = 2**24


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`tokens` of the conversation are ready; `bytes` are kept for it; `created` in Unix seconds."""

    id: str
    tokens: int
    bytes: int
    created: float


class Conversations:
    """The snapshots of one engine. Another tenant's is as good as absent."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._messages: dict[tuple[str, str], tuple[ChatMessage, ...]] = {}

    async def hold(
        self,
        messages: tuple[ChatMessage, ...],
        prompt: ChatPrompt,
        tenant: str,
        deadline: float | None,
        adapter: AdapterUse | None,
    ) -> Snapshot:
        made = self._engine.snapshot_prompt(
            tenant, prompt.ids, adapter=adapter, boundaries=prompt.boundaries, deadline=deadline
        )
        return self._known(await asyncio.wrap_future(made), tenant, messages)

    def _known(self, handle: Handle, tenant: str, messages: tuple[ChatMessage, ...]) -> Snapshot:
        self._messages[tenant, handle.id] = messages
        return _told(handle)

    def messages(self, snapshot: str, tenant: str) -> tuple[ChatMessage, ...]:
        """Raises ModelError snapshot_not_found."""
        found = self._messages.get((tenant, snapshot))
        if found is None:
            raise ModelError("snapshot_not_found", f"no snapshot {snapshot!r}", param="snapshot")
        return found

    def has(self, snapshot: str, tenant: str) -> bool:
        return (tenant, snapshot) in self._messages

    async def of(self, tenant: str) -> list[Snapshot]:
        """The oldest first."""
        return [_told(handle) for handle in await asyncio.to_thread(self._engine.handles, tenant)]

    async def delete(self, snapshot: str, tenant: str) -> None:
        """Raises ModelError snapshot_not_found."""
        self.messages(snapshot, tenant)
        await asyncio.to_thread(self._engine.delete_handle, snapshot, tenant)
        self._messages.pop((tenant, snapshot), None)

    async def export(self, snapshot: str, tenant: str, key: bytes) -> bytes:
        """Its messages and its state, for a server with the same model and `key`.

        Format: length of the head (8 bytes, little-endian), head (JSON), what the engine exports. The head isn't
        signed: messages that don't spell the state's tokens are refused when they are used.
        """
        messages = self.messages(snapshot, tenant)
        head = json.dumps({"messages": [asdict(message) for message in messages]}).encode()
        state = await asyncio.to_thread(self._engine.export_handle, snapshot, tenant, key)
        return len(head).to_bytes(_LENGTH, "little") + head + state

    async def take_in(self, data: bytes, tenant: str, key: bytes) -> Snapshot:
        """Raises ModelError invalid_request or overloaded."""
        size = int.from_bytes(data[:_LENGTH], "little")
        messages = _messages_in(data[_LENGTH : _LENGTH + size] if size <= _LONGEST_HEAD else b"")
        state = data[_LENGTH + size :]
        handle = await asyncio.to_thread(self._engine.import_handle, state, tenant, key)
        return self._known(handle, tenant, messages)


def _told(handle: Handle) -> Snapshot:
    return Snapshot(handle.id, len(handle.tokens), handle.bytes, handle.created)


def _messages_in(head: bytes) -> tuple[ChatMessage, ...]:
    try:
        return tuple(ChatMessage(**message) for message in json.loads(head)["messages"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError("invalid_request", "not a snapshot", param="snapshot") from error
