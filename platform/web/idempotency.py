"""One effect for one Idempotency-Key: the answer is kept in the transaction of the effect itself.

So there is never an effect without its answer or an answer without its effect. A second request while the
first runs is refused (409); the same key with another request is refused (422); kept for a day. Of an answer
that is shown once, only that it was given is kept.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.jobs import IdempotencyKey
from secretariat.platform.web.errors import ConflictError, InvalidError

HEADER = "Idempotency-Key"
KEPT = timedelta(days=1)
_LONGEST = 255
_PIECE = 1_000_000
_KEPT_HEADERS = ("content-type", "location")


class KeyReusedError(InvalidError):
    code = "IDEMPOTENCY_KEY_REUSED"


class KeyInFlightError(ConflictError):
    code = "IDEMPOTENCY_KEY_IN_FLIGHT"


class ShownOnceError(ConflictError):
    """The effect took place before; its answer held a secret, so it was not kept."""

    code = "IDEMPOTENCY_ANSWER_NOT_KEPT"

    def __init__(self) -> None:
        super().__init__(
            "This request was carried out before. Its answer held a secret that is shown once: "
            "withdraw what it made, and make another under another key."
        )


Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_SHOWN_ONCE = "__shown_once__"


def shown_once(endpoint: Endpoint) -> Endpoint:
    """Marks an endpoint whose answer holds a secret. Stands below the router's decorator."""
    setattr(endpoint, _SHOWN_ONCE, True)
    return endpoint


def is_shown_once(endpoint: Callable[..., Any]) -> bool:
    return getattr(endpoint, _SHOWN_ONCE, False)


class Replayed(Exception):  # noqa: N818 - control flow, not an error
    """The answer that was given before; PlatformRoute gives it again."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


@dataclass(frozen=True, slots=True)
class Claim:
    """A key held for the length of the transaction of `session`."""

    session: TenantSession
    contents: ContentStore
    principal: str
    route: str
    key: str
    request_sha256: str

    async def keep(self, response: Response, *, once: bool = False) -> None:
        """Write the answer down, in the transaction of the effect; of one that is shown `once`, its status."""
        response_id = None if once else await self._stored(response)
        self.session.add(
            IdempotencyKey(
                tenant_id=self.session.tenant_id,
                id=new_id(),
                principal=self.principal,
                route=self.route,
                key=self.key,
                request_sha256=self.request_sha256,
                status=response.status_code,
                response_id=response_id,
            )
        )
        await self.session.flush()

    async def _stored(self, response: Response) -> UUID:
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        answer = {"headers": headers, "body": bytes(response.body).decode()}
        return (await self.contents.put_json(self.session, answer)).id


async def claim(
    session: TenantSession, contents: ContentStore, request: Request, principal: str
) -> Claim | None:
    """Claim the request's key, if it has one.

    Raises Replayed, ShownOnceError, KeyReusedError, KeyInFlightError.
    """
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not 1 <= len(key) <= _LONGEST:
        raise InvalidError(f"{HEADER} must have 1 to {_LONGEST} characters.")
    route = request.url.path
    if not await session.scalar(
        select(func.pg_try_advisory_xact_lock(_lock(session, principal, route, key)))
    ):
        raise KeyInFlightError("A request with this key is still running.")
    digest = await _digest(contents.keyring.master, request)
    row = await session.scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.principal == principal, IdempotencyKey.route == route, IdempotencyKey.key == key
        )
    )
    if row is not None and row.created_at > now() - KEPT:
        if row.request_sha256 != digest:
            raise KeyReusedError("This key was used for another request.")
        raise Replayed(await _answer(session, contents, row))
    if row is not None:
        await _forget(session, IdempotencyKey.id == row.id)
    return Claim(session, contents, principal, route, key, digest)


async def forget_expired(session: TenantSession) -> None:
    """Keys that no longer hold, and the answers kept for them."""
    await _forget(session, IdempotencyKey.created_at <= now() - KEPT)


async def _forget(session: TenantSession, which: ColumnElement[bool]) -> None:
    gone = await session.scalars(delete(IdempotencyKey).where(which).returning(IdempotencyKey.response_id))
    answers = [response_id for response_id in gone if response_id is not None]
    if answers:
        await session.execute(delete(Content).where(Content.id.in_(answers)))


async def _answer(session: TenantSession, contents: ContentStore, row: IdempotencyKey) -> Response:
    assert row.status is not None
    if row.response_id is None:
        raise ShownOnceError
    kept: Mapping[str, Any] = await contents.json(session, row.response_id)
    return Response(kept["body"], row.status, headers={**kept["headers"], "Idempotent-Replayed": "true"})


def _lock(session: TenantSession, principal: str, route: str, key: str) -> int:
    name = "\x00".join((str(session.tenant_id), principal, route, key)).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)


async def _digest(secret: bytes, request: Request) -> str:
    """HMAC-SHA-256 over query and body; of a form, over its fields and files (its boundary is random).

    Under a key, because a body may hold a password, and a plain hash of one can be guessed at.
    """
    digest = hmac.new(secret, b"idempotency\x00" + request.url.query.encode() + b"\x00", hashlib.sha256)
    if not request.headers.get("content-type", "").startswith("multipart/"):
        digest.update(await request.body())
        return digest.hexdigest()
    for name, value in (await request.form()).multi_items():
        digest.update(name.encode() + b"\x00")
        if isinstance(value, UploadFile):
            digest.update((value.filename or "").encode() + b"\x00")
            await asyncio.to_thread(_read_into, digest, value)
        else:
            digest.update(value.encode() + b"\x00")
    return digest.hexdigest()


def _read_into(digest: Any, upload: UploadFile) -> None:
    upload.file.seek(0)
    while piece := upload.file.read(_PIECE):
        digest.update(piece)
    upload.file.seek(0)
