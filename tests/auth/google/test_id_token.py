"""An ID token is believed when every claim fits, and for nothing less."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet, OctKey, RSAKey

from portal.auth.google.id_token import Expected, Identity, read_identity
from portal.errors import GoogleRefused

NOW: Final = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
SECONDS: Final = int(NOW.timestamp())
KEY: Final = RSAKey.generate_key(2048, {"kid": "one"})
OTHER: Final = RSAKey.generate_key(2048, {"kid": "one"})
KEYS: Final = KeySet([KEY])
EXPECTED: Final = Expected("https://accounts.example", "our-client", "the-nonce", NOW)
RIGHT: Final[dict[str, Any]] = {
    "iss": "https://accounts.example",
    "aud": "our-client",
    "azp": "our-client",
    "sub": "10769150350006150715113082367",
    "email": "jane@acme.com",
    "email_verified": True,
    "nonce": "the-nonce",
    "iat": SECONDS,
    "exp": SECONDS + 3600,
}
MISSING: Final = object()


def token(key: RSAKey = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token with the right claims but for the changes."""
    claims = {name: value for name, value in {**RIGHT, **changes}.items() if value is not MISSING}
    return jwt.encode({"alg": "RS256", "kid": "one", **(header or {})}, claims, key)


def cause(sent: str, expected: Expected = EXPECTED) -> str:
    with pytest.raises(GoogleRefused) as raised:
        read_identity(sent, KEYS, expected)
    return raised.value.cause


def test_a_right_token_says_who_it_is() -> None:
    assert read_identity(token(name="Jane", hd="ACME.com"), KEYS, EXPECTED) == Identity(
        "https://accounts.example", RIGHT["sub"], "jane@acme.com", "Jane", "acme.com"
    )
    assert read_identity(token(name=5, hd=["x"]), KEYS, EXPECTED).hosted_domain is None


@pytest.mark.parametrize(
    ("claim", "value", "why"),
    [
        ("iss", "https://accounts.example/", "wrong_issuer"),
        ("iss", "accounts.example", "wrong_issuer"),
        ("iss", MISSING, "wrong_issuer"),
        ("aud", "another-client", "wrong_audience"),
        ("aud", ["our-client"], "wrong_audience"),
        ("aud", ["our-client", "another-client"], "wrong_audience"),
        ("aud", MISSING, "wrong_audience"),
        ("nonce", "another", "wrong_nonce"),
        ("nonce", "", "wrong_nonce"),
        ("nonce", ["the-nonce"], "wrong_nonce"),
        ("nonce", MISSING, "wrong_nonce"),
        ("exp", SECONDS - 60, "expired"),
        ("exp", str(SECONDS + 3600), "expired"),
        ("exp", True, "expired"),
        ("exp", MISSING, "expired"),
        ("iat", SECONDS + 61, "not_yet_valid"),
        ("iat", "now", "not_yet_valid"),
        ("nbf", SECONDS + 61, "not_yet_valid"),
        ("sub", "", "no_subject"),
        ("sub", 7, "no_subject"),
        ("sub", MISSING, "no_subject"),
        ("email", MISSING, "no_email"),
        ("email", "", "no_email"),
        ("email_verified", False, "email_not_verified"),
        ("email_verified", "true", "email_not_verified"),
        ("email_verified", 1, "email_not_verified"),
        ("email_verified", MISSING, "email_not_verified"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused_by_name(claim: str, value: Any, why: str) -> None:
    assert cause(token(**{claim: value})) == why


@pytest.mark.parametrize(
    ("claim", "value"),
    [("exp", SECONDS - 59), ("iat", SECONDS + 60), ("nbf", SECONDS + 60), ("iat", MISSING)],
)
def test_clocks_may_differ_by_a_minute(claim: str, value: Any) -> None:
    assert read_identity(token(**{claim: value}), KEYS, EXPECTED).email == "jane@acme.com"


def test_time_passes() -> None:
    later = replace(EXPECTED, now=NOW + timedelta(hours=1, seconds=60))
    assert cause(token(), later) == "expired"


def test_another_key_of_the_same_name_is_refused() -> None:
    assert cause(token(OTHER)) == "bad_signature"


def test_a_key_that_is_not_known_is_for_the_caller_to_look_up() -> None:
    with pytest.raises(InvalidKeyIdError):
        read_identity(token(header={"kid": "two"}), KEYS, EXPECTED)


def test_no_other_algorithm_counts() -> None:
    unsigned = ".".join((*token(header={"alg": "RS256"}).split(".")[:2], ""))
    shared = jwt.encode({"alg": "HS256", "kid": "one"}, RIGHT, OctKey.import_key("our-secret" * 4))
    longer = jwt.encode({"alg": "RS512", "kid": "one"}, RIGHT, KEY, algorithms=["RS512"])
    for sent in (unsigned, shared, longer):
        assert cause(sent) == "bad_signature"


@given(st.text(max_size=120) | st.binary(max_size=120).map(lambda b: b.decode("latin-1")))
@settings(deadline=None)
def test_whatever_is_no_token_is_refused(sent: str) -> None:
    assert cause(sent) == "bad_signature"


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_no_altered_token_is_believed(data: st.DataObject) -> None:
    right = token()
    place = data.draw(st.integers(0, right.rindex(".") - 1))
    other = data.draw(st.sampled_from("ABCabc019-_."))
    changed = right[:place] + other + right[place + 1 :]
    if changed == right:
        return
    with pytest.raises((GoogleRefused, InvalidKeyIdError)):
        read_identity(changed, KEYS, EXPECTED)
