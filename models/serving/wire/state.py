"""Requests about what the server keeps: stored states of conversations, adapters."""

from secretariat.models.serving.wire.base import Name, Wire
from secretariat.models.serving.wire.messages import Messages


class NewSnapshot(Wire):
    """`POST /v1/snapshots`: compute the conversation once and keep its state."""

    model: str = "default"
    messages: Messages
    adapter: Name | None = None


class LoadAdapter(Wire):
    """`POST /v1/adapters`: `source` is a folder below the server's directory of adapters. `partial`: load one that
    leaves out the mixers of some layers on purpose."""

    model: str = "default"
    name: Name
    source: Name | None = None
    partial: bool = False
