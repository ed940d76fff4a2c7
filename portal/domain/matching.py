"""Finding words in a text whatever their case and accents, and marking where they stand."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import Final

LONGEST_EXCERPT: Final = 160
BEFORE: Final = 40
"""How many characters of a cut text stand before the first word that was looked for."""

_WITHOUT_STROKE: Final = str.maketrans(
    {
        **{"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i"},  # noqa: RUF001 # meant
        **{"æ": "ae", "œ": "oe", "ð": "d", "þ": "th"},
    }
)
"""Letters that people type without their stroke, and that Unicode does not take apart."""


class Strength(IntEnum):
    """How well a word stands in a text, the weakest first."""

    NONE = 0
    INSIDE = 1
    PREFIX = 2
    WHOLE = 3


@dataclass(frozen=True)
class Segment:
    """A piece of a text as it is shown; `met` when it is what was looked for."""

    text: str
    met: bool = False


def folded(text: str) -> str:
    """A text as it is compared: `Łódź` and `lodz` are the same."""
    return "".join(map(_folded_letter, text))


def strength(word: str, said: str) -> Strength:
    """How well a word stands in a text, where it stands best; both are folded."""
    return max((how for _, how in _places(word, said)), default=Strength.NONE)


def segments(text: str, words: Iterable[str]) -> tuple[Segment, ...]:
    """The whole text in pieces, those met that hold one of the folded words.

    A word that begins a word of the text is marked only where it does so.
    """
    cuts: list[Segment] = []
    end = 0
    for start, stop in _ranges(text, words):
        cuts += [Segment(text[end:start]), Segment(text[start:stop], met=True)]
        end = stop
    cuts.append(Segment(text[end:]))
    return tuple(cut for cut in cuts if cut.text)


def excerpt(text: str, words: Sequence[str]) -> str:
    """A long text cut to where it speaks of the words, at the ends of its own words."""
    plain = " ".join(text.split())
    if len(plain) <= LONGEST_EXCERPT:
        return plain
    first = next(iter(_ranges(plain, words)), (0, 0))[0]
    start = 0 if first <= BEFORE else plain.find(" ", first - BEFORE, first) + 1 or first
    piece = plain[start : start + LONGEST_EXCERPT]
    is_cut = start + LONGEST_EXCERPT < len(plain)
    if is_cut and " " in piece[LONGEST_EXCERPT // 2 :]:
        piece = piece.rpartition(" ")[0]
    return f"{'… ' if start else ''}{piece}{' …' if is_cut else ''}"


@lru_cache(maxsize=4096)
def _folded_letter(letter: str) -> str:
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
    return "".join(c for c in spread if not unicodedata.combining(c)).translate(_WITHOUT_STROKE)


def _places(word: str, said: str) -> Iterator[tuple[int, Strength]]:
    """Where a word stands in a text, and how well there."""
    at = said.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        begins = at == 0 or not said[at - 1].isalnum()
        ends = end == len(said) or not said[end].isalnum()
        yield at, (Strength.WHOLE if ends else Strength.PREFIX) if begins else Strength.INSIDE
        at = said.find(word, at + 1)


def _ranges(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """The places of the words in the text as it is written, in order, none over another."""
    letters = [_folded_letter(letter) for letter in text]
    starts = [0, *accumulate(map(len, letters))]
    origin = [at for at, letter in enumerate(letters) for _ in letter]
    said = "".join(letters)
    found: list[tuple[int, int]] = []
    for word in words:
        places = list(_places(word, said))
        begins = any(how > Strength.INSIDE for _, how in places)
        for at, how in places:
            if how is Strength.INSIDE and begins:
                continue
            stop = origin[at + len(word) - 1] + 1
            # Accents that follow as characters of their own belong to their letter.
            while stop < len(text) and starts[stop] == starts[stop + 1]:
                stop += 1
            found.append((origin[at], stop))
    return _joined(found)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined
