"""Which statement somebody asks for, as the address of the page says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from urllib.parse import urlencode

from portal.domain.statement import Account, Stated, statement
from portal.errors import BadInput
from portal.words import msgid

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")

NO_DAY: Final = msgid("This is not a date. Write it as year-month-day: 2026-11-24.")
AHEAD: Final = msgid("A statement cannot begin after today.")
TURNED: Final = msgid("The first day must not be after the last.")
NO_CURRENCY: Final = msgid("This is not a currency. Write its three letters: USD.")


@dataclass(frozen=True)
class StatementPeriod:
    """The days `since` to `until`, both inclusive, and a currency (ISO 4217), None for all.

    `typed` is what the address said, `problems` what is wrong with it by field: a message id.
    With problems, the days are the usual ones. `is_capped` says that `until` was asked for later.
    """

    since: date
    until: date
    currency: str | None = None
    is_capped: bool = False
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, query: Mapping[str, str], today: date) -> StatementPeriod:
        """The period of a query: unless it says so, the year of its last day, to today."""
        typed = {name: query.get(name, "").strip() for name in ("from", "to", "currency")}
        currency = typed["currency"].upper()
        problems: dict[str, str] = {}
        days = {name: _day(typed[name], name, problems) for name in ("from", "to")}
        if currency and not _CURRENCY.fullmatch(currency):
            problems["currency"] = NO_CURRENCY
        asked = days["to"] or today
        until = min(asked, today)
        since = days["from"] or until.replace(month=1, day=1)
        if since > today:
            problems["from"] = AHEAD
        elif since > until:
            problems["from"] = TURNED
        if problems:
            return cls(today.replace(month=1, day=1), today, typed=typed, problems=problems)
        return cls(since, until, currency or None, asked > today, typed)

    def accounts(self, bills: Iterable[Stated], today: date) -> list[Account]:
        """The statement that is asked for, of all of a company's invoices."""
        wanted = (b for b in bills if self.currency in (None, b.currency.upper()))
        return statement(wanted, self.since, self.until, today)

    def checked(self) -> StatementPeriod:
        """Itself. Raises BadInput with the first of its problems."""
        for name, message in self.problems.items():
            raise BadInput(message, name)
        return self

    @property
    def query(self) -> str:
        """The same period as a query: `from=2026-01-01&to=2026-11-24`."""
        said = {"from": self.since.isoformat(), "to": self.until.isoformat()}
        return urlencode({**said, **({"currency": self.currency} if self.currency else {})})

    @property
    def file_name(self) -> str:
        """`statement-2026-01-01-2026-11-24`, with the currency if there is one."""
        parts = ("statement", self.since.isoformat(), self.until.isoformat(), self.currency)
        return "-".join(part for part in parts if part)


def _day(typed: str, name: str, problems: dict[str, str]) -> date | None:
    """The day that was typed; None for nothing, and with a problem noted, for what is no day."""
    if not typed:
        return None
    try:
        if _DAY.fullmatch(typed):
            return date.fromisoformat(typed)
    except ValueError:
        pass
    problems[name] = NO_DAY
    return None
