"""Drawn pages that are kept: bounded, and the ones not asked for longest go first."""

from __future__ import annotations

from portal.kept_pages import OVERHEAD, KeptPage, KeptPages


def page(size: int) -> KeptPage:
    return KeptPage(b"x" * size, (), ())


def test_a_page_is_kept_under_its_key_until_another_takes_its_place() -> None:
    pages = KeptPages()
    assert pages.get("a") is None
    pages.keep("a", page(1))
    pages.keep("a", page(2))
    found = pages.get("a")
    assert found is not None
    assert found.body == b"xx"
    assert (len(pages), pages.bytes) == (1, 2 + OVERHEAD)


def test_only_so_many_bytes_are_kept_and_what_was_not_asked_for_longest_goes_first() -> None:
    pages = KeptPages(most_bytes=2 * (10 + OVERHEAD))
    pages.keep("a", page(10))
    pages.keep("b", page(10))
    pages.get("a")
    pages.keep("c", page(10))
    assert [key for key in "abc" if pages.get(key)] == ["a", "c"]
    pages.keep("huge", page(10_000))
    assert (len(pages), pages.bytes) == (0, 0)
