"""HTTP/1.1 messages, whole, as far as the portal and the sandbox use them (RFC 9112)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Message:
    """A request or an answer: its first line, its headers, its body without any framing."""

    start: str
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return next((v for n, v in self.headers if n.lower() == name), "")

    def having(self, name: str, value: str) -> Self:
        """The same with this header, instead of any of the name."""
        kept = tuple((n, v) for n, v in self.headers if n.lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def encoded(self) -> bytes:
        """The bytes on the wire, the body counted."""
        return self.head(len(self.body)) + self.body

    def head(self, length: int) -> bytes:
        """The bytes before a body of that length."""
        framing = ("transfer-encoding", "content-length")
        kept = [f"{n}: {v}" for n, v in self.headers if n.lower() not in framing]
        lines = [self.start, *kept, f"Content-Length: {length}", "", ""]
        return "\r\n".join(lines).encode("latin-1")


def answer(status: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> Message:
    """An answer as some server would give it."""
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    return Message(start, (("Content-Type", content_type), *headers), body)


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the connection ends before it. Raises OSError, EOFError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    start, *lines = head.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    found = Message(start, tuple((name, value.strip()) for name, _, value in pairs))
    return replace(found, body=await _body(reader, found))


async def _body(reader: asyncio.StreamReader, head: Message) -> bytes:
    if head.header("transfer-encoding").lower() != "chunked":
        return await reader.readexactly(int(head.header("content-length") or 0))
    pieces = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(pieces)
