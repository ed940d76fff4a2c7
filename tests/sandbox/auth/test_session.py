"""One token for the whole platform: whoever holds the secret signs it, and nothing else does."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt

from portal.auth import session as portal_session
from portal.sandbox.auth.session import verify
from tests.sandbox.auth.setup import JANE, KEY, SECRET, own_token, signed, token_for

NOW = datetime(2026, 5, 13, 10, 42, tzinfo=UTC)
CLAIMS = {"id": "ct_abc123", "email": "jane@acme.com", "exp": NOW.timestamp() + 60}


def test_a_token_has_exactly_the_documented_claims_in_ascii() -> None:
    header, payload, _ = own_token(JANE, NOW).split(".")
    assert json.loads(decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    claims = json.loads(decoded(payload))
    assert list(claims) == ["id", "email", "name", "avatar", "products", "iat", "exp"]
    assert claims["exp"] - claims["iat"] == 7 * 86_400
    assert decoded(payload).isascii()
    assert claims["name"] == "Zoë"


def test_the_portal_takes_our_token_as_the_platforms() -> None:
    session = portal_session.verify(own_token(JANE, NOW), [SECRET], NOW)
    assert (session.claims.id, session.claims.email) == JANE
    assert session.claims.jti is None
    assert session.claims.holds("mode")


def test_we_take_the_portals_token() -> None:
    claims = portal_session.new_claims(
        subject=JANE[0],
        email=JANE[1],
        name="Jane Smith",
        avatar=None,
        products=["mode"],
        now=NOW,
        lifetime=timedelta(days=7),
    )
    found = verify(portal_session.sign(claims, SECRET), SECRET, NOW)
    assert found is not None
    assert (found.id, found.tags) == (JANE[0], ("mode",))


def test_a_token_ends_after_seven_days() -> None:
    token = own_token(JANE, NOW)
    assert verify(token, SECRET, NOW + timedelta(days=7, seconds=-1)) is not None
    assert verify(token, SECRET, NOW + timedelta(days=7)) is None


@pytest.mark.parametrize(
    "token",
    [
        signed(CLAIMS, alg="none"),
        signed(CLAIMS, alg="None"),
        signed(CLAIMS, alg="HS384"),
        signed(CLAIMS, alg="HS512"),
        signed(CLAIMS, secret="another-secret-of-the-same-length-as-ours"),
        signed(CLAIMS, jwk={"kty": "oct", "k": "c2VjcmV0"}),
        signed({**CLAIMS, "exp": NOW.timestamp() - 1}),
        signed({**CLAIMS, "exp": "2099-01-01"}),
        signed({**CLAIMS, "exp": True}),
        signed({**CLAIMS, "exp": 10**15}),
        signed({name: value for name, value in CLAIMS.items() if name != "exp"}),
        signed({**CLAIMS, "id": 7}),
        signed({**CLAIMS, "email": None}),
        signed(CLAIMS)[:-2],
        signed(CLAIMS).rpartition(".")[0] + ".",
        signed({**CLAIMS, "name": "x" * 5000}),
        jwt.encode({"alg": "RS256"}, CLAIMS, KEY, algorithms=["RS256"]),
        "",
        "a.b.c",
        "é.é.é",
    ],
)
def test_nothing_else_is_a_session(token: str) -> None:
    assert verify(token, SECRET, NOW) is None


def test_without_a_secret_nothing_is_a_session() -> None:
    assert verify(signed(CLAIMS, secret=""), "", NOW) is None


@given(st.text() | st.lists(st.text(alphabet="AQ-_.e"), min_size=3, max_size=3).map(".".join))
def test_no_text_makes_verifying_fail(token: str) -> None:
    assert verify(token, SECRET, NOW) is None


@pytest.mark.parametrize("products", ["mode", {"mode": 1}, 7, None, [7, ["mode"]]])
def test_products_count_only_as_a_list_of_texts(products: Any) -> None:
    found = verify(signed({**CLAIMS, "products": products}), SECRET, NOW)
    assert found is not None
    assert found.tags == ()


def test_claims_of_other_portals_do_not_disturb() -> None:
    token = token_for(JANE, NOW, role="admin", permissions={"x": 1}, company_id="co_globex1")
    found = verify(token, SECRET, NOW)
    assert found is not None
    assert found.id == JANE[0]


def decoded(part: str) -> str:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
