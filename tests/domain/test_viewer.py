"""The viewer: an unknown role gets the least."""

from __future__ import annotations

import pytest

from portal.domain.viewer import Role, Viewer


def viewer(role: Role = Role.CLIENT_VIEWER, *, name: str = "Jane Smith") -> Viewer:
    return Viewer(
        contact_id="ct_abc123",
        email="jane@acme.com",
        name=name,
        company_id="co_abc123",
        company_name="Acme Corp",
        product="mode",
        role=role,
    )


def test_exactly_client_admin_is_an_admin() -> None:
    assert Role.of("client_admin") is Role.CLIENT_ADMIN


@pytest.mark.parametrize(
    "portal_role",
    [None, "", "client_viewer", "admin", "super_admin", "owner", "CLIENT_ADMIN", " client_admin"],
)
def test_any_other_role_is_a_viewer(portal_role: str | None) -> None:
    assert Role.of(portal_role) is Role.CLIENT_VIEWER


def test_only_an_admin_sees_money() -> None:
    assert viewer(Role.CLIENT_ADMIN).sees_money
    assert not viewer(Role.CLIENT_VIEWER).sees_money


@pytest.mark.parametrize(
    ("name", "first"), [("Jane Smith", "Jane"), ("  Zoë ", "Zoë"), ("  ", "jane"), ("", "jane")]
)
def test_a_greeting_has_a_name_to_use(name: str, first: str) -> None:
    assert viewer(name=name).first_name == first
