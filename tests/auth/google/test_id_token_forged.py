"""Tokens that a forger would send, and that a right key signed over nonsense."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet, RSAKey

from portal.auth.google.id_token import LEEWAY_SECONDS, Expected, Identity, read_identity
from portal.errors import GoogleRefused
from tests.auth.google.test_id_token import EXPECTED, KEY, KEYS, NOW, RIGHT, SECONDS, token

OTHER: Final = RSAKey.generate_key(2048, {"kid": "two"})
HEADER: Final = {"alg": "RS256", "kid": "one"}
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def segment(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(payload: bytes | str, header: Any = None, key: RSAKey = KEY) -> str:
    """Whatever the payload and the header are, with a right RS256 signature of `key`."""
    body = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
    covered = f"{segment(json.dumps(header or HEADER).encode())}.{segment(body)}"
    private = key.private_key
    assert isinstance(private, RSAPrivateKey)
    signature = private.sign(covered.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{covered}.{segment(signature)}"


def cause(sent: str, keys: KeySet = KEYS, expected: Expected = EXPECTED) -> str:
    with pytest.raises(GoogleRefused) as raised:
        read_identity(sent, keys, expected)
    return raised.value.cause


def saying(name: str, value: str) -> str:
    """The right claims as JSON, but for one whose JSON is `value`."""
    rest = json.dumps({key: kept for key, kept in RIGHT.items() if key != name})
    return f'{rest[:-1]}, "{name}": {value}}}'


def test_what_these_tests_sign_is_believed_when_it_is_right() -> None:
    assert read_identity(signed(json.dumps(RIGHT)), KEYS, EXPECTED).email == "jane@acme.com"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400], ids=lambda v: v[:9]
)
def test_a_time_that_is_no_number_of_seconds_is_refused(name: str, value: str) -> None:
    why = "expired" if name == "exp" else "not_yet_valid"
    assert cause(signed(saying(name, value))) == why


@pytest.mark.parametrize("value", ["null", "true", '"1795534200"', "[]", "{}"])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_of_another_type_is_refused(name: str, value: str) -> None:
    why = "expired" if name == "exp" else "not_yet_valid"
    assert cause(signed(saying(name, value))) == why


def test_a_time_may_have_a_fraction() -> None:
    right = signed(saying("exp", f"{SECONDS + 0.5}"))
    assert read_identity(right, KEYS, EXPECTED).email == "jane@acme.com"


def test_the_leeway_is_a_minute_to_the_second() -> None:
    assert LEEWAY_SECONDS == 60
    last = replace(EXPECTED, now=NOW + timedelta(seconds=3600 + 59))
    assert read_identity(token(), KEYS, last).email == "jane@acme.com"
    late = replace(EXPECTED, now=NOW + timedelta(seconds=3600 + 60))
    assert cause(token(), expected=late) == "expired"


@pytest.mark.parametrize("name", ["iss", "aud", "nonce", "sub", "email", "email_verified"])
@given(value=JSON)
@settings(deadline=None, max_examples=25)
def test_no_other_value_of_a_claim_that_counts_is_believed(name: str, value: Any) -> None:
    assume(value is not True if name == "email_verified" else value != RIGHT[name])
    # Of subject and address any text is one; whose it is, is not for the token to prove.
    assume(name not in ("sub", "email") or not isinstance(value, str) or not value)
    assert cause(signed(saying(name, json.dumps(value))))


@pytest.mark.parametrize("name", ["iss", "aud", "nonce"])
def test_text_that_is_no_unicode_is_refused_like_any_other(name: str) -> None:
    assert cause(signed(saying(name, '"\\ud800"'))).startswith("wrong_")


@pytest.mark.parametrize("value", ["5", "null", "[]", '{"a": 1}', "true"])
@pytest.mark.parametrize("name", ["name", "hd"])
def test_a_name_or_domain_that_is_no_text_is_as_if_there_were_none(name: str, value: str) -> None:
    identity = read_identity(signed(saying(name, value)), KEYS, EXPECTED)
    assert (identity.name, identity.hosted_domain) == (None, None)


def test_the_issuer_is_the_one_that_was_discovered_and_the_subject_is_whole() -> None:
    identity = read_identity(signed(json.dumps(RIGHT)), KEYS, EXPECTED)
    assert identity == Identity(EXPECTED.issuer, RIGHT["sub"], "jane@acme.com")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"{",
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_a_payload_that_is_no_object_is_refused_although_it_is_signed(payload: bytes) -> None:
    assert cause(signed(payload)) == "bad_signature"


@pytest.mark.parametrize("payload", ['{"iss":' * 10_000, "[" * 50_000, '{"iss":' * 200_000])
def test_a_payload_that_is_nested_too_deep_is_refused(payload: str) -> None:
    assert cause(signed(payload)) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "one"},
        {"alg": "None", "kid": "one"},
        {"alg": "", "kid": "one"},
        {"alg": None, "kid": "one"},
        {"alg": ["RS256"], "kid": "one"},
        {"alg": "PS256", "kid": "one"},
        {"alg": "RS384", "kid": "one"},
        {"alg": "ES256", "kid": "one"},
        {"alg": "HS256", "kid": "one"},
        {"kid": "one"},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "crit": ["made-up"], "made-up": 1},
        {**HEADER, "b64": False, "crit": ["b64"]},
        {**HEADER, "kid": 5},
        {**HEADER, "kid": None},
        {**HEADER, "kid": ["one"]},
        ["RS256"],
        "RS256",
    ],
    ids=json.dumps,
)
def test_a_header_that_is_not_of_an_rs256_token_is_refused(header: Any) -> None:
    assert cause(signed(json.dumps(RIGHT), header)) == "bad_signature"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_our_own_key_counts_for_no_other_algorithm(algorithm: str) -> None:
    header = {"alg": algorithm, "kid": "one"}
    assert cause(jwt.encode(header, RIGHT, KEY, algorithms=[algorithm])) == "bad_signature"


def test_a_key_that_comes_with_the_token_is_not_used() -> None:
    own = {"jwk": OTHER.as_dict(private=False), "jku": "https://evil.example/certs", "x5u": "x"}
    sent = signed(json.dumps(RIGHT), {**HEADER, **own}, OTHER)
    assert cause(sent) == "bad_signature"


def test_the_public_key_is_no_shared_secret() -> None:
    header, payload = segment(json.dumps({**HEADER, "alg": "HS256"}).encode()), json.dumps(RIGHT)
    covered = f"{header}.{segment(payload.encode())}".encode()
    for secret in (KEY.as_pem(private=False), KEY.as_der(private=False)):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(covered)
        assert cause(f"{covered.decode()}.{segment(mac.finalize())}") == "bad_signature"


def test_a_key_counts_under_its_own_name_alone() -> None:
    both = KeySet([KEY, OTHER])
    sent = signed(json.dumps(RIGHT), {**HEADER, "kid": "two"})
    assert cause(sent, both) == "bad_signature"


def test_among_several_keys_the_named_one_is_used() -> None:
    sent = signed(json.dumps(RIGHT), {**HEADER, "kid": "two"}, OTHER)
    assert read_identity(sent, KeySet([KEY, OTHER]), EXPECTED).email == "jane@acme.com"
    with pytest.raises(InvalidKeyIdError):
        read_identity(sent, KEYS, EXPECTED)


def test_a_token_of_other_than_three_parts_is_refused() -> None:
    right = token()
    header, payload, signature = right.split(".")
    for sent in (
        payload,
        f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{right}.",
        f"{right}.{signature}",
        f"{right}.{payload}.{signature}",
        f" {right}",
        f"{right}\n",
        f"{right}\0",
        f"{right}=",
        json.dumps({"payload": payload, "protected": header, "signature": signature}),
    ):
        assert cause(sent) == "bad_signature", sent[-20:]


@given(st.integers(1, 342), st.sampled_from("ABCabc019-_"))
@settings(deadline=None, max_examples=40)
def test_no_altered_signature_is_believed(from_end: int, other: str) -> None:
    # The last character carries two bits that count for nothing.
    right = token()
    place = len(right) - 1 - from_end
    assume(right[place] not in (other, "."))
    assert cause(f"{right[:place]}{other}{right[place + 1 :]}") == "bad_signature"


@given(payload=JSON, header=JSON)
@settings(deadline=None, max_examples=60)
def test_no_nonsense_is_believed_whoever_signed_it(payload: Any, header: Any) -> None:
    for sent in (signed(json.dumps(payload)), signed(json.dumps(RIGHT), header)):
        if sent == signed(json.dumps(RIGHT)):
            continue
        with pytest.raises((GoogleRefused, InvalidKeyIdError)):
            read_identity(sent, KEYS, EXPECTED)
