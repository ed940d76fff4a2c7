"""Reading an event stream in tests, as a browser does (WHATWG HTML §9.2.6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2 as httpx

from tests.blackbox.browser import FETCH, Browser, Portal

ASKED: Final = {**FETCH, "Accept": "text/event-stream", "Accept-Encoding": "gzip"}

Event = tuple[str, dict[str, Any]]


def read_events(text: str) -> list[Event]:
    """The events in a piece of a stream; comments and `retry` are none."""
    return list(events_in(iter(text.split("\n"))))


def events_in(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream as they come."""
    name = data = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and name:
            yield name, json.loads(data)
            name = data = ""


class Listening:
    """An open stream: its answer, and its events in turn."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._events = events_in(answer.iter_lines())

    def next(self) -> Event:
        """The next event; StopIteration once the stream has ended."""
        return next(self._events)

    def expect(self, name: str) -> dict[str, Any]:
        """The data of the next event, which is this one."""
        found, data = self.next()
        assert found == name, (found, data)
        return data

    def is_at_its_end(self) -> bool:
        """Whether nothing follows."""
        return next(self._events, None) is None


@contextmanager
def listening(browser: Browser, portal: Portal | None = None) -> Iterator[Listening]:
    """An open stream of this browser; closed after the block, as a page that is left."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    http = (portal or browser.portal).http
    with http.stream("GET", "/live", headers={**ASKED, "Cookie": cookies}) as answer:
        if answer.status_code != 200:
            answer.read()
        yield Listening(answer)
