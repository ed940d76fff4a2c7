"""The files of a year pack, from records that were read once: each as its own page gives it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from msgspec import Struct

from portal.crm.models import Invoice
from portal.documents.check_code import CheckCodes
from portal.documents.csv import write_csv
from portal.documents.file_answer import plain_name
from portal.documents.invoice_pdf import InvoiceDocument
from portal.documents.invoices_csv import HEADER, invoice_cells
from portal.documents.statement_csv import HEADER as STATEMENT_HEADER
from portal.documents.statement_csv import statement_rows
from portal.documents.statement_pdf import StatementDocument
from portal.documents.typesetting import pdf
from portal.documents.wording import Wording
from portal.domain.invoice_rows import Row, row
from portal.domain.statement_period import StatementPeriod
from portal.domain.year_pack import MANIFEST, SUMS, of_year, unique_names

FOLDER: Final = "invoices/"
PDF: Final = ".pdf"
READABLE: Final = 0o100644 << 16
"""A plain file that its owner may write, and all may read, as ZIPs of Unix say it."""

UNIX: Final = 3


class PackRecords(Struct, frozen=True, kw_only=True):
    """What a pack is made from, read once at `as_of`: nothing in it can disagree afterwards.

    `invoices` are all of the company's: the statement opens with what earlier years left.
    `today` is the day of `as_of` where the viewer is, `locale` theirs.
    """

    year: int
    as_of: datetime
    today: date
    locale: str
    company_name: str
    invoices: tuple[Invoice, ...]
    engagement_names: Mapping[str, str]

    @property
    def period(self) -> StatementPeriod:
        """The year, as far as it has gone."""
        days = {"from": f"{self.year:04}-01-01", "to": f"{self.year:04}-12-31"}
        return StatementPeriod.read(days, self.today).checked()

    @property
    def rows(self) -> list[Row[Invoice]]:
        """The year's invoices as they stand on `today`, newest first."""
        return [self._row(one) for one in of_year(self.invoices, self.year, self.today)]

    def _row(self, invoice: Invoice) -> Row[Invoice]:
        name = self.engagement_names.get(invoice.engagement_id or "", "")
        return row(invoice, self.today, name)


@dataclass(frozen=True)
class Piece:
    """A file still to be made: its name in the pack, and how to make it."""

    name: str
    make: Callable[[], Awaitable[bytes]]


def names_of(records: PackRecords) -> list[str]:
    """The names of all files of the pack, in their order; the last two speak of the others."""
    return [*_document_names(records), MANIFEST, SUMS]


def pieces(records: PackRecords, wording: Wording, codes: CheckCodes) -> list[Piece]:
    """The documents of the pack in their order. `wording` is how it speaks on paper."""
    made = _Documents(records, wording, codes)
    makers = [made.statement_pdf, made.statement_csv, made.invoices_csv]
    makers += [partial(made.invoice_pdf, one) for one in records.rows]
    names = _document_names(records)
    return [Piece(name, make) for name, make in zip(names, makers, strict=True)]


def _document_names(records: PackRecords) -> list[str]:
    bills = [one.invoice for one in records.rows]
    stems = [plain_name(f"{bill.invoice_number or bill.id}{PDF}") for bill in bills]
    statement = records.period.file_name
    return [
        f"{statement}{PDF}",
        f"{statement}.csv",
        f"invoices-{records.year}.csv",
        *(FOLDER + name for name in unique_names((s.removesuffix(PDF), PDF) for s in stems)),
    ]


@dataclass(frozen=True)
class _Documents:
    records: PackRecords
    wording: Wording
    codes: CheckCodes

    async def statement_pdf(self) -> bytes:
        records = self.records
        period, today = records.period, records.today
        accounts = period.accounts(records.invoices, today)
        document = StatementDocument(records.company_name, period, accounts, today)
        return await pdf("statement.typ", document.data(self.wording), today)

    async def statement_csv(self) -> bytes:
        period = self.records.period
        accounts = period.accounts(self.records.invoices, self.records.today)
        return write_csv(STATEMENT_HEADER, statement_rows(accounts, period))

    async def invoices_csv(self) -> bytes:
        return write_csv(HEADER, [invoice_cells(one) for one in self.records.rows])

    async def invoice_pdf(self, one: Row[Invoice]) -> bytes:
        records, today = self.records, self.records.today
        engagement = records.engagement_names.get(one.invoice.engagement_id or "")
        check = self.codes.of_invoice(one)
        document = InvoiceDocument(one, records.company_name, engagement, today, check)
        return await pdf("invoice.typ", document.data(self.wording), today)


async def zipped(
    names: Sequence[str], read: Callable[[int], Awaitable[bytes]], as_of: datetime
) -> AsyncGenerator[bytes, None]:
    """The ZIP of files in this order, in pieces; `read` gives the content of one by its place.

    The same files give the same bytes: nothing is compressed (PDFs would not shrink, and other
    versions of zlib pack otherwise), and every entry bears the moment `as_of` in UTC. No more
    than one file is in memory at a time.
    """
    sink = _Sink()
    stamp = as_of.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for place, name in enumerate(names):
            entry = zipfile.ZipInfo(name, stamp)
            entry.create_system, entry.external_attr = UNIX, READABLE
            archive.writestr(entry, await read(place))
            yield sink.taken()
    yield sink.taken()


async def part_of(
    chunks: AsyncGenerator[bytes, None], first: int, last: int
) -> AsyncGenerator[bytes, None]:
    """The bytes `first` to `last` (inclusive, from 0) of what comes in pieces."""
    at = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            wanted = chunk[max(first - at, 0) : max(last + 1 - at, 0)]
            at += len(chunk)
            if wanted:
                yield wanted
            if at > last:
                return


class _Sink(io.BytesIO):
    """Where a ZIP is written, entry by entry: what was taken is not kept, but counted.

    A ZIP's writer goes back to the head of the entry it writes, and never further: so each entry
    has its length in its head, which readers need that read from a stream.
    """

    def __init__(self) -> None:
        super().__init__()
        self._gone = 0

    def tell(self) -> int:
        return self._gone + super().tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset - self._gone if whence == io.SEEK_SET else offset
        return self._gone + super().seek(at, whence)

    def taken(self) -> bytes:
        """What was written since the last time."""
        content = self.getvalue()
        self._gone += len(content)
        super().seek(0)
        self.truncate()
        return content
