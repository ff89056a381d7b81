"""Transcripts (WebVTT, SubRip): who said what and when, one line a turn: `[00:01:02] Ada: We begin.`

A sentence that was cut into several captions is one line again.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder, normalise, squash

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|\{\\[^{}]{0,50}\}")
_SAID = re.compile(r"^(?:>>\s*)?([A-Z][\w.'’ -]{1,40}):\s+(?=\S)")
_ENDS = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
_LONGEST_TURN = 60  # seconds


@dataclass(slots=True)
class _Turn:
    start: int
    speaker: str
    text: str

    @property
    def open(self) -> bool:
        return not _ENDS.search(self.text)

    def __str__(self) -> str:
        hours, rest = divmod(self.start, 3600)
        said = f"{self.speaker}: {self.text}" if self.speaker else self.text
        return f"[{hours:02}:{rest // 60:02}:{rest % 60:02}] {said}"


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    builder = TextBuilder(limits.characters)
    turn: _Turn | None = None
    for found in _captions(normalise(decode(data))):
        if (
            turn
            and turn.open
            and found.speaker in {"", turn.speaker}
            and found.start - turn.start < _LONGEST_TURN
        ):
            turn.text += f" {found.text}"
            continue
        if turn:
            builder.line(str(turn))
        turn = found
    if turn is None:
        raise DocumentRejectedError(
            "no_text",
            "The transcript holds no timed lines. Export it as WebVTT or SubRip and upload it again.",
        )
    builder.line(str(turn))
    return builder.finish()


def _captions(text: str) -> Iterator[_Turn]:
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.split("\n")
        at = next((index for index, line in enumerate(lines[:3]) if _CUE.match(line)), None)
        if at is None:
            continue
        cue = _CUE.match(lines[at])
        assert cue
        start = int(cue[1] or 0) * 3600 + int(cue[2]) * 60 + int(cue[3])
        words = " ".join(lines[at + 1 :])
        voice = _VOICE.search(words)
        said = squash(html.unescape(_TAG.sub("", words)))
        named = _SAID.match(said)
        speaker = voice[1].strip() if voice else (named[1] if named else "")
        said = said[named.end() :] if named and not voice else said
        if said:
            yield _Turn(start, speaker, said)
