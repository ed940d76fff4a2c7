"""What somebody wants to see of the invoices, as the address of the page says it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from portal.domain.amount_search import is_meant, readings
from portal.domain.invoice_rows import InvoiceT, Row
from portal.domain.invoices import StandingKind

PAGE: Final = 25
"""How many invoices a page shows."""

LONGEST_TEXT: Final = 100
PATH: Final = "/invoices"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_YEAR: Final = re.compile(r"[12][0-9]{3}")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_DIGITS: Final = re.compile(r"([0-9]+)")


class Status(StrEnum):
    """Which invoices by how they stand: OPEN ones have a balance, and OVERDUE is part of them."""

    ALL = "all"
    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"


class Sort(StrEnum):
    """What the invoices are put in order by. Amounts go by currency first."""

    ISSUED = "issued"
    DUE = "due"
    AMOUNT = "amount"
    NUMBER = "number"
    STATUS = "status"


LARGEST_FIRST: Final = frozenset({Sort.ISSUED, Sort.AMOUNT})
"""Orders that start at the latest or largest unless the address says otherwise."""

URGENCY: Final = (
    StandingKind.OVERDUE,
    StandingKind.DUE_TODAY,
    StandingKind.PARTLY_PAID,
    StandingKind.OPEN,
    StandingKind.CREDIT,
    StandingKind.PAID,
    StandingKind.VOID,
    StandingKind.DRAFT,
)
"""The order of the standings when sorted by status."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "status": Status.ALL,
    "engagement": None,
    "year": None,
    "currency": None,
    "text": "",
}
"""The fields that leave invoices out, as the address names them, and what leaves nothing out."""

T = TypeVar("T")
ChoiceT = TypeVar("ChoiceT", Status, Sort)


@dataclass(frozen=True)
class Window(Generic[T]):
    """One page of a list: items `first` to `last` of `total`, on page `page` of `pages`."""

    items: list[T]
    page: int
    pages: int
    first: int
    last: int
    total: int


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices, in which order, and which page of them.

    `currency` is in capitals, `year` that of the issue date. Each word of `text` is looked for in
    number, lines, engagement and amounts.
    """

    status: Status = Status.ALL
    engagement: str | None = None
    year: int | None = None
    currency: str | None = None
    text: str = ""
    sort: Sort = Sort.ISSUED
    descending: bool = True
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str]) -> InvoiceFilter:
        """The filter of a query; what cannot be read counts as not said."""
        sort = _choice(Sort, query.get("sort"), Sort.ISSUED)
        order, year = query.get("order"), _whole(_YEAR, query.get("year"))
        currency = _whole(_CURRENCY, query.get("currency"))
        return cls(
            status=_choice(Status, query.get("status"), Status.ALL),
            engagement=_whole(_ID, query.get("engagement")),
            year=int(year) if year else None,
            currency=currency.upper() if currency else None,
            text=tidy(query.get("text", "")),
            sort=sort,
            descending=order == "desc" if order in ("asc", "desc") else sort in LARGEST_FIRST,
            page=max(1, int(_whole(_NUMBER, query.get("page")) or 1)),
        )

    def query(self) -> str:
        """The query that `read` makes this filter of, without what goes without saying."""
        said = {name: getattr(self, name) for name in self.narrowing}
        if self.sort is not Sort.ISSUED:
            said["sort"] = self.sort
        if self.descending is not (self.sort in LARGEST_FIRST):
            said["order"] = "desc" if self.descending else "asc"
        if self.page > 1:
            said["page"] = self.page
        return urlencode(said)

    def href(self, path: str = PATH) -> str:
        """The address of `path` in this state."""
        query = self.query()
        return f"{path}?{query}" if query else path

    @property
    def csv_href(self) -> str:
        """The address of the whole filtered list as a file."""
        return self.on_page(1).href(f"{PATH}.csv")

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The names of the fields that leave something out."""
        return tuple(name for name, all_ in DEFAULTS.items() if getattr(self, name) != all_)

    def without(self, name: str) -> InvoiceFilter:
        """The same but for one field, which leaves nothing out any more; from the first page."""
        return replace(self, **{name: DEFAULTS[name]}, page=1)

    def cleared(self) -> InvoiceFilter:
        """Everything, in the same order."""
        return replace(self, **DEFAULTS, page=1)

    def sorted_by(self, sort: str) -> InvoiceFilter:
        """In this order; turned around when it is this order already."""
        chosen = Sort(sort)
        descending = not self.descending if chosen is self.sort else chosen in LARGEST_FIRST
        return replace(self, sort=chosen, descending=descending, page=1)

    def on_page(self, page: int) -> InvoiceFilter:
        """Another page of the same list."""
        return replace(self, page=page)

    def aria_sort(self, sort: str) -> str | None:
        """What a column's head says of its order, in ARIA's words; None when it has none."""
        if sort != self.sort:
            return None
        return "descending" if self.descending else "ascending"

    def apply(self, rows: Iterable[Row[InvoiceT]]) -> list[Row[InvoiceT]]:
        """Those that fit, in the order asked for, on whatever page."""
        return self._ordered([one for one in rows if self._fits(one)])

    def window(self, items: Sequence[T]) -> Window[T]:
        """The page asked for, or the last one there is."""
        pages = max(1, -(-len(items) // PAGE))
        page = min(self.page, pages)
        shown = list(items[(page - 1) * PAGE : page * PAGE])
        first = (page - 1) * PAGE + 1 if shown else 0
        return Window(shown, page, pages, first, first + len(shown) - 1 if shown else 0, len(items))

    def _fits(self, one: Row[InvoiceT]) -> bool:
        bill = one.invoice
        return (
            _has_status(one, self.status)
            and self.engagement in (None, bill.engagement_id)
            and (self.year is None or (bill.issued_date or date.min).year == self.year)
            and self.currency in (None, bill.currency.upper())
            and _speaks_of(one, self.text)
        )

    def _ordered(self, rows: list[Row[InvoiceT]]) -> list[Row[InvoiceT]]:
        """By one key, those that have none last; what is equal stays as it came."""
        key = _KEYS[self.sort]
        keyed = [one for one in rows if key(one) is not None]
        found = sorted(keyed, key=key, reverse=self.descending)
        found += [one for one in rows if key(one) is None]
        if self.sort is Sort.AMOUNT:
            found.sort(key=lambda one: one.invoice.currency.upper())
        return found


def tidy(text: str) -> str:
    """A text as it is searched for: printable, single spaces, composed letters, not too long."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 10 * LONGEST_TEXT])
    words = unicodedata.normalize("NFC", printable).split()
    return " ".join(words)[:LONGEST_TEXT].rstrip()


def _has_status(one: Row[InvoiceT], status: Status) -> bool:
    match status:
        case Status.OPEN:
            return one.left != 0
        case Status.OVERDUE:
            return one.standing.kind is StandingKind.OVERDUE
        case Status.PAID:
            return one.left == 0 and one.standing.kind is not StandingKind.VOID
    return True


def _speaks_of(one: Row[InvoiceT], text: str) -> bool:
    if not text:
        return True
    bill = one.invoice
    lines = (line.description for line in bill.line_items)
    said = _folded("\n".join((bill.invoice_number or "", one.engagement_name, *lines)))
    amounts = (bill.amount, one.left)
    return _is_amount(text, amounts) or all(
        _folded(word) in said or _is_amount(word, amounts) for word in text.split()
    )


def _is_amount(typed: str, amounts: Iterable[Decimal]) -> bool:
    meant = readings(typed)
    return any(is_meant(meant, amount) for amount in amounts)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _choice(kind: type[ChoiceT], said: str | None, default: ChoiceT) -> ChoiceT:
    return next((one for one in kind if one.value == said), default)


def _whole(pattern: re.Pattern[str], said: str | None) -> str | None:
    return said if said is not None and pattern.fullmatch(said) else None


def _by_number(one: Row[Any]) -> Any:
    """`INV-9` before `INV-10`: runs of digits by their length and then digit by digit."""
    number = one.invoice.invoice_number
    if not number:
        return None
    parts = _DIGITS.split(_folded(number))
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if at % 2 else (0, part)
        for at, part in enumerate(parts)
    ]


def _by_status(one: Row[Any]) -> Any:
    """The most urgent first: the longest overdue, then what falls due next."""
    days = one.standing.days
    late = one.standing.kind is StandingKind.OVERDUE
    return (
        URGENCY.index(one.standing.kind),
        days is None,
        -(days or 0) if late else days or 0,
    )


_KEYS: Final[Mapping[Sort, Callable[[Row[Any]], Any]]] = {
    Sort.ISSUED: lambda one: one.invoice.issued_date,
    Sort.DUE: lambda one: one.invoice.due_date,
    Sort.AMOUNT: lambda one: one.invoice.amount,
    Sort.NUMBER: _by_number,
    Sort.STATUS: _by_status,
}
