"""A lens ends by itself, and one that cannot be read shows nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.auth.lens import LASTS, Lens, read_lens, viewing_as
from portal.auth.session import Claims
from portal.domain.viewer import Role, Viewer
from portal.errors import PreviewEnded

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
SECONDS = NOW.timestamp()
JANE = Viewer("ct_j", "jane@acme.com", "Jane", "co_a", "Acme", "mode", Role.CLIENT_ADMIN)


def claims(viewing: Any, *, issued: float = SECONDS, expires: float = SECONDS + 86_400) -> Claims:
    return Claims(id="ct_ava", email="ava@x.example", iat=issued, exp=expires, viewing_as=viewing)


def test_a_session_without_one_has_no_lens() -> None:
    assert read_lens(claims(None), NOW) is None


def test_our_own_claim_is_read_back_and_has_the_platforms_fields() -> None:
    claim = viewing_as(JANE, NOW + LASTS)
    assert read_lens(claims(claim), NOW) == Lens("ct_j", NOW + LASTS)
    assert set(claim) - {"until"} == {
        *("contact_id", "email", "name", "company_id", "company_name", "portal_role", "products")
    }


def test_without_an_end_it_ends_half_an_hour_after_it_was_signed() -> None:
    hub = {"contact_id": "ct_j"}
    assert read_lens(claims(hub), NOW) == Lens("ct_j", NOW + timedelta(minutes=30))
    with pytest.raises(PreviewEnded):
        read_lens(claims(hub, issued=SECONDS - 1800), NOW)
    with pytest.raises(PreviewEnded):
        read_lens(claims(hub, issued=0), NOW)


@pytest.mark.parametrize("until", [SECONDS + 86_400, 1e30, True, "tomorrow", None])
def test_nobody_can_make_it_last_longer(until: Any) -> None:
    lens = read_lens(claims({"contact_id": "ct_j", "until": until}), NOW)
    assert lens == Lens("ct_j", NOW + LASTS)


def test_it_never_outlives_the_session() -> None:
    lens = read_lens(claims({"contact_id": "ct_j"}, expires=SECONDS + 60), NOW)
    assert lens == Lens("ct_j", NOW + timedelta(seconds=60))


@pytest.mark.parametrize(
    "claim",
    [
        *("ct_j", [], {}, False, 0, ""),
        {"contact_id": 7},
        {"contact_id": None},
        {"contact_id": "ct_j", "until": SECONDS},
        {"contact_id": "ct_j", "lens": "team"},
        {"contact_id": "ct_j", "lens": "both"},
    ],
)
def test_what_cannot_be_read_does_not_turn_into_the_staff_session(claim: Any) -> None:
    with pytest.raises(PreviewEnded):
        read_lens(claims(claim), NOW)


@pytest.mark.parametrize("word", ["user", "customer"])
def test_the_hubs_words_for_a_clients_lens_are_known(word: str) -> None:
    assert read_lens(claims({"contact_id": "ct_j", "lens": word}), NOW) is not None
