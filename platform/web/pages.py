"""Lists: newest first by UUIDv7, cursors instead of offsets, one shape for all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

T = TypeVar("T")


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=_Identified)


class Page(BaseModel, Generic[T]):
    """`has_more` says whether asking again with `after=last_id` gives more."""

    object: Literal["list"] = "list"
    data: list[T]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What a list was asked for. Read `fetch` rows with id below `after`, newest first."""

    limit: int = 20
    after: UUID | None = None

    @property
    def fetch(self) -> int:
        """One more than asked, to know whether there are more."""
        return self.limit + 1


def _page_query(
    limit: Annotated[int, Query(ge=1, le=100, description="Most items to give.")] = 20,
    after: Annotated[UUID | None, Query(description="Give what follows this id.")] = None,
) -> PageQuery:
    return PageQuery(limit, after)


PageQueryDep = Annotated[PageQuery, Depends(_page_query)]


def page_of(rows: Sequence[R], limit: int, show: Callable[[R], T]) -> Page[T]:
    """A page from up to limit + 1 rows that have an `id`."""
    kept = rows[:limit]
    return Page(
        data=[show(row) for row in kept],
        first_id=kept[0].id if kept else None,
        last_id=kept[-1].id if kept else None,
        has_more=len(rows) > limit,
    )
