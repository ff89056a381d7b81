"""What works look like on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from secretariat.agents.documents.summary import MOST_SENTENCES as MOST_OF_SUMMARY
from secretariat.agents.documents.translation import MOST_SENTENCES, count
from secretariat.agents.tools.builtin.classify import Label, Text
from secretariat.agents.tools.builtin.translate import MOST_CHARACTERS

Tool = Literal["summarise", "translate", "classify"]
WorkStatus = Literal["queued", "running", "completed", "failed"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SummaryRequest(_Closed):
    """`rewrite`: have the model word each sentence anew; wordings that can't be vouched for are flagged."""

    sentences: int = Field(default=8, ge=1, le=MOST_OF_SUMMARY)
    rewrite: bool = False


class TranslationRequest(_Closed):
    """`language` in English: German, Spanish, …"""

    text: str = Field(min_length=1, max_length=MOST_CHARACTERS, pattern=r"\S")
    language: str = Field(pattern=r"^[A-Z][A-Za-z ()-]{1,39}$")

    @field_validator("text")
    @classmethod
    def _of_few_sentences(cls, text: str) -> str:
        if count(text) > MOST_SENTENCES:
            raise ValueError(f"At most {MOST_SENTENCES} sentences are translated at once.")
        return text


class ClassificationRequest(_Closed):
    texts: list[Text] = Field(min_length=1, max_length=64)
    labels: list[Label] = Field(min_length=2, max_length=32)


class WorkError(BaseModel):
    code: str
    message: str


class Work(BaseModel):
    """`result` is there once it is completed.

    Of a summary {sentences: [{text, supported, citation}]}, of a translation {text, sentences: [{start, end, text,
    checked}]}, of a classification {results: [[{label, probability}]], model}. `withheld`: the document of a
    summary was deleted or may not be read any more.
    """

    id: UUID
    tool: Tool
    document_id: UUID | None
    status: WorkStatus
    result: dict[str, Any] | None
    summary: str | None
    withheld: bool
    error: WorkError | None
    created_at: datetime
    finished_at: datetime | None
