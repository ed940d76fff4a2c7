"""What a client admin may ask for about access, and how long it is shown as asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.team import Action, Request, read_request, still_open
from portal.domain.until import ALWAYS, Now
from portal.domain.viewer import Role
from portal.errors import BadInput

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ADD = {"action": "add", "name": "Bo  Li", "email": " bo@acme.com", "role": "client_viewer"}


@dataclass(frozen=True)
class Asked:
    """When something was asked."""

    created_at: datetime


def test_somebody_new_is_asked_for_with_name_address_and_role() -> None:
    asked = read_request({**ADD, "note": "starts in May"})
    assert asked == Request(
        Action.ADD, "Bo Li", "bo@acme.com", Role.CLIENT_VIEWER, note="starts in May"
    )
    assert asked.as_metadata() == {
        "action": "add",
        "name": "Bo Li",
        "email": "bo@acme.com",
        "role": "client_viewer",
        "note": "starts in May",
    }


def test_access_is_asked_away_from_a_person() -> None:
    asked = read_request({"action": "remove", "person_id": "ct_1", "role": "client_admin"})
    assert asked == Request(Action.REMOVE, person_id="ct_1")


def test_another_role_is_asked_for_a_person() -> None:
    asked = read_request({"action": "change", "person_id": "ct_1", "role": "client_admin"})
    assert asked == Request(Action.CHANGE, role=Role.CLIENT_ADMIN, person_id="ct_1")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "action"),
        ({"action": "delete"}, "action"),
        ({"action": "remove"}, "person_id"),
        ({"action": "change", "person_id": "ct_1", "role": "team"}, "role"),
        ({**ADD, "name": " "}, "name"),
        ({**ADD, "name": "x" * 201}, "name"),
        ({**ADD, "email": "Bo <bo@acme.com>"}, "email"),
        ({**ADD, "role": ""}, "role"),
        ({**ADD, "note": "x" * 501}, "note"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_request(fields)
    assert raised.value.field == field


def test_a_request_is_shown_for_a_month() -> None:
    asked = [Asked(NOW - timedelta(days=days)) for days in (0, 30, 31)]
    now = Now(NOW)
    assert still_open(asked, now) == asked[:2]
    assert now.until.moment == NOW + timedelta.resolution
    assert still_open(asked, Now(now.until.moment)) == asked[:1]
    nothing = Now(NOW)
    assert still_open(asked[2:], nothing) == []
    assert nothing.until.moment == ALWAYS
