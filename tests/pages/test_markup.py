"""Markup in any field of any record is shown as text, on every page and to everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import quote

import httpx2 as httpx
import pytest

from portal.sandbox.fields import Field, Kind, Resource, Writable
from portal.sandbox.resources import RESOURCES
from tests.pages.test_crawl import crawl
from tests.pages.test_isolation import Record, everything
from tests.staff.stand import by_google
from tests.stage import Stage, stage

PLANTED: Final = "planted"
MARKUP: Final = f"""<{PLANTED} a>"'><{PLANTED} b='&amp;' on{PLANTED}=c>&<!--{{{{ 7*7 }}}}"""
SHOWN: Final = f"&lt;{PLANTED} a&gt;"


class Elements(HTMLParser):
    """The names of a page's elements and of their attributes, and what it has as comments."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage(read_freshness=5.0) as made:
        yield made


def markup_for(resource: Resource, record: Record) -> dict[str, Any]:
    """Markup for each text of a record that anybody may write."""
    return {
        field.name: value
        for field in resource.fields
        if field.writable is Writable.ALWAYS and not field.choices
        if (value := _markup(field, record)) is not None
    }


def _markup(field: Field, record: Record) -> Any:
    if field.columns:
        texts = {c.name: MARKUP for c in field.columns if c.kind in (Kind.TEXT, Kind.LONG_TEXT)}
        return [{**row, **texts} for row in record.fields[field.name] or []] if texts else None
    return MARKUP if field.kind in (Kind.TEXT, Kind.LONG_TEXT) else None


async def test_no_record_gets_an_element_or_an_attribute_of_its_own_into_a_page(on: Stage) -> None:
    planted = 0
    for record in await everything(on):
        resource = next(one for one in RESOURCES if one.name == record.resource)
        for name, value in markup_for(resource, record).items():
            path = f"/api/{resource.name}/{record.id}"
            answer = await on.sandbox.patch(path, json={name: value})
            planted += answer.status_code == 200
    assert planted > 200
    shown = 0
    for browser, start in (
        (await on.signed_in("jane@acme.com"), "/"),
        (await on.signed_in("sam@acme.com"), "/"),
        (await by_google(on), "/staff"),
    ):
        on.clock.forward(minutes=2)
        pages = await crawl(browser, start)
        searched = f"/search?q={quote(MARKUP)}"
        pages[searched] = await browser.get(searched)
        shown += sum(looked_through(path, answer) for path, answer in pages.items())
    assert shown > 40


def looked_through(path: str, answer: httpx.Response) -> bool:
    """Whether a page shows the markup as text; it must not have it as anything else."""
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return False
    elements = Elements()
    elements.feed(answer.text)
    assert not [name for name in elements.names if PLANTED in name], path
    assert not elements.comments, path
    assert f"<{PLANTED}" not in answer.text, path
    return SHOWN in answer.text
