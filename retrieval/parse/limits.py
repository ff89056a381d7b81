"""What one parse may cost. Owns the numbers; `confine` and the parsers enforce them."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Sizes in bytes, times in seconds, `characters` in Unicode code points of extracted text.

    Recognising letters in images has a budget of its own: `ocr_pages`, and on top of the other limits `ocr_s`
    and `ocr_memory_bytes`: its libraries map nearly half a gigabyte of addresses that they don't use.
    `depth` counts how many containers (archives, mails) this document is inside of.
    """

    file_bytes: int = 50 * MIB
    memory_bytes: int = 1024 * MIB
    cpu_s: int = 30
    wall_s: float = 60.0
    open_files: int = 64
    characters: int = 10_000_000
    pages: int = 5_000
    archive_entries: int = 4_096
    archive_bytes: int = 256 * MIB
    archive_ratio: int = 200
    members: int = 500
    rows: int = 200_000
    cells: int = 1_000_000
    pixels: int = 100_000_000
    ocr_memory_bytes: int = 512 * MIB
    ocr_pages: int = 50
    ocr_s: int = 120
    depth: int = 0
    deepest: int = 2

    @property
    def output_bytes(self) -> int:
        """The most a child may write: text, at most 12 bytes a character with its lines, and a margin."""
        return 12 * self.characters + MIB


DEFAULT_LIMITS = ParseLimits()
