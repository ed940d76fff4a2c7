"""One colour is enough: its shades can be read wherever they are used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accent import BLACK, DARK, WHITE, contrast, mixed, read, shades, written

colours = st.tuples(*[st.integers(0, 255)] * 3).map(lambda c: written((c[0], c[1], c[2])))


@given(colours)
def test_every_shade_is_readable_where_it_is_used(accent: str) -> None:
    made = shades(accent)
    assert contrast(WHITE, read(made.fill)) >= 4.5
    assert contrast(WHITE, read(made.fill_hover)) >= 4.5
    assert contrast(read(made.ink), WHITE) >= 4.5
    assert contrast(read(made.ink), read(made.tint)) >= 4.5
    assert contrast(read(made.glow), DARK) >= 4.5
    assert contrast(read(made.glow), mixed(DARK, read(accent), 22)) >= 4.5


def test_a_colour_that_can_be_read_is_left_as_it_is() -> None:
    made = shades("#7947d1")
    assert (made.brand, made.fill) == ("#7947d1", "#7947d1")


def test_a_colour_is_changed_no_more_than_needed() -> None:
    fill = read(shades("#f4930a").fill)
    assert contrast(WHITE, fill) < 4.8


def test_contrast_is_wcags() -> None:
    assert contrast(BLACK, WHITE) == 21
    assert contrast(WHITE, WHITE) == 1
    assert round(contrast(read("#777777"), WHITE), 2) == 4.48
