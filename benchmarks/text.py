"""Text to measure with: the example handbook's documents and paragraphs. Measured on, never tuned on."""

from pathlib import Path

_HANDBOOK = Path(__file__).parent.parent / "examples" / "handbook"
_LEAST_WORDS = 60

DOCUMENTS = tuple(
    path.read_text(encoding="utf-8")
    for path in sorted(_HANDBOOK.rglob("*.md")) + sorted(_HANDBOOK.rglob("*.txt"))
)
PARAGRAPHS = tuple(
    paragraph
    for document in DOCUMENTS
    for paragraph in document.split("\n\n")
    if len(paragraph.split()) >= _LEAST_WORDS and not paragraph.startswith(("|", "#"))
)
