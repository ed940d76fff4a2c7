"""Invoices as a list shows them: each with what its figures mean today, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from portal.domain.invoices import ZERO, Bill, Standing, StandingKind, balance, paid_of, standing


class Line(Protocol):
    """One line of an invoice, as far as lists read it."""

    @property
    def description(self) -> str:
        """What was billed."""


class Listed(Bill, Protocol):
    """The fields of an invoice that lists read; `crm.models.Invoice` has them."""

    @property
    def invoice_number(self) -> str | None:
        """As printed on it: `INV-2026-001`."""

    @property
    def engagement_id(self) -> str | None:
        """The engagement that it belongs to, if to one."""

    @property
    def issued_date(self) -> date | None:
        """The day on which it was billed."""

    @property
    def line_items(self) -> Sequence[Line]:
        """Its lines; none when the CRM has none."""


InvoiceT = TypeVar("InvoiceT", bound=Listed)


@dataclass(frozen=True)
class Row(Generic[InvoiceT]):
    """An invoice as it stands today.

    `paid` is what has been paid of it, `left` its balance (`domain.invoices.balance`).
    """

    invoice: InvoiceT
    standing: Standing
    paid: Decimal
    left: Decimal
    engagement_name: str = ""


def row(invoice: InvoiceT, today: date, engagement_name: str = "") -> Row[InvoiceT]:
    """The row of an invoice as it stands on `today`, a calendar day where the viewer is."""
    stands = standing(invoice, today)
    return Row(invoice, stands, paid_of(invoice), balance(invoice), engagement_name)


@dataclass(frozen=True)
class Sums:
    """The figures of some invoices in one currency; of `count`, void ones are in no other figure.

    In `billed` and `paid` credits count negative. `left`, and `overdue` which is part of it, are
    to be paid; `credit` may be set against them. These three are zero or positive.
    """

    currency: str
    count: int
    billed: Decimal
    paid: Decimal
    left: Decimal
    overdue: Decimal
    credit: Decimal


def sums(rows: Iterable[Row[InvoiceT]]) -> list[Sums]:
    """The figures by currency, in the order of the currencies' codes."""
    by_currency: dict[str, list[Row[InvoiceT]]] = {}
    for one in rows:
        by_currency.setdefault(one.invoice.currency.upper(), []).append(one)
    return [_sum(currency, by_currency[currency]) for currency in sorted(by_currency)]


def _sum(currency: str, rows: list[Row[InvoiceT]]) -> Sums:
    counted = [one for one in rows if one.standing.kind is not StandingKind.VOID]
    late = [one.left for one in counted if one.standing.kind is StandingKind.OVERDUE]
    return Sums(
        currency=currency,
        count=len(rows),
        billed=sum((one.invoice.amount for one in counted), ZERO),
        paid=sum((one.paid for one in counted), ZERO),
        left=sum((one.left for one in counted if one.left > 0), ZERO),
        overdue=sum(late, ZERO),
        credit=-sum((one.left for one in counted if one.left < 0), ZERO),
    )
