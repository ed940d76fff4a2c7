"""A write that is repeated under its Idempotency-Key is carried out once and answered alike.

What is remembered is written in the same transaction as the record itself, so that there is never
one without the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select
from starlette.requests import Request

from portal.sandbox.callers import Caller
from portal.sandbox.envelope import Answer, Refusal
from portal.sandbox.schema import IDEMPOTENCY
from portal.sandbox.store import Store, stamp

KEPT: Final = timedelta(hours=48)
LONGEST_KEY: Final = 255


@dataclass(frozen=True)
class Once:
    """One write of one caller. Without a key, nothing is remembered."""

    caller: str
    key: str | None
    path: str
    request_hash: str

    @classmethod
    def of(cls, request: Request, caller: Caller, body: bytes) -> Once:
        """The write that `request` is. Raises Refusal (400) for a key that is none."""
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key.strip()) <= LONGEST_KEY:
            raise Refusal(400, f"Idempotency-Key must have 1 to {LONGEST_KEY} characters")
        name = f"{caller.kind}:{caller.name}:{caller.product or ''}"
        return cls(name, key, request.scope["path"], hashlib.sha256(body).hexdigest())

    def recall(self, connection: Connection) -> Answer | None:
        """The answer that was given before. Raises Refusal (422) if it was to another body."""
        if self.key is None:
            return None
        table = IDEMPOTENCY.c
        row = connection.execute(
            select(table.request_hash, table.status, table.body).where(
                table.caller == self.caller, table.key == self.key, table.path == self.path
            )
        ).first()
        if row is None:
            return None
        if row.request_hash != self.request_hash:
            raise Refusal(422, "This Idempotency-Key was used with another body")
        return Answer(row.status, row.body)

    def remember(self, connection: Connection, store: Store, answer: Answer) -> None:
        """Keep the answer for repeats; older ones than two days are dropped."""
        if self.key is None:
            return
        expired = stamp(store.clock() - KEPT)
        connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created_at < expired))
        connection.execute(
            insert(IDEMPOTENCY).values(
                caller=self.caller,
                key=self.key,
                path=self.path,
                request_hash=self.request_hash,
                status=answer.status,
                body=answer.body,
                created_at=store.now(),
            )
        )
