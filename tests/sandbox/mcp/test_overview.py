"""A client on one page: people, work, open money, and what happened last."""

from __future__ import annotations

from decimal import Decimal

from portal.sandbox.mcp.overview import ACTIVITIES_SHOWN, owed_by_currency
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import use


def test_it_shows_what_the_lists_show_of_the_company(demo_store: Store) -> None:
    overview = use(demo_store, "get_company_overview", id="co_abc123")
    own = {"company_id": "co_abc123", "limit": 100}
    for part, tool in (
        ("contacts", "list_contacts"),
        ("engagements", "list_engagements"),
        ("recent_activities", "list_activities"),
    ):
        whole = use(demo_store, tool, **own)
        shown = overview[part]["items"]
        assert shown == whole["items"][: len(shown)]
        assert overview[part]["total"] == whole["total"]
        assert len(shown) == min(whole["total"], 50 if part != "recent_activities" else 20)
    assert ACTIVITIES_SHOWN == 20
    assert overview["deals_total"] == use(demo_store, "list_deals", **own)["total"]
    company = use(demo_store, "get_company", id="co_abc123")
    assert overview["company"].items() <= company.items()


def test_open_invoices_are_those_sent_and_overdue_and_add_up_by_currency(
    demo_store: Store,
) -> None:
    made = use(demo_store, "create_company", name="Initech")
    for status, currency, amount, paid in (
        ("sent", "USD", Decimal("0.1"), 0),
        ("sent", "USD", Decimal("0.2"), 0),
        ("overdue", "EUR", 100, Decimal("40.5")),
        ("paid", "USD", 500, 500),
        ("draft", "USD", 500, 0),
        ("void", "USD", 500, 0),
    ):
        invoice = {"status": status, "currency": currency, "amount": amount, "amount_paid": paid}
        use(demo_store, "create_invoice", company_id=made["id"], **invoice)
    shown = use(demo_store, "get_company_overview", id=made["id"])["open_invoices"]
    assert [invoice["status"] for invoice in shown["items"]] == ["overdue", "sent", "sent"]
    assert shown["total"] == 3
    assert shown["owed"] == [
        {"currency": "EUR", "amount": Decimal("59.5")},
        {"currency": "USD", "amount": Decimal("0.3")},
    ]


def test_currencies_are_never_added_together_and_cents_never_lost() -> None:
    invoices = [
        {"currency": "USD", "amount": Decimal("0.1"), "amount_paid": None},
        {"currency": "USD", "amount": Decimal("8999999999999.999999"), "amount_paid": 1},
        {"currency": "EUR", "amount": -3, "amount_paid": Decimal("0.5")},
    ]
    assert owed_by_currency(invoices) == [
        {"currency": "EUR", "amount": Decimal("-3.5")},
        {"currency": "USD", "amount": Decimal("8999999999999.099999")},
    ]
