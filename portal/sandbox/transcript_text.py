"""Reading a transcript: who speaks, and their words, wherever the text came from.

Known forms: `Jane Smith: …`, the same after a time as in `[00:01:02] Sam: …`, a name with a time on
a line of its own as in `JANE SMITH (00:02)`, and WebVTT's `<v Jane>…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

TIME: Final = r"[\[(]?(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?[\])]?"
NAME: Final = r"[^\W\d_][^:<>\[\](){}\n]{0,59}"
LONGEST_NAME: Final = 5
"""Words; what is longer is a sentence with a colon in it."""

SPOKEN: Final = re.compile(rf"(?:{TIME}\s+)?({NAME}?)\s*(?:{TIME}\s*)?:(?=\s|$)")
HEADING: Final = re.compile(rf"({NAME}?)\s+{TIME}")
VOICE: Final = re.compile(r"<v(?:\.[^\s<>]{1,60})?\s+([^<>\n]{1,60})>|</v>")
CUE_TIMES: Final = re.compile(rf"{TIME}\s+-->\s.*")
CUE_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")

_NOT_NAMES: Final = (
    "action actions agenda answer attendees cc date decision decisions duration example"
    " from fwd http https kind language location meeting next note notes participants ps question"
    " re recording region start style subject summary time title to todo topic transcript"
    " warning webvtt"
)
NOT_NAMES: Final = frozenset(_NOT_NAMES.split())
"""First words of lines that have a colon and are not spoken by anybody of that name."""
_PARTICLES: Final = "al bin da de del den der di du el la le van von y zu"
PARTICLES: Final = frozenset(_PARTICLES.split())


@dataclass(frozen=True)
class Passage:
    """Lines that follow each other in the transcript, as they stand; None: nobody is named."""

    speaker: str | None
    text: str


@dataclass(frozen=True)
class Speaker:
    """Somebody who speaks: how often in a row of others, and how many words."""

    name: str
    turns: int
    words: int


def passages(transcript: str) -> list[Passage]:
    """The spoken text, in order, without names, times and what else is not said."""
    return [p for p in _joined(_pieces(transcript)) if p.text]


def speakers(spoken: Iterable[Passage]) -> list[Speaker]:
    """Everybody who speaks, in the order of their first words; names differ by more than case."""
    names: dict[str, str] = {}
    turns: dict[str, int] = {}
    words: dict[str, int] = {}
    before: str | None = None
    for passage in spoken:
        if passage.speaker is not None:
            key = plain(passage.speaker)
            names.setdefault(key, passage.speaker)
            turns[key] = turns.get(key, 0) + (key != before)
            words[key] = words.get(key, 0) + len(WORD.findall(passage.text))
            before = key
    return [Speaker(name, turns[key], words[key]) for key, name in names.items()]


def plain(name: str) -> str:
    """A name as it is compared."""
    return " ".join(name.casefold().split())


def _joined(pieces: Iterable[Passage | None]) -> Iterator[Passage]:
    """Passages of one speaker without anything between them are one; None is a break."""
    held: Passage | None = None
    for piece in pieces:
        if held is not None and piece is not None and piece.speaker == held.speaker:
            held = Passage(held.speaker, f"{held.text}\n{piece.text}")
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _pieces(transcript: str) -> Iterator[Passage | None]:
    """Each line's text and speaker; None where something stands between the lines."""
    speaker: str | None = None
    for raw in re.split(r"\r\n|\r|\n", transcript):
        line = raw.strip()
        if not line or line == "WEBVTT" or CUE_NUMBER.fullmatch(line) or CUE_TIMES.match(line):
            yield None
            continue
        heading = HEADING.fullmatch(line)
        if heading and is_name(heading[1]):
            speaker = _tidy(heading[1])
            yield None
            continue
        spoken = SPOKEN.match(line)
        if spoken and is_name(spoken[1]):
            speaker, line = _tidy(spoken[1]), line[spoken.end() :].strip()
            yield None
        if "<v" not in line and "</v" not in line:
            yield Passage(speaker, line)
            continue
        before, *voices = _voices(line, speaker)
        if before.text:
            yield before
        for piece in voices:
            speaker = piece.speaker
            yield None
            yield piece


def _voices(line: str, speaker: str | None) -> Iterator[Passage]:
    end = 0
    for voice in VOICE.finditer(line):
        yield Passage(speaker, line[end : voice.start()].strip())
        speaker, end = _tidy(voice[1]) if voice[1] else speaker, voice.end()
    yield Passage(speaker, line[end:].strip())


def is_name(text: str) -> bool:
    """Whether the words before a colon or a time read as somebody's name."""
    words = text.split()
    if not 0 < len(words) <= LONGEST_NAME or words[0].casefold().strip(",.") in NOT_NAMES:
        return False
    return all(word.casefold() in PARTICLES or not word[0].islower() for word in words)


def _tidy(name: str) -> str | None:
    return " ".join(name.split()) or None
