"""A translation is checked sentence by sentence and laid out as its original."""

import json

from secretariat.agents.context import Run
from secretariat.agents.documents.translation import TranslatedSentence, laid_out, translate
from secretariat.agents.journal import Journal
from tests.agents.world import Library, ScriptedChat, context, task

TEXT = "# Fees\n\nThe fee is 12 florins.\n\n- It is paid.\n- It is kept.\n"


class Shouting(ScriptedChat):
    """Its language is English in capitals, and it can't say twelve."""

    def _reply(self, request):
        said = request.messages[-1].content.upper()
        return json.dumps({"translation": said.replace("12", "13")})


async def test_lines_and_lists_stay_and_a_number_that_was_lost_is_flagged():
    run = Run(task("x"), await context(Library({"a.md": TEXT}), Shouting()), Journal(()))
    said = []
    async for event in translate(run, "s1", TEXT, "Loud"):
        if isinstance(event, TranslatedSentence):
            said.append(event)
        else:
            run.journal.admit(event)
    assert laid_out(TEXT, said) == TEXT.upper().replace("12", "13").strip()
    flagged = [TEXT[each.start : each.end] for each in said if not each.checked]
    assert flagged == ["The fee is 12 florins."]
