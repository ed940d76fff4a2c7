"""Drawn pages that are kept: bounded, packed without loss, and gone once time changes them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from portal.crm.cache import Key
from portal.crm.reads import Need
from portal.domain.until import ALWAYS
from portal.kept_pages import OVERHEAD, KeptPage, KeptPages, layout_of

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
LAYOUT = b"".join(b'<li class="row row--%d"><span>' % number for number in range(200))


async def never() -> None:
    raise AssertionError("nothing is read")


def need(company: str, version: int = 1) -> Need:
    return Need(Key(("mode", company), "invoices"), never, version)  # type: ignore[arg-type] # not called


def page(body: bytes, *needs: Need, until: datetime = ALWAYS) -> KeptPage:
    return KeptPage(body, ((b"etag", b'W/"t"'),), needs, until)


def of_company(company: str, size: int) -> KeptPage:
    """A page of which all but a secret of the company is layout."""
    secret = Random(company).randbytes(size // 2).hex().encode()
    return page(LAYOUT + b"<b>" + secret + b"</b>" + LAYOUT, need(company))


def kept(pages: KeptPages, keys: Iterable[Hashable]) -> list[Hashable]:
    return [key for key in keys if pages.get(key, NOW)]


def test_a_page_is_kept_under_its_key_until_another_takes_its_place() -> None:
    pages = KeptPages(most_packed=0)
    assert pages.get("a", NOW) is None
    pages.keep("a", page(b"x"))
    pages.keep("b", page(b"y"))
    assert pages.bytes == 2 * (1 + OVERHEAD)
    pages.keep("a", page(b"xx"))
    found = pages.get("a", NOW)
    assert found is not None
    assert found.body == b"xx"
    assert len(pages) == 2
    pages.clear()
    assert (len(pages), pages.bytes, kept(pages, "ab")) == (0, 0, [])


def test_a_page_is_not_shown_from_the_moment_on_at_which_time_changes_it() -> None:
    pages, tick = KeptPages(), timedelta.resolution
    for _ in range(2):
        pages.keep("a", page(b"x", until=NOW))
        assert pages.get("a", NOW - tick) is not None
        assert pages.get("a", NOW) is None
        assert (len(pages), pages.bytes) == (0, 0)


def test_only_so_many_bytes_are_kept_and_what_was_not_asked_for_longest_goes_first() -> None:
    pages = KeptPages(most_plain=2 * (10 + OVERHEAD), most_packed=0)
    pages.keep("a", page(b"x" * 10))
    pages.keep("b", page(b"x" * 10))
    pages.get("a", NOW)
    pages.keep("c", page(b"x" * 10))
    assert kept(pages, "abc") == ["a", "c"]
    pages.keep("huge", page(b"x" * 10_000))
    assert (len(pages), pages.bytes) == (0, 0)


def test_every_page_is_packed_and_comes_back_as_it_was() -> None:
    pages = KeptPages(most_plain=3 * (2 * len(LAYOUT) + OVERHEAD))
    made = {number: of_company(f"co_{number}", 200) for number in range(40)}
    for key, one in made.items():
        assert pages.keep(key, one) == one
    assert kept(pages, made) == list(made)
    for _ in range(2):
        for key, one in made.items():
            assert pages.get(key, NOW) == one
    plain = sum(one.size for one in made.values())
    assert pages.bytes < plain / 2


def test_packed_pages_are_bounded_and_the_one_that_was_asked_for_stays() -> None:
    pages = KeptPages(most_plain=0, most_packed=3 * (OVERHEAD + 100))
    for number in (1, 2, 3):
        pages.keep(number, page(b"x" * number))
    assert pages.get(1, NOW) == page(b"x")
    pages.keep(4, page(b"xxxx"))
    assert kept(pages, (1, 2, 3, 4)) == [1, 3, 4]


def test_a_packed_page_that_stayed_plain_for_long_is_not_the_first_to_go() -> None:
    pages = KeptPages(most_plain=2 * (1 + OVERHEAD), most_packed=2 * (OVERHEAD + 50))
    for key in ("old", "new"):
        pages.keep(key, page(b"x"))
    assert pages.get("old", NOW)
    # Out of the plain ones goes what was asked for least lately, and that was asked for until now.
    pages.keep("third", page(b"x"))
    assert pages.get("old", NOW)
    pages.keep("fourth", page(b"x"))
    assert "old" in kept(pages, ("new", "old"))


def test_what_was_packed_before_does_not_come_back() -> None:
    pages = KeptPages(most_plain=1 + OVERHEAD)
    for key, body in (("a", b"1"), ("b", b"x"), ("a", b"2"), ("c", b"x")):
        pages.keep(key, page(body))
    assert pages.get("a", NOW) == page(b"2")


def test_it_is_told_whether_a_page_is_still_the_one_made_from_the_same() -> None:
    pages = KeptPages(most_plain=1 + OVERHEAD)
    first = pages.keep("a", page(b"1", need("co_1")))
    assert pages.holds("a", first.needs)
    pages.keep("b", page(b"x"))
    # It is packed only, now.
    assert pages.holds("a", first.needs)
    second = pages.keep("a", page(b"2", need("co_1", version=2)))
    assert not pages.holds("a", first.needs)
    assert pages.holds("a", second.needs)
    pages.clear()
    assert not pages.holds("a", second.needs)


def test_the_layout_is_what_pages_of_two_companies_share_and_nothing_of_either() -> None:
    one, other = of_company("co_1", 500), of_company("co_2", 600)
    assert layout_of([one]) == layout_of([one, of_company("co_1", 900)]) == b""
    layout = layout_of([one, page(b"<p>small</p>", need("co_3")), other])
    assert 0 < len(layout) <= len(LAYOUT) + 10
    for secret in (one.body, other.body):
        assert secret.split(b"<b>")[1][:40] not in layout
    for piece in LAYOUT.split(b">")[:-1]:
        assert piece in layout


def test_pages_of_one_company_share_what_they_were_made_from() -> None:
    pages = KeptPages()
    for key in ("a", "b"):
        pages.keep(key, page(b"x", need("co_1"), need("co_2")))
    pages.keep("c", page(b"x", need("co_1", version=2)))
    one, another, newer = (found.needs for key in "abc" if (found := pages.get(key, NOW)))
    assert [a is b for a, b in zip(one, another, strict=True)] == [True, True]
    assert newer[0].version == 2
