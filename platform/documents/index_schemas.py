"""What the index looks like on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class IndexView(BaseModel):
    """What the process that answers holds in memory. Each process has a view of its own.

    `behind` is how many numbers of the log it has yet to read: the next search reads them first. `exact`: every
    search looks at all chunks in reach; `approximate`: searches over most of a large index look where it has
    learnt to, and compare what they find exactly.
    """

    seq: int
    behind: int
    chunks: int
    form: Literal["exact", "approximate"]


class Snapshot(BaseModel):
    """A saved view on this machine's disk, that a process starts from; encrypted."""

    id: UUID
    seq: int
    bytes: int
    created_at: datetime


class Backlog(BaseModel):
    """Documents that wait to be read in, that are being read, and that could not be read."""

    queued: int
    processing: int
    rejected: int


class Rebuilding(BaseModel):
    """The job that makes the index anew; follow it under /api/v1/jobs."""

    job_id: UUID


class Index(BaseModel):
    """The tenant's index. `seq` is the end of the log of chunks, which indexes are views of.

    `model` is None while the model server can't be asked; `dimensions` are those of the stored vectors.
    """

    model: str | None
    dimensions: int | None
    documents: int
    chunks: int
    seq: int
    view: IndexView
    snapshots: list[Snapshot]
    backlog: Backlog
    rebuilding: Rebuilding | None
