"""Words are found whatever their case and accents, and marked where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.matching import (
    LONGEST_EXCERPT,
    Segment,
    Strength,
    excerpt,
    folded,
    segments,
    strength,
)

WORDS = st.lists(st.text(max_size=6).map(folded), max_size=4)


def marked(text: str, *words: str) -> list[str]:
    return [piece.text for piece in segments(text, map(folded, words)) if piece.met]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("lukasiewicz", "ŁUKASIEWICZ"),
        ("zoe", "Zoë"),
        ("ZOË", "zoe\u0308"),
        ("strasse", "Straße"),
        ("przeglad", "Przegląd"),
        ("malmo", "Malmø"),
        ("ﬁnance", "Finance"),
        ("istanbul", "İSTANBUL"),
    ],
)
def test_case_and_accents_make_no_difference(typed: str, written: str) -> None:
    assert folded(typed) == folded(written)
    assert marked(f"In {written}.", typed) == [written]


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("the audit is done", Strength.WHOLE),
        ("audited", Strength.PREFIX),
        ("pre-audits", Strength.PREFIX),
        ("preaudit", Strength.INSIDE),
        ("preaudit, and then an audit", Strength.WHOLE),
        ("nothing", Strength.NONE),
        ("", Strength.NONE),
    ],
)
def test_a_word_counts_as_it_stands_best(said: str, how: Strength) -> None:
    assert strength("audit", said) is how


def test_no_word_stands_nowhere() -> None:
    assert strength("", "anything") is Strength.NONE
    assert segments("anything", [""]) == (Segment("anything"),)


def test_what_begins_a_word_is_marked_and_not_what_lies_inside_others() -> None:
    assert marked("A cat, a concatenation", "cat") == ["cat"]
    assert marked("A concatenation", "cat") == ["cat"]
    assert segments("Concatenation", ["cat"]) == (
        Segment("Con"),
        Segment("cat", met=True),
        Segment("enation"),
    )


def test_marks_that_touch_become_one() -> None:
    assert marked("Implementation", "imple", "implementation") == ["Implementation"]


def test_an_accent_of_its_own_stays_with_its_letter() -> None:
    assert marked("cafe\u0301 bar", "cafe") == ["cafe\u0301"]


@given(st.text(max_size=60), WORDS)
def test_the_pieces_are_the_text_and_each_mark_is_a_word(text: str, words: list[str]) -> None:
    pieces = segments(text, words)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    for piece in pieces:
        if piece.met:
            assert any(word and word[0] in folded(piece.text) for word in words)


@given(st.text(max_size=40), st.text(min_size=1, max_size=5), st.text(max_size=40))
def test_what_is_in_a_text_is_found_and_marked(before: str, word: str, after: str) -> None:
    wanted = folded(word)
    text = f"{before}{word}{after}"
    is_there = bool(wanted)
    assert (strength(wanted, folded(text)) > Strength.NONE) is is_there
    assert any(piece.met for piece in segments(text, [wanted])) is is_there


@given(st.text(max_size=400), WORDS)
def test_an_excerpt_is_short_and_says_nothing_of_its_own(text: str, words: list[str]) -> None:
    cut = excerpt(text, words)
    assert len(cut) <= LONGEST_EXCERPT + 4
    assert cut.removeprefix("… ").removesuffix(" …").strip() in " ".join(text.split())


def test_a_long_text_is_cut_to_where_it_speaks_of_the_word() -> None:
    text = f"{'One sentence after another. ' * 20}The pilot in Newark begins. {'More. ' * 40}"
    cut = excerpt(text, ["newark"])
    assert cut.startswith("… ")
    assert cut.endswith(" …")
    assert "The pilot in Newark begins." in cut
    assert excerpt(text, ["nowhere"]).startswith("One sentence")


def test_a_short_text_is_left_whole() -> None:
    assert excerpt("Two\nlines", ["lines"]) == "Two lines"
