"""The summary of a transcript: sentences picked from it by a fixed rule, word for word.

Nothing is written anew. A sentence of 4 to 60 words scores by how often its longer words come up in
the whole transcript, and more when it settles something, asks something, or names a date or a
figure. The five best are shown in the order in which they were said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from portal.sandbox.transcript_text import WORD, Passage

MOST_SENTENCES: Final = 5
FEWEST_WORDS: Final = 4
MOST_WORDS: Final = 60
NOTICE: Final = "Extractive summary: sentences of the transcript, picked by a fixed rule."

# Possessive, and only at the start of a run: any text takes time in proportion to its length.
CLOSING: Final = "\"\u201d')\u2019]"
FULL_WIDTH: Final = "\u3002\uff01\uff1f"
SENTENCE_END: Final = re.compile(
    rf"(?<![.!?…])[.!?…]++[{re.escape(CLOSING)}]*+(?=\s|\Z)|[{FULL_WIDTH}]++"
)
ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|dr|mr|mrs|ms|prof|st|vs|etc|inc|ltd|no|nr|e\.g|i\.e)\.\Z",
    re.IGNORECASE,
)
LONGEST_ABBREVIATION: Final = 6

SETTLES: Final = re.compile(
    r"\b(?:agreed?|approved?|confirmed?|decided?|decision|deadline|due|must|next step|promised?"
    r"|sign(?:ed)?|will)\b",
    re.IGNORECASE,
)
DATED: Final = re.compile(
    r"\d|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july"
    r"|august|september|october|november|december|tomorrow|today|next (?:week|month|quarter))\b",
    re.IGNORECASE,
)
_COMMON: Final = (
    "about after also because been before being could does doing don't from going gonna have"
    " here into it's just know like maybe more much okay only other over really right should"
    " some that that's their them then there these they thing think this those very want was"
    " well were what when where which while will with would yeah your you're"
)
COMMON: Final = frozenset(_COMMON.split())


def sentences(passage: str) -> list[str]:
    """The sentences of a text, each with its spaces and line breaks made single spaces."""
    found, start = [], 0
    for end in SENTENCE_END.finditer(passage):
        before = passage[max(start, end.end() - LONGEST_ABBREVIATION) : end.end()]
        if not ABBREVIATION.search(before):
            found.append(passage[start : end.end()])
            start = end.end()
    found.append(passage[start:])
    return [text for raw in found if (text := " ".join(raw.split()))]


def picked(spoken: Sequence[Passage]) -> list[str]:
    """The sentences of the summary; none when the transcript has none of fitting length."""
    said = [sentence for passage in spoken for sentence in sentences(passage.text)]
    heard = Counter(word for sentence in said for word in _telling(sentence))
    most = max(heard.values(), default=1)
    candidates = {
        sentence: _score(sentence, heard, most)
        for sentence in said
        if FEWEST_WORDS <= len(WORD.findall(sentence)) <= MOST_WORDS
    }
    best = sorted(candidates, key=lambda sentence: -candidates[sentence])[:MOST_SENTENCES]
    return [sentence for sentence in candidates if sentence in best]


def summary_text(chosen: Sequence[str]) -> str:
    """The summary as it is shown, which says what it is; empty without sentences."""
    return "\n".join([NOTICE, *(f"- {sentence}" for sentence in chosen)]) if chosen else ""


def _telling(sentence: str) -> set[str]:
    words = {word.casefold() for word in WORD.findall(sentence)}
    return {word for word in words if len(word) > 3 and word not in COMMON}


def _score(sentence: str, heard: Counter[str], most: int) -> float:
    telling = _telling(sentence)
    # Weighed against the length, else the longest sentence would always win.
    weight = 2.0 * sum(heard[word] for word in telling) / (most * (len(telling) + 4))
    settles = 2.0 if SETTLES.search(sentence) else 0.0
    dated = 1.0 if DATED.search(sentence) else 0.0
    asks = 0.5 if sentence.rstrip(CLOSING).endswith(("?", FULL_WIDTH[-1])) else 0.0
    return weight + settles + dated + asks
