"""A year pack's content: what is in it, under which names, and that it comes out the same."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from portal.crm.models import Invoice
from portal.documents.check_code import CheckCodes
from portal.documents.wording import Wording
from portal.documents.year_pack import PackRecords, names_of, part_of, pieces, zipped
from portal.domain.year_pack import (
    PackedFile,
    manifest,
    of_year,
    read_year,
    sums,
    unique_names,
    year_of,
    years_of,
)
from portal.errors import BadInput
from tests.documents.reading import words_of
from tests.documents.test_statement_pdf import rows_of
from tests.packs.stand import finished
from tests.pages.billing import bill
from tests.stage import Stage, stage

AS_OF: Final = datetime(2026, 11, 24, 15, 30, 1, tzinfo=UTC)
TODAY: Final = date(2026, 11, 24)
FILES: Final = [("a.csv", b"one,two\r\n"), ("invoices/b.pdf", b"%PDF" * 5000), ("c", b"")]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def invoice(number: str | None, issued: str | None, **fields: Any) -> Invoice:
    return Invoice(
        id=fields.pop("id", f"inv_{number}"),
        company_id="co_abc123",
        amount=fields.pop("amount", Decimal(100)),
        status=fields.pop("status", "sent"),
        invoice_number=number,
        issued_date=date.fromisoformat(issued) if issued else None,
        **fields,
    )


def records(*invoices: Invoice, year: int = 2026, today: date = TODAY) -> PackRecords:
    return PackRecords(
        year=year,
        as_of=AS_OF,
        today=today,
        locale="en_US",
        company_name="Acme Corp",
        invoices=invoices,
        engagement_names={"eng_1": "Retainer"},
    )


def wording(on: Stage, locale: str = "en_US") -> Wording:
    return Wording.speaking(on.env.templates, on.settings, locale).for_print()


async def pack_of(on: Stage, browser: Any, year: str = "2026") -> zipfile.ZipFile:
    """A pack as it is downloaded."""
    place = await finished(on, browser, year)
    answer = await browser.get(f"{place}.zip")
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


async def zip_of(files: list[tuple[str, bytes]], as_of: datetime = AS_OF) -> list[bytes]:
    async def read(place: int) -> bytes:
        return files[place][1]

    return [chunk async for chunk in zipped([name for name, _ in files], read, as_of)]


def test_an_invoice_is_in_the_pack_of_its_year_of_issue_as_the_statement_counts_it() -> None:
    ahead, last, undated = (
        invoice("3", "2027-02-01"),
        invoice("1", "2025-12-31"),
        invoice("2", None),
    )
    assert year_of(last, TODAY) == 2025
    assert year_of(ahead, TODAY) == 2026
    assert year_of(undated, TODAY) is None
    assert years_of([last, ahead, undated], TODAY) == [2026, 2025]
    assert of_year([last, ahead, undated], 2026, TODAY) == [ahead]


@pytest.mark.parametrize("typed", ["", "2024", "2026.0", "x", "\uff12\uff10\uff12\uff16"])
def test_only_a_year_with_invoices_can_be_chosen(typed: str) -> None:
    assert read_year(" 2026 ", [2026, 2025]) == 2026
    with pytest.raises(BadInput):
        read_year(typed, [2026, 2025])


def test_names_are_unique_without_case_and_none_is_a_devices() -> None:
    stems = ["INV-1", "inv-1", "INV-1", "con", "LPT1.old", "x" * 90, "x" * 91]
    found = unique_names((stem, ".pdf") for stem in stems)
    assert found[:3] == ["INV-1.pdf", "inv-1-2.pdf", "INV-1-3.pdf"]
    assert found[3:5] == ["invoice-con.pdf", "invoice-LPT1.old.pdf"]
    assert found[5:] == [f"{'x' * 60}.pdf", f"{'x' * 60}-2.pdf"]


def test_invoice_numbers_of_any_letters_make_safe_names() -> None:
    numbers = ("../../etc/passwd", "R/2026/7", "Nº 7", "請求書", "a\\b:c*d", "\u202egnp", "Łódź 1")
    found = names_of(
        records(*(invoice(n, "2026-03-01", id=f"inv_{i}") for i, n in enumerate(numbers)))
    )[3:-2]
    assert found == [
        "invoices/etc-passwd.pdf",
        "invoices/R-2026-7.pdf",
        "invoices/No-7.pdf",
        "invoices/document.pdf",
        "invoices/a-b-c-d.pdf",
        "invoices/gnp.pdf",
        "invoices/Lodz-1.pdf",
    ]


async def test_records_come_back_from_the_store_as_they_were() -> None:
    made = records(invoice("1", "2026-01-02", amount=Decimal("10.10"), amount_paid=Decimal("0.1")))
    assert msgspec.json.decode(msgspec.json.encode(made), type=PackRecords) == made


def test_the_manifest_and_the_sums_name_each_file(tmp_path: Path) -> None:
    packed = [PackedFile.of(name, content) for name, content in FILES]
    told = json.loads(manifest(packed, product="mode", company="Ł & Co", year=2026, as_of=AS_OF))
    assert {k: told[k] for k in ("product", "company", "year", "as_of")} == {
        "product": "mode",
        "company": "Ł & Co",
        "year": 2026,
        "as_of": "2026-11-24T15:30:01+00:00",
    }
    assert [(f["name"], f["bytes"]) for f in told["files"]] == [(n, len(c)) for n, c in FILES]
    (tmp_path / "invoices").mkdir()
    for name, content in FILES:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "SHA256SUMS").write_bytes(sums(packed))
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "a.csv").write_bytes(b"changed")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


async def test_the_zip_is_whole_and_the_same_each_time() -> None:
    chunks = await zip_of(FILES)
    assert len(chunks) == len(FILES) + 1
    content = b"".join(chunks)
    assert b"".join(await zip_of(FILES)) == content
    assert b"".join(await zip_of(FILES, AS_OF.replace(second=30))) != content
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert [(e.filename, archive.read(e)) for e in archive.infolist()] == FILES
    for entry in archive.infolist():
        assert entry.date_time == (2026, 11, 24, 15, 30, 0)
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.external_attr >> 16 == 0o100644
        # Lengths stand in each entry's head, not after it: readers of streams need them there.
        assert entry.flag_bits & 0x08 == 0


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 19), (20, 20_100), (19_999, 20_500)])
async def test_any_part_of_it_can_be_had(first: int, last: int) -> None:
    content = b"".join(await zip_of(FILES))

    async def read(place: int) -> bytes:
        return FILES[place][1]

    chunks = zipped([name for name, _ in FILES], read, AS_OF)
    part = b"".join([c async for c in part_of(chunks, first, min(last, len(content) - 1))])
    assert part == content[first : last + 1]


async def test_each_document_is_the_one_that_its_own_page_gives(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    archive = await pack_of(on, browser)
    period = "from=2026-01-01&to=2026-12-31"
    stem = "statement-2026-01-01-2026-11-24"
    for kind in ("pdf", "csv"):
        page = await browser.get(f"/statement.{kind}?{period}")
        assert archive.read(f"{stem}.{kind}") == page.content
    assert archive.read("invoices-2026.csv") == (
        (await browser.get("/invoices.csv?year=2026")).content
    )
    pdf = (await browser.get("/invoices/inv_2026001.pdf")).content
    assert archive.read("invoices/INV-2026-001.pdf") == pdf
    assert "Acme Corp" in words_of(archive.read("invoices/INV-2026-001.pdf"))


async def test_every_file_is_in_the_sums_and_they_are_right(on: Stage) -> None:
    archive = await pack_of(on, await on.signed_in("jane@acme.com"))
    lines = archive.read("SHA256SUMS").decode().splitlines()
    told = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert sorted([*told, "SHA256SUMS"]) == sorted(archive.namelist())
    for name, digest in told.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest
    listed = json.loads(archive.read("manifest.json"))
    assert (listed["product"], listed["company"], listed["year"]) == ("mode", "Acme Corp", 2026)
    assert {f["name"]: f["sha256"] for f in listed["files"]} == {
        name: digest for name, digest in told.items() if name != "manifest.json"
    }
    assert all(f["bytes"] == len(archive.read(f["name"])) for f in listed["files"])


async def test_the_tables_and_the_statement_agree_to_the_cent(on: Stage) -> None:
    await bill(on, amount=10.1, invoice_number="INV-AHEAD", issued_date="2026-12-20")
    await bill(on, amount=0.33, invoice_number="INV-CENTS", issued_date="2026-02-28")
    await bill(on, amount=-5.55, invoice_number="INV-CREDIT", issued_date="2026-05-01")
    await bill(on, amount=77.77, invoice_number="INV-VOID", status="void")
    archive = await pack_of(on, await on.signed_in("jane@acme.com"))
    billed = rows_of(archive.read("invoices-2026.csv"))
    entries = rows_of(archive.read("statement-2026-01-01-2026-11-24.csv"))
    numbers = {row["invoice_number"] for row in billed}
    assert {"INV-AHEAD", "INV-CENTS", "INV-CREDIT", "INV-VOID"} <= numbers
    assert len(billed) == sum(name.startswith("invoices/") for name in archive.namelist())
    for currency in ("USD", "EUR"):
        invoiced = sum(
            Decimal(row["amount"])
            for row in billed
            if row["currency"] == currency and row["status"] != "Void"
        )
        stated = sum(
            Decimal(row["charged"] or "0") - Decimal(row["credited"] or "0")
            for row in entries
            if row["currency"] == currency and row["entry"] in ("invoice", "credit")
        )
        assert invoiced == stated, currency


async def test_a_year_that_is_over_ends_with_its_last_day(on: Stage) -> None:
    await bill(on, invoice_number="INV-OLD", issued_date="2025-12-31", due_date="2026-01-31")
    archive = await pack_of(on, await on.signed_in("jane@acme.com"), "2025")
    assert archive.namelist()[0] == "statement-2025-01-01-2025-12-31.pdf"
    [row] = rows_of(archive.read("invoices-2025.csv"))
    assert (row["invoice_number"], row["issued_date"]) == ("INV-OLD", "2025-12-31")
    assert "invoices/INV-OLD.pdf" in archive.namelist()


async def test_the_pack_speaks_as_its_reader_does(on: Stage) -> None:
    made = records(invoice("INV-1", "2026-03-01", amount=Decimal("1234.5")))
    spoken, codes = {}, CheckCodes(on.settings.invoice_checks, on.settings.portal_origin)
    for locale in ("en_US", "de_DE"):
        one = msgspec.structs.replace(made, locale=locale)
        [document] = [
            p for p in pieces(one, wording(on, locale), codes) if p.name.endswith("INV-1.pdf")
        ]
        spoken[locale] = words_of(await document.make())
    assert "$1,234.50" in spoken["en_US"]
    assert "1.234,50" in spoken["de_DE"]
