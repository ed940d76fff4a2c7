"""A browser of the tests: keeps every cookie, follows nothing, notes each secret it meets."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx2 as httpx

SHORTEST_SECRET: Final = 6
FETCH: Final = {
    "Accept": "text/html",
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
CONSOLE_LINE: Final = re.compile(r"\S+ \[\w+ *\] (?P<event>\S+) +(?P<rest>.*)")
CONSOLE_VALUE: Final = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|\S+)")


@dataclass
class Seen:
    """Every secret that the tests met, to be looked for in the logs when all is over."""

    values: set[str] = field(default_factory=set, repr=False)

    def note(self, *values: str) -> None:
        """Remember what no log may hold."""
        self.values.update(value for value in values if len(value) >= SHORTEST_SECRET)


@dataclass(frozen=True)
class Portal:
    """A running portal: how browsers name it, where it listens, and where its log goes."""

    name: str
    origin: str
    port: int
    folder: Path
    log: Path
    process: Popen[str]
    http: httpx.Client

    @property
    def host(self) -> str:
        """Its name in a Host header."""
        return urlsplit(self.origin).netloc

    def entries(self, request_id: str) -> list[dict[str, Any]]:
        """What it logged under a request id so far."""
        lines = self.log.read_text().splitlines()
        return [_entry(line) for line in lines if request_id in line]

    def at_once(self, requests: Sequence[bytes]) -> list[bytes]:
        """The answers to requests that are all complete at nearly the same moment."""
        wires = [socket.create_connection(("127.0.0.1", self.port), timeout=30) for _ in requests]
        try:
            for wire, request in zip(wires, requests, strict=True):
                wire.sendall(request[:-1])
            for wire, request in zip(wires, requests, strict=True):
                wire.sendall(request[-1:])
            return [read_all(wire) for wire in wires]
        finally:
            for wire in wires:
                wire.close()

    def raw(self, sent: bytes) -> bytes:
        """The answer to bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as wire:
            wire.sendall(sent)
            return read_all(wire)


@dataclass
class Browser:
    """Its cookies by name; `headers` go with every request."""

    portal: Portal
    seen: Seen = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Ask as one of the portal's own pages would, under a request id of its own."""
        sent = {**FETCH, "X-Request-Id": uuid4().hex, **self.headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.portal.http.request(method, path, headers={**sent, **(headers or {})}, **more)
        for line in set_cookies(answer):
            self._keep(line)
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **more)

    def post(self, path: str, data: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """POST a form."""
        return self.request("POST", path, data=data or {}, **more)

    def written(self, method: str, path: str, **fields: str) -> bytes:
        """A request of this browser as it goes over the wire, for `at_once`."""
        body = urlencode(fields)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self.portal.host}\r\nCookie: {cookies}\r\n"
            "Sec-Fetch-Site: same-origin\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def me(self, **headers: str) -> httpx.Response:
        """Who the portal says this is."""
        return self.get("/auth/me", headers={"Accept": "application/json", **headers})

    @property
    def session(self) -> str:
        """The session token it holds, or nothing."""
        return self.cookies.get("sm_client", "")

    def _keep(self, line: str) -> None:
        name, value, attributes = read_set_cookie(line)
        self.seen.note(value, *value.split(".")[:2])
        if attributes.get("max-age") == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


def set_cookies(answer: httpx.Response) -> list[str]:
    """Every Set-Cookie line of an answer."""
    return [value for name, value in answer.headers.multi_items() if name == "set-cookie"]


def read_set_cookie(line: str) -> tuple[str, str, dict[str, str]]:
    """Name, value and attributes (lower-case names) of a Set-Cookie line."""
    pair, *rest = line.split(";")
    name, _, value = pair.partition("=")
    split = (piece.strip().partition("=") for piece in rest)
    return name, value.strip('"'), {key.lower(): said for key, _, said in split}


def cookie_attributes(answer: httpx.Response, name: str) -> dict[str, str]:
    """The attributes of the one cookie of that name that an answer sets to something."""
    (found,) = (
        attributes
        for cookie, value, attributes in map(read_set_cookie, set_cookies(answer))
        if cookie == name and value
    )
    return found


def query_of(url: str) -> dict[str, str]:
    """The first value of each name in a URL's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def request_id_of(answer: httpx.Response) -> str:
    """The id under which the portal logged a request."""
    found: str = answer.headers["x-request-id"]
    return found


def read_all(wire: socket.socket) -> bytes:
    """Everything until the other side closes; a reset after an early refusal ends it too."""
    received = b""
    try:
        while piece := wire.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def session_in(answer: bytes) -> str:
    """The session token that a raw answer sets, or nothing."""
    found = re.search(rb"\r\nset-cookie: sm_client=([^;\"\r]+);", answer)
    return found[1].decode() if found else ""


def status_of(answer: bytes) -> int:
    """The status code of an answer's first line."""
    return int(answer.split(b" ", 2)[1])


def _entry(line: str) -> dict[str, Any]:
    """A log line: JSON as in production, or as it is written for a terminal."""
    if line.startswith("{"):
        found: dict[str, Any] = json.loads(line)
        return found
    read = CONSOLE_LINE.match(line)
    if read is None:
        return {"event": "", "text": line}
    values = {name: value.strip("'\"") for name, value in CONSOLE_VALUE.findall(read["rest"])}
    return {**values, "event": read["event"]}
