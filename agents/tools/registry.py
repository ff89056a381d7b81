"""All tools by name. What isn't here can't be planned, and what can't be planned can't be called."""

from collections.abc import Mapping

from secretariat.agents.tools.builtin.answer import AnswerTool
from secretariat.agents.tools.builtin.calculate import CalculateTool
from secretariat.agents.tools.builtin.classify import ClassifyTool
from secretariat.agents.tools.builtin.read import ReadTool
from secretariat.agents.tools.builtin.search import SearchTool
from secretariat.agents.tools.builtin.summarise import SummariseTool
from secretariat.agents.tools.builtin.translate import TranslateTool
from secretariat.agents.tools.builtin.write_report import WriteReportTool
from secretariat.agents.tools.spec import Arguments, Tool

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        SearchTool(),
        ReadTool(),
        CalculateTool(),
        WriteReportTool(),
        AnswerTool(),
        SummariseTool(),
        TranslateTool(),
        ClassifyTool(),
    )
}
ARGUMENTS: Mapping[str, type[Arguments]] = {name: tool.arguments for name, tool in TOOLS.items()}
