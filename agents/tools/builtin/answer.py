"""answer: what was found, in quoted sentences with numbered citations, each compared with its document."""

from collections.abc import AsyncIterator, Sequence

from secretariat.agents.core import (
    CitationAdded,
    CitationClaim,
    OutputDelta,
    TaskEvent,
    ToolCompleted,
    ToolName,
)
from secretariat.agents.reading import Finding, claim
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome

NOT_IN_SOURCES = "Not in the sources."


class AnswerArguments(Arguments):
    """Nothing: an answer is made of what the steps before it found."""


class AnswerTool:
    name: ToolName = "answer"
    arguments: type[Arguments] = AnswerArguments
    has_effect = False

    async def act(self, invocation: Invocation[AnswerArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        run, step = invocation.run, invocation.step
        cited: list[tuple[Finding, CitationClaim]] = []
        for finding in _distinct(invocation.findings()):
            claimed = await claim(run, finding)
            cited.append((finding, claimed))
            yield CitationAdded(step=step.id, citation=claimed)
        results = invocation.results()
        parts = [*_calculations(results), *_quotes(cited)]
        if not parts:
            yield Outcome({"answer": NOT_IN_SOURCES, "abstained": True}, "not in the sources")
            return
        parts += [*_open_questions(invocation), *_reports(results)]
        for number, part in enumerate(parts):
            yield OutputDelta(step=step.id, text=part if number == 0 else f" {part}")
        yield Outcome({"answer": " ".join(parts), "abstained": False}, f"{len(cited)} citations")


def plain(quote: str) -> str:
    """A quote as running text: without its list mark, table cells set apart by commas, ending in a stop."""
    text = " ".join(quote.split()).lstrip("-*•| ").rstrip("| ")
    if "|" in text:
        text = ", ".join(cell.strip() for cell in text.split("|") if cell.strip())
    return text if text.endswith((".", "!", "?", "…", "。")) else f"{text.rstrip(';:,')}."


def _quotes(cited: Sequence[tuple[Finding, CitationClaim]]) -> list[str]:
    return [f"{plain(finding.quote)} [{number}]" for number, (finding, _) in enumerate(cited, 1)]


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """One sentence can answer two questions; it is quoted once."""
    return list({(finding.document_id, finding.start, finding.end): finding for finding in findings}.values())


def _calculations(results: Sequence[ToolCompleted]) -> list[str]:
    done = [result.result for result in results if result.tool == "calculate"]
    return [f"{result['expression']} = {result['value']}." for result in done]


def _reports(results: Sequence[ToolCompleted]) -> list[str]:
    written = [result.result for result in results if result.tool == "write_report"]
    return [f"The report “{result['title']}” is ready." for result in written]


def _open_questions(invocation: Invocation[AnswerArguments]) -> list[str]:
    """What was searched for and not found, said plainly."""
    assert invocation.run.journal.plan is not None
    answered = {finding.question for finding in invocation.findings()}
    asked = [
        str(step.arguments["query"])
        for step in invocation.run.journal.plan.steps
        if step.tool == "search" and step.id in invocation.step.after
    ]
    return [f"Not in the sources: “{query.rstrip('?. ')}”." for query in asked if query not in answered]
