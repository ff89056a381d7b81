"""Examples that are erased by wish: a person's, or an upload's. Takes the session first and never commits."""

from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as learnt
from secretariat.platform.adapters.erasure import erase
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.repository import forget
from secretariat.platform.training import repository, schemas
from secretariat.platform.web.errors import NotFoundError


async def erase_person(session: TenantSession, caller: Caller, user_id: UUID) -> schemas.ErasureReceipt:
    """All examples with words of that person, what they uploaded and what they had compared. Raises
    NotFoundError."""
    if not await repository.person_is_there(session, user_id):
        raise NotFoundError("user")
    erased = await erase(session, caller, learnt.of_person(user_id))
    uploads = await learnt.strip_uploads(session, user_id)
    compared, comparisons = await learnt.strip_comparisons(session, user_id)
    words = {*erased.words, *uploads, *compared}
    await forget(session, sorted(words))
    told = {
        "examples": erased.examples,
        "uploads": len(uploads),
        "comparisons": comparisons,
        "adapter_ids": [str(one) for one in erased.adapters],
        "assistant_ids": [str(one) for one in erased.assistants],
        "contents": len(words),
    }
    event = caller.did("ERASURE", "training.person_erased", Resource("user", str(user_id)), details=told)
    return schemas.ErasureReceipt.model_validate({**told, "record_id": await record(session, event)})


async def delete_upload(session: TenantSession, caller: Caller, upload_id: UUID) -> None:
    """With the examples that were made of it. Raises NotFoundError."""
    row = await repository.upload(session, upload_id, lock=True)
    if row is None or row.content_id is None:
        raise NotFoundError("upload")
    stale, row.content_id = row.content_id, None
    erased = await erase(session, caller, learnt.of_upload(upload_id))
    await session.flush()
    await forget(session, [stale, *erased.words])
    resource = Resource("training_upload", str(row.id), row.name)
    details = {"examples": erased.examples, "adapter_ids": [str(one) for one in erased.adapters]}
    await record(session, caller.did("ERASURE", "training_upload.deleted", resource, details=details))
