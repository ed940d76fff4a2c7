"""The menu: what the role may open, and where one is."""

from __future__ import annotations

import pytest

from portal.domain.navigation import navigation
from portal.domain.viewer import Role
from tests.domain.test_viewer import viewer


def hrefs(role: Role) -> list[str]:
    return [item.href for item in navigation(viewer(role), "/")]


def test_only_those_who_see_money_are_offered_invoices() -> None:
    assert "/invoices" in hrefs(Role.CLIENT_ADMIN)
    assert "/invoices" not in hrefs(Role.CLIENT_VIEWER)
    assert set(hrefs(Role.CLIENT_VIEWER)) < set(hrefs(Role.CLIENT_ADMIN))


def test_nobody_signed_in_has_no_menu() -> None:
    assert navigation(None, "/") == []


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", ["/"]),
        ("/invoices", ["/invoices"]),
        ("/invoices/inv_1", ["/invoices"]),
        ("/engagements/", ["/engagements"]),
        ("/invoices.csv", []),
        ("/invoicesque", []),
        ("/elsewhere", []),
    ],
)
def test_the_open_page_is_marked_and_no_other(path: str, current: list[str]) -> None:
    found = navigation(viewer(Role.CLIENT_ADMIN), path)
    assert [item.href for item in found if item.current] == current
