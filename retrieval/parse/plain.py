"""Plain text files."""

from secretariat.retrieval.parse import reflow
from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder, normalise


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    builder = TextBuilder(limits.characters)
    for lines in reflow.paragraphs(normalise(decode(data))):
        if len(lines) == 1:
            builder.paragraph(lines[0])
        else:
            builder.verbatim("\n".join(lines))
    return builder.finish()
