"""What the tenant measures with: a model that has learnt the questions of its examination says nothing about
itself. Whose set a question stands in doesn't matter, and is not told."""

import orjson

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.training import repository


async def questions(session: TenantSession, contents: ContentStore) -> list[str]:
    """Of all sets of questions, and those that were brought to a gate."""
    sets = await contents.get_many(session, await repository.question_words(session))
    gates = await contents.get_many(session, await repository.gate_words(session))
    brought = [one for words in gates.values() for one in orjson.loads(words) if "messages" in one]
    return [orjson.loads(words)["text"] for words in sets.values()] + [
        one["messages"][-1]["content"] for one in brought
    ]
