"""The statement: what was billed and paid between two days, and how old the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import STATEMENT
from portal.crm.models import Invoice
from portal.documents.statement_words import (
    age_rows,
    balance_words,
    credit_note,
    entry_note,
    entry_words,
    undated_note,
)
from portal.documents.wording import Wording
from portal.domain.statement import NEVER_STATED, Account, Entry
from portal.domain.statement_period import StatementPeriod
from portal.errors import BadInput
from portal.templating import render


@dataclass(frozen=True)
class AccountView:
    """An account and what its page says in words: `rows` are entries, their words and notes."""

    account: Account
    rows: Sequence[tuple[Entry, str, str]]
    ages: Sequence[tuple[str, str]]
    balance_words: str
    notes: Sequence[str]


async def statement(request: Request) -> Response:
    """GET /statement?from=&to=&currency=. What is wrong with the days is said beside them.

    Raises RoleNotAllowed for viewers.
    """
    access = access_of(request)
    access.begin(STATEMENT)
    invoices, company_name = await access.invoices(), await access.company_name()
    today, wording = access.today(), Wording.of(request)
    period = StatementPeriod.read(request.query_params, today)
    accounts = [] if period.problems else period.accounts(invoices, today)
    return render(
        request,
        "statement.html",
        {
            "company_name": company_name,
            "period": period,
            "problems": {name: wording.gettext(said) for name, said in period.problems.items()},
            "currencies": _currencies(invoices, period),
            "views": [_view(account, wording) for account in accounts],
            "today": today,
        },
        status_code=BadInput.status if period.problems else 200,
    )


def _currencies(invoices: Sequence[Invoice], period: StatementPeriod) -> list[str]:
    """What can be chosen: what was ever billed in, and what is chosen."""
    billed = {one.currency.upper() for one in invoices if one.status not in NEVER_STATED}
    return sorted(billed | ({period.currency} if period.currency else set()))


def _view(account: Account, wording: Wording) -> AccountView:
    currency = account.currency
    notes = (credit_note(account, wording), undated_note(account, wording))
    return AccountView(
        account=account,
        rows=[
            (entry, entry_words(entry, wording), entry_note(entry, currency, wording))
            for entry in account.entries
        ],
        ages=age_rows(account.ageing, currency, wording),
        balance_words=balance_words(account, wording),
        notes=[note for note in notes if note],
    )
