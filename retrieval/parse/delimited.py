"""Tables as text (CSV, TSV): rows of cells apart by commas, semicolons, tabs or bars."""

import csv
import io
from itertools import islice

from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder
from secretariat.retrieval.parse.xlsx import Budget, write_rows

_DELIMITERS = ",;\t|"
_LOOKED_AT = 50
_LONGEST_CELL = 1_000_000


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    text = decode(data).replace("\x00", "")
    csv.field_size_limit(_LONGEST_CELL)
    builder = TextBuilder(limits.characters)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    write_rows(rows, builder, Budget(limits.rows, limits.cells))
    return builder.finish()


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into the same number of cells, the more the better."""
    sample = "\n".join(islice((line for line in text[:200_000].splitlines() if line.strip()), _LOOKED_AT))

    def fitness(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)]
        usual = max(set(widths), key=widths.count) if widths else 1
        return (widths.count(usual) if usual > 1 else 0), usual

    return max(_DELIMITERS, key=fitness)
