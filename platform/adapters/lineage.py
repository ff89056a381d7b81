"""The texts that an adapter learnt from, as far as they weren't erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from secretariat.platform.adapters import repository
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession


def told(record: Mapping[str, Any]) -> list[str]:
    """Every text of an example, without what a system's message says to all of them."""
    found = [each["content"] for each in record.get("messages", ()) if each["role"] != "system"]
    return found + [record[name] for name in ("text", "chosen", "rejected") if name in record]


async def learnt_texts(session: TenantSession, contents: ContentStore, training_job_id: UUID) -> list[str]:
    """Not those that were held out."""
    words = await contents.get_many(session, await repository.learnt_words(session, training_job_id))
    return [text for one in words.values() for text in told(orjson.loads(one))]
