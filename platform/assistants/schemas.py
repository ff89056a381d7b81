"""What assistants look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.platform.tables.tasks import Assistant as AssistantRow


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AssistantCreate(_Closed):
    name: str = Field(min_length=1, max_length=200, pattern=r"\S")
    instructions: str = Field(default="", max_length=20_000)
    collection_ids: list[UUID] = Field(default_factory=list, max_length=100)
    model: str = Field(default="default", min_length=1, max_length=200)


class AssistantUpdate(_Closed):
    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"\S")
    instructions: str | None = Field(default=None, max_length=20_000)
    collection_ids: list[UUID] | None = Field(default=None, max_length=100)
    model: str | None = Field(default=None, min_length=1, max_length=200)


class Assistant(BaseModel):
    """`collection_ids` empty means all that the asker may read. `adapter_id`: the adapter that is published
    for it."""

    id: UUID
    name: str
    instructions: str
    collection_ids: list[UUID]
    model: str
    adapter_id: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, row: AssistantRow) -> "Assistant":
        return cls.model_validate(row, from_attributes=True)
