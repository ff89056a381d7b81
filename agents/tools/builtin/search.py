"""search: passages for a question, then the sentence among them that answers it.

A search that comes after another one also searches with what that one found: "which group is X in, and how
often is that group checked?" needs the group before the second half can be looked up.
"""

from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from secretariat.agents.context import Run
from secretariat.agents.core import RetrievalCompleted, RetrievedPassage, TaskEvent, ToolName
from secretariat.agents.reading import Finding, found, read
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome
from secretariat.retrieval.core import SearchRequest
from secretariat.retrieval.search.fuse import fuse


class SearchArguments(Arguments):
    query: str = Field(min_length=2, max_length=400)
    limit: int = Field(default=6, ge=1, le=10)


class SearchTool:
    name: ToolName = "search"
    arguments: type[Arguments] = SearchArguments
    has_effect = False

    async def act(self, invocation: Invocation[SearchArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        run, step, arguments = invocation.run, invocation.step, invocation.arguments
        known = invocation.findings()
        for query in queries_of(arguments.query, run.task.request, known):
            if all(earlier.query != query for earlier in run.journal.retrievals(step.id)):
                yield await searched(run, step.id, query, arguments.limit)
        passages = fused(run.journal.retrievals(step.id))
        async for event in read(run, step.id, arguments.query, passages, known):
            yield event
        quoted = found(run, step.id)
        yield Outcome(
            {"passages": len(passages), "finding": quoted and quoted.model_dump(mode="json")},
            f"{len(passages)} passages" + (f"; quoted {quoted.document}" if quoted else "; none answers it"),
        )


def queries_of(query: str, request: str, known: Sequence[Finding]) -> list[str]:
    """The question alone, and the question with what it leaves unsaid."""
    unsaid = " ".join(finding.quote for finding in known) or request
    return [query] if unsaid == query else [query, f"{query} {unsaid}"]


async def searched(run: Run, step: str, query: str, limit: int) -> RetrievalCompleted:
    request = SearchRequest(query=query, limit=limit, collection_ids=run.task.collection_ids)
    result = await run.context.searcher.search(run.task.scope, request)
    return RetrievalCompleted(
        step=step,
        query=query,
        passages=tuple(
            RetrievedPassage(
                document_id=passage.chunk.document_id,
                document=passage.chunk.document_title,
                chunk_id=passage.chunk.id,
                start=passage.chunk.span.start,
                end=passage.chunk.span.end,
                text=passage.chunk.text,
                score=passage.score,
                rule=passage.rule,
            )
            for passage in result.passages
        ),
        allowed_count=result.allowed,
        denied_count=result.denied,
        index_seq=result.index_seq,
        confidence=result.confidence,
    )


def fused(retrievals: Sequence[RetrievalCompleted]) -> list[RetrievedPassage]:
    """The passages of all queries, best first by reciprocal rank (Cormack et al., SIGIR 2009)."""
    passages = list({passage.chunk_id: passage for each in retrievals for passage in each.passages}.values())
    row = {passage.chunk_id: index for index, passage in enumerate(passages)}
    ranked = fuse([[row[passage.chunk_id] for passage in each.passages] for each in retrievals])
    return [passages[index] for index, _ in ranked]
