"""What one parse may cost. Owns the numbers; `confine` and the parsers enforce them."""

import json
from dataclasses import asdict, dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Sizes in bytes, times in seconds, `characters` in Unicode code points of extracted text."""

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

    @property
    def output_bytes(self) -> int:
        """The most a child may write: text as JSON escapes, at most 12 bytes a character, and a margin."""
        return 12 * self.characters + MIB

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ParseLimits":
        return cls(**json.loads(text))


DEFAULT_LIMITS = ParseLimits()
