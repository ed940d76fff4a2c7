"""Is this invoice really ours? Open to whoever holds a copy, and asks no record of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response

from portal.auth.check_limits import CheckLimits
from portal.auth.client_address import client_address
from portal.domain.iban import ibans, in_fours
from portal.domain.invoice_check import Code, Field, Paper, Verdict, normal_number, read_code
from portal.domain.typed_amount import read_amount
from portal.env import env_of
from portal.errors import (
    BadInput,
    ChecksUnavailable,
    InvoiceLocked,
    PortalError,
    TooManyChecks,
    TooManyRequests,
)
from portal.submitted import submitted
from portal.templating import render, say
from portal.words import msgid

T = TypeVar("T")

FIELDS: Final = ("code", "number", "amount", "currency", "due", "bank")
LONGEST: Final = {"code": 60, "number": 200}
"""Characters of what an address may fill in."""

CURRENCIES: Final = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR"),
    *("JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "TRY", "USD", "ZAR"),
)
"""What can be chosen; any other code can be typed beside the amount."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

HEADINGS: Final[Mapping[tuple[Field, ...], str]] = {
    (Field.AMOUNT,): msgid("No: the amount differs"),
    (Field.DUE,): msgid("No: the due date differs"),
    (Field.BANK,): msgid("No: the bank details differ"),
}
OURS: Final = msgid("Yes, this is what we issued")
NOT_OF_THIS: Final = msgid("No: this code does not belong to this invoice number")
SEVERAL: Final = msgid("No: several details differ")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Typed:
    """A copy of an invoice as it was understood: shown, so that people can compare it."""

    code: Code
    number: str
    amount: Decimal
    currency: str
    due: date | None
    bank: str

    @property
    def paper(self) -> Paper:
        """What is compared of it."""
        return Paper.saying(self.number, self.amount, self.currency, self.due, self.bank)

    @property
    def bank_lines(self) -> list[str]:
        """The accounts that were compared; the whole text where it names no IBAN."""
        return [in_fours(one) for one in ibans(self.bank)] or self.bank.split("\n")


class NotTyped(Exception):
    """What was typed cannot be compared; `errors` say why, by field."""

    def __init__(self, errors: Mapping[str, BadInput]) -> None:
        super().__init__()
        self.errors = errors


async def verify(request: Request) -> Response:
    """GET /verify: the form. `code` and `number` fill it in; what counts is read from paper."""
    query = request.query_params
    given = {name: query.get(name, "")[: LONGEST[name]] for name in ("code", "number")}
    return _page(request, given)


async def check_invoice(request: Request) -> Response:
    """POST /verify: compares, and says yes or which fields differ. Never redirects.

    What was typed wrongly, and what is refused for now, is said beside the form.
    """
    env, fields = env_of(request), await submitted(request)
    try:
        typed = read(fields)
    except NotTyped as refused:
        return _page(request, fields, errors=refused.errors)
    limits, number = CheckLimits(env.state), typed.paper.number
    try:
        await limits.admit(client_address(request, env.settings.trusted_proxies), number)
        verdict = env.settings.invoice_checks.compare(typed.code, typed.paper)
        if not verdict.is_ours:
            await limits.count_wrong(number)
    except (TooManyChecks, InvoiceLocked, ChecksUnavailable) as refused:
        return _page(request, fields, refusal=refused)
    log.info("invoice_checked", ours=verdict.is_ours, differing=[*verdict.differing])
    return _page(request, fields, typed=typed, verdict=verdict)


def read(fields: Mapping[str, str]) -> Typed:
    """What somebody typed. Raises NotTyped with all that is wrong with it."""
    given = {name: fields.get(name, "").replace("\r\n", "\n").strip() for name in FIELDS}
    errors: dict[str, BadInput] = {}

    def reading(read_one: Callable[[], T], field: str) -> T | None:
        try:
            return read_one()
        except BadInput as error:
            errors[error.field or field] = error
            return None

    code = reading(lambda: read_code(given["code"]), "code")
    number = reading(lambda: _number(given["number"]), "number")
    amount = reading(lambda: read_amount(given["amount"], given["currency"]), "amount")
    due = reading(lambda: _day(given["due"]), "due")
    if errors or code is None or number is None or amount is None:
        raise NotTyped(errors)
    return Typed(code, number, *amount, due, given["bank"])


def heading(verdict: Verdict) -> str:
    """The answer in one line, as a message id."""
    if verdict.is_ours:
        return OURS
    if Field.NUMBER in verdict.differing:
        return NOT_OF_THIS
    return HEADINGS.get(verdict.differing, SEVERAL)


def _number(typed: str) -> str:
    if not normal_number(typed):
        raise BadInput(msgid("Type the number of the invoice."), field="number")
    return typed


def _day(typed: str) -> date | None:
    if not typed:
        return None
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", typed):
            return date.fromisoformat(typed)
    except ValueError:
        pass
    raise BadInput(msgid("Choose a day, or type it as 2026-12-31."), field="due")


def _page(
    request: Request,
    fields: Mapping[str, str],
    *,
    errors: Mapping[str, BadInput] | None = None,
    refusal: PortalError | None = None,
    typed: Typed | None = None,
    verdict: Verdict | None = None,
) -> Response:
    status = refusal.status if refusal else 422 if errors else 200
    response = render(
        request,
        "verify.html",
        {
            "form": {name: fields.get(name, "") for name in FIELDS},
            "currencies": CURRENCIES,
            "errors": {name: say(request, error) for name, error in (errors or {}).items()},
            "refusal": say(request, refusal) if refusal else None,
            "typed": typed,
            "verdict": verdict,
            "heading": heading(verdict) if verdict else None,
        },
        status_code=status,
    )
    response.headers.update(HEADERS)
    if isinstance(refusal, TooManyRequests):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
