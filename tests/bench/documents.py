"""What an invoice and a statement cost to draw as PDF, by their length; each has other texts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, Final

from babel import Locale
from babel.support import NullTranslations
from msgspec import structs

from portal.crm.models import Invoice, LineItem
from portal.documents.invoice_pdf import InvoiceDocument
from portal.documents.statement_pdf import StatementDocument
from portal.documents.typesetting import draw, pdf
from portal.documents.wording import Wording
from portal.domain.invoice_rows import row
from portal.domain.statement_period import StatementPeriod
from tests.bench.timing import in_turn

ROUNDS: Final = 20
TODAY: Final = date(2026, 11, 24)
WORDING: Final = Wording(
    "en", Locale("en", "US"), NullTranslations(), "Mode", "#09826e", "support@example.com"
)
SIZES: Final = {"invoice": (3, 60), "statement": (30, 500)}


async def run() -> str:
    """Milliseconds from the data to the bytes, in a thread beside the event loop."""
    serial = count()

    async def one(what: str, size: int) -> None:
        await pdf(f"{what}.typ", _data(what, size, next(serial)), TODAY)

    calls = {
        (what, size): partial(one, what, size) for what, sizes in SIZES.items() for size in sizes
    }
    timings = await in_turn(
        {f"{what} {size}": call for (what, size), call in calls.items()}, ROUNDS
    )
    rows = []
    for what, size in calls:
        timing, cpu, content = timings[f"{what} {size}"], *_cost(what, size, next(serial))
        lines = "lines" if what == "invoice" else "entries"
        rows.append(
            f"| {what}, {size} {lines} | {timing.median:.0f} | {timing.p95:.0f} | {cpu:.0f} "
            f"| {len(content) / 1000:.0f} |"
        )
    return "\n".join(
        [
            "## Documents",
            "",
            f"Drawing a PDF from its data, {ROUNDS} of each, no two with the same texts.",
            "",
            "| document | median ms | p95 ms | ms of CPU | kB |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _cost(what: str, size: int, serial: int) -> tuple[float, bytes]:
    """Milliseconds of CPU of one, and the document."""
    data = _data(what, size, serial)
    started = time.process_time()
    content = draw(f"{what}.typ", data, TODAY)
    return (time.process_time() - started) * 1000, content


def _data(what: str, size: int, serial: int) -> Mapping[str, Any]:
    bill = Invoice(
        id="inv_1",
        company_id="co_1",
        amount=Decimal(size * 100),
        status="sent",
        invoice_number=f"INV-{serial}",
        issued_date=date(2026, 11, 1),
        due_date=date(2026, 12, 1),
    )
    if what == "invoice":
        lines = tuple(
            LineItem(description=f"Work {serial}, part {n}", amount=Decimal(100))
            for n in range(size)
        )
        full = structs.replace(bill, line_items=lines)
        return InvoiceDocument(row(full, TODAY), "Acme Corp", None, TODAY).data(WORDING)
    period = StatementPeriod(date(2026, 1, 1), TODAY)
    bills = [structs.replace(bill, invoice_number=f"INV-{serial}-{n}") for n in range(size)]
    accounts = period.accounts(bills, TODAY)
    return StatementDocument("Acme Corp", period, accounts, TODAY).data(WORDING)
