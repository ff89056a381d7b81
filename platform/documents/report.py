"""What became of a file when it was read in, put together from the document, its job, its layout, its record."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np

from secretariat.platform.access.caller import Caller
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import reading, repository
from secretariat.platform.documents.evidence import record_on
from secretariat.platform.documents.layout import Layout
from secretariat.platform.documents.reading_schemas import NearDuplicate, Note, Reading, Report
from secretariat.platform.kit.ids import earliest_id
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import Problem
from secretariat.retrieval.duplicates import NEAR_BITS, nearest

MOST_DUPLICATES = 10
MOST_COMPARED = 200
"""Chunks of a document that are compared with all others: of a longer one, every so many."""
OCR = "ocr"  # how codes of notes about recognised text begin


async def report(session: TenantSession, services: Services, caller: Caller, document_id: UUID) -> Report:
    """Near duplicates are those that the caller may read; the look is recorded. Raises NotFoundError."""
    found = await reading.document(session, caller, document_id)
    jobs = await repository.jobs(session, [found.job_id] if found.job_id is not None else [])
    job = next(iter(jobs.values()), None)
    layout = await reading.layout(session, services, found)
    notes = [Note.model_validate(note) for note in found.notes]
    facts = await _facts(session, found)
    near = await _near_duplicates(session, caller, found)
    named = {"near_duplicates": [str(one.document_id) for one in near]}
    await record_on(session, caller, "DATA_ACCESS", "document.report", found, named)
    return Report(
        document_id=found.id,
        status=found.status,
        problem=Problem.model_validate(found.problem) if found.problem else None,
        media_type=found.media_type,
        bytes=found.size,
        page_count=len(found.pages),
        characters=facts.get("characters"),
        language=found.language,
        dated=found.dated,
        chunks=found.chunk_count,
        tables=_tables(layout),
        notes=notes,
        ocr_pages=sorted({note.page for note in notes if note.page and note.code.startswith(OCR)}),
        reading=_reading(job, facts) if job is not None else None,
        near_duplicates=near,
    )


async def _facts(session: TenantSession, found: Document) -> dict[str, Any]:
    """What the record of the last reading says; its time is that at which the document became ready."""
    if found.status != "ready" or found.job_id is None:
        return {}
    before = earliest_id(found.updated_at + timedelta(seconds=10))
    return await repository.recorded(session, "document.ready", found.id, found.job_id, before) or {}


def _tables(layout: Layout) -> int:
    return sum(block.kind == "table" for block in layout.blocks)


def _reading(job: Job, facts: dict[str, Any]) -> Reading:
    took = job.finished_at - job.started_at if job.finished_at and job.started_at else None
    return Reading(
        attempts=job.attempt,
        started_at=job.started_at,
        finished_at=job.finished_at,
        seconds=took.total_seconds() if took is not None else None,
        kept=facts.get("kept"),
        added=facts.get("added"),
        removed=facts.get("removed"),
    )


async def _near_duplicates(session: TenantSession, caller: Caller, found: Document) -> list[NearDuplicate]:
    """What most of this document stands in, first."""
    mine = await repository.signatures(session, found.id)
    if not mine or not found.chunk_count:
        return []
    elsewhere = await repository.signatures_elsewhere(session, caller.principals, found.id)
    sample = mine[:: -(-len(mine) // MOST_COMPARED)]
    counts = await asyncio.to_thread(_shared, sample, elsewhere)
    each = len(mine) / len(sample) / found.chunk_count
    most = sorted(counts, key=lambda other: (-counts[other], other))[:MOST_DUPLICATES]
    titles = await repository.titles(session, most)
    return [
        NearDuplicate(document_id=other, title=titles[other], share=round(counts[other] * each, 4))
        for other in most
    ]


def _shared(mine: Sequence[int], elsewhere: Mapping[UUID, Sequence[int]]) -> dict[UUID, int]:
    """How many of my signatures each other document has nearly the same; those with none are left out."""
    if not elsewhere:
        return {}
    owners = list(elsewhere)
    theirs = np.concatenate([np.asarray(elsewhere[owner], dtype=np.int64) for owner in owners])
    starts = np.cumsum([0, *(len(elsewhere[owner]) for owner in owners[:-1])])
    counts = np.zeros(len(owners), dtype=np.int64)
    for signature in mine:
        counts += np.minimum.reduceat(nearest(signature, theirs), starts) <= NEAR_BITS
    return {owner: int(count) for owner, count in zip(owners, counts, strict=True) if count}
