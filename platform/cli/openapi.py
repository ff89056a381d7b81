"""The OpenAPI document, made without a database, a model or a network."""

from typing import Any

from secretariat.models.remote import RemoteModels
from secretariat.platform.app import create_app
from secretariat.platform.composition import compose
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.db.session import Database
from secretariat.platform.kit.aead import KEY_BYTES
from secretariat.platform.settings import Settings


def openapi_document() -> dict[str, Any]:
    """What GET /openapi.json serves. Nothing is connected to: engines and clients are lazy."""
    services = compose(
        Settings(),
        Database("postgresql+psycopg://nobody@/nothing"),
        Keyring(bytes(KEY_BYTES)),
        RemoteModels("http://127.0.0.1:9", "unused"),
    )
    return create_app(services).openapi()
