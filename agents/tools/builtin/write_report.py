"""write_report: the findings so far as a Markdown document with its sources, stored once through the ledger."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from pydantic import Field

from secretariat.agents.core import ArtifactCreated, CitationClaim, ReportDraft, TaskEvent, ToolName
from secretariat.agents.effects import effect_of
from secretariat.agents.reading import Finding, claim
from secretariat.agents.tools.builtin.answer import NOT_IN_SOURCES, plain
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome


class WriteReportArguments(Arguments):
    title: str = Field(min_length=3, max_length=120)


class WriteReportTool:
    name: ToolName = "write_report"
    arguments: type[Arguments] = WriteReportArguments
    has_effect = True

    async def act(self, invocation: Invocation[WriteReportArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        run, step, title = invocation.run, invocation.step, invocation.arguments.title
        findings = invocation.findings()
        claims = [await claim(run, finding) for finding in findings]
        draft = ReportDraft(title, markdown(title, findings, claims))
        effect = effect_of(run.task, step, invocation.arguments.model_dump(mode="json"))
        settled = await run.context.effects.reserve(effect)
        artifact = (
            await run.context.effects.write_report(effect, draft)
            if settled is None
            else UUID(str(settled["artifact_id"]))
        )
        yield ArtifactCreated(step=step.id, artifact_id=artifact, title=title)
        yield Outcome({"artifact_id": str(artifact), "title": title}, f"wrote “{title}”")


def markdown(title: str, findings: Sequence[Finding], claims: Sequence[CitationClaim]) -> str:
    """A heading, one paragraph for each question, and the sources with their exact places."""
    if not findings:
        return f"# {_escaped(title)}\n\n{NOT_IN_SOURCES}\n"
    lines = [f"# {_escaped(title)}", ""]
    for number, finding in enumerate(findings, 1):
        lines += [f"## {_escaped(finding.question)}", "", f"{_escaped(plain(finding.quote))} [{number}]", ""]
    lines += ["## Sources", ""]
    for number, cited in enumerate(claims, 1):
        state = "compared with the document" if cited.verified else "not verified"
        lines.append(f"{number}. {_escaped(cited.document)}, characters {cited.start}–{cited.end} ({state})")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Words of documents and requests stay words: no link, image, HTML or heading can come of them."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>()#!|~" else mark for mark in " ".join(text.split()))
