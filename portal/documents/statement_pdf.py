"""GET /statement.pdf?from=&to=&currency=: the statement to file or to pass on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.documents.file_answer import PDF, file_answer
from portal.documents.statement_words import (
    age_rows,
    balance_words,
    credit_note,
    entry_note,
    entry_words,
    undated_note,
)
from portal.documents.typesetting import pdf
from portal.documents.wording import Wording
from portal.domain.statement import Account, Entry
from portal.domain.statement_period import StatementPeriod


@dataclass(frozen=True)
class StatementDocument:
    """A company's accounts in a period, made on `today`."""

    company_name: str
    period: StatementPeriod
    accounts: Sequence[Account]
    today: date

    def data(self, wording: Wording) -> Mapping[str, Any]:
        """What `statement.typ` draws, in the reader's words."""
        _, period = wording.gettext, self.period
        days = {"first": wording.day(period.since), "last": wording.day(period.until)}
        return {
            **wording.frame(_("Statement from %(first)s to %(last)s", **days)),
            "facts": [
                (_("Statement for"), self.company_name),
                (_("From"), days["first"]),
                (_("To"), days["last"]),
                (_("Made on"), wording.day(self.today)),
            ],
            "heads": [
                _("Day"),
                _("What"),
                _("Due"),
                _("Charged"),
                _("Paid or credited"),
                _("Balance"),
            ],
            "accounts": [self._account(account, wording) for account in self.accounts],
            "empty": _("Nothing was billed or paid in this time, and nothing is left to pay."),
            "ageing_title": _("By age on %(day)s", day=days["last"]),
        }

    def _account(self, account: Account, wording: Wording) -> Mapping[str, Any]:
        _, currency = wording.gettext, account.currency
        ages = age_rows(account.ageing, currency, wording)
        notes = (credit_note(account, wording), undated_note(account, wording))
        return {
            "title": currency,
            "balance": wording.money(abs(account.closing), currency),
            "balance_words": balance_words(account, wording),
            "opening": [_("Opening balance"), wording.money(account.opening, currency)],
            "entries": [_entry(entry, currency, wording) for entry in account.entries],
            "closing": [
                _("Closing balance"),
                wording.money(account.charged, currency),
                wording.money(account.credited, currency),
                wording.money(account.closing, currency),
            ],
            "age_heads": [words for words, _amount in ages],
            "ages": [amount for _words, amount in ages],
            "notes": [note for note in notes if note],
        }


def _entry(entry: Entry, currency: str, wording: Wording) -> Mapping[str, Any]:
    def optional(amount: Decimal | None) -> str:
        return "" if amount is None else wording.money(amount, currency)

    return {
        "what": entry_words(entry, wording),
        "note": entry_note(entry, currency, wording),
        "day": wording.day(entry.day),
        "due": wording.day(entry.due) if entry.due else "",
        "figures": [
            optional(entry.charged),
            optional(entry.credited),
            wording.money(entry.balance, currency),
        ],
    }


async def statement_pdf(request: Request) -> Response:
    """The PDF. Raises RoleNotAllowed for viewers, BadInput for days that are none."""
    access = access_of(request)
    invoices, company_name = await asyncio.gather(access.invoices(), access.company_name())
    today = access.today()
    period = StatementPeriod.read(request.query_params, today).checked()
    document = StatementDocument(company_name, period, period.accounts(invoices, today), today)
    content = await pdf("statement.typ", document.data(Wording.printed(request)), today)
    return file_answer(content, f"{period.file_name}.pdf", PDF, "inline")
