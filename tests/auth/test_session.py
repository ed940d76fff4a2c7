"""The platform's session token: what is believed, and what never is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import OctKey

from portal.auth.session import LONGEST_TOKEN, Claims, new_claims, session_id, sign, verify
from portal.errors import SignInNeeded

SECRET = "a-secret-of-the-tests-that-is-long-enough-to-sign-with"
OTHER = "another-secret-of-the-tests-that-is-long-enough-too"
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
LATER = NOW.timestamp() + 3600


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def forged(header: Any, payload: Any, secret: str = SECRET, digest: str = "sha256") -> str:
    """A token made by hand, with a good signature over whatever it says."""
    signed = f"{encoded(written(header))}.{encoded(written(payload))}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


HS256 = {"alg": "HS256", "typ": "JWT"}
PAYLOAD: dict[str, Any] = {
    "id": "ct_abc123",
    "email": "jane@acme.com",
    "name": "Jane Smith",
    "avatar": None,
    "products": ["mode"],
    "iat": int(NOW.timestamp()),
    "exp": int(LATER),
}


def is_refused(token: str, now: datetime = NOW, keys: tuple[str, ...] = (SECRET,)) -> bool:
    try:
        verify(token, keys, now)
    except SignInNeeded:
        return True
    return False


def claims(**changes: Any) -> Claims:
    fields: dict[str, Any] = {
        "subject": "ct_abc123",
        "email": "jane@acme.com",
        "name": "Jane Smith",
        "avatar": None,
        "products": ["mode"],
        "now": NOW,
        "lifetime": timedelta(days=7),
    }
    return new_claims(**fields | changes)


def test_what_is_signed_verifies_with_every_claim() -> None:
    made = claims(name="Jane", avatar="https://x.example/a.png", products=["mode", "signal"])
    session = verify(sign(made, SECRET), [SECRET], NOW)
    assert session.claims == made
    assert session.claims.exp - session.claims.iat == 7 * 86_400
    assert session.claims.holds("mode")
    assert session.claims.holds("signal")


def test_two_sessions_are_never_the_same_one() -> None:
    one, other = claims(), claims()
    assert one.jti != other.jti
    assert session_id(sign(one, SECRET)) != session_id(sign(other, SECRET))


def test_a_sign_out_in_the_same_second_moves_the_next_session_past_it() -> None:
    second = int(NOW.timestamp())
    assert claims(not_before=second + 1).iat == second + 1
    assert claims(not_before=5).iat == second


def test_a_token_of_another_portal_with_the_same_secret_is_believed() -> None:
    session = verify(forged(HS256, PAYLOAD), [SECRET], NOW)
    assert (session.claims.id, session.claims.jti) == ("ct_abc123", None)
    with_more = PAYLOAD | {"role": "super_admin", "permissions": {"a": 1}, "company_id": "co_9"}
    found = verify(forged({"alg": "HS256"}, with_more), [SECRET], NOW).claims
    assert not hasattr(found, "role")
    assert not hasattr(found, "company_id")


def test_ours_is_readable_to_a_verifier_that_takes_bytes_for_characters() -> None:
    name = "Zoë Müller-Łukasz 🎈"
    token = sign(claims(name=name), SECRET)
    body = token.split(".")[1]
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert raw.isascii()
    assert json.loads(raw.decode("latin-1"))["name"] == name
    assert verify(token, [SECRET], NOW).claims.name == name


def test_ours_has_the_platforms_header_and_no_padding() -> None:
    token = sign(claims(), SECRET)
    head = token.split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == HS256
    assert "=" not in token
    signed, _, signature = token.rpartition(".")
    good = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    assert signature == encoded(good)


def test_a_non_ascii_name_of_another_portal_survives() -> None:
    payload = json.dumps(PAYLOAD | {"name": "Zoë"}, ensure_ascii=False).encode()
    assert verify(forged(HS256, payload), [SECRET], NOW).claims.name == "Zoë"


# Another implementation (joserfc, which nothing of the session uses)


@given(
    name=st.text(max_size=100),
    products=st.lists(st.text(max_size=10), max_size=5),
    secret=st.text(min_size=14, max_size=80),
)
@settings(deadline=None)
def test_another_implementation_reads_what_we_sign(
    name: str, products: list[str], secret: str
) -> None:
    made = claims(name=name, products=products)
    read = jws.deserialize_compact(sign(made, secret), OctKey.import_key(secret), ["HS256"])
    assert read.headers() == HS256
    said = json.loads(read.payload)
    assert (said["name"], said["products"], said["exp"]) == (name, products, made.exp)
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(sign(made, secret), OctKey.import_key(OTHER), ["HS256"])


@given(
    name=st.text(max_size=100),
    secret=st.text(min_size=14, max_size=80),
    header=st.fixed_dictionaries({"alg": st.just("HS256")}, optional={"kid": st.text(max_size=20)}),
)
@settings(deadline=None)
def test_we_read_what_another_implementation_signs(
    name: str, secret: str, header: dict[str, Any]
) -> None:
    payload = json.dumps(PAYLOAD | {"name": name})
    token = jws.serialize_compact(header, payload, OctKey.import_key(secret), ["HS256"])
    assert verify(token, [OTHER, secret], NOW).claims.name == name
    assert is_refused(token, keys=(OTHER,))


# Keys


def test_no_secret_signs_nothing_and_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="secret"):
        sign(claims(), "")
    assert is_refused(forged(HS256, PAYLOAD, secret=""), keys=("", SECRET))
    assert not is_refused(forged(HS256, PAYLOAD), keys=("", SECRET))


def test_the_secret_before_is_still_accepted_and_no_other() -> None:
    old, new = sign(claims(), OTHER), sign(claims(), SECRET)
    assert not is_refused(old, keys=(SECRET, OTHER))
    assert not is_refused(new, keys=(SECRET, OTHER))
    assert is_refused(old, keys=(SECRET,))
    assert is_refused(new, keys=())


# The header


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ""},
        {"alg": None},
        {"alg": []},
        {"alg": {}},
        {"typ": "JWT"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "hs256"},
        {"alg": ["HS256"]},
        HS256 | {"jwk": {"kty": "oct", "k": "AAAA"}},
        HS256 | {"jku": "https://evil.example/keys"},
        HS256 | {"x5u": "https://evil.example/cert"},
        HS256 | {"x5c": ["AAAA"]},
        HS256 | {"crit": ["exp"]},
        HS256 | {"crit": 5},
        HS256 | {"b64": False, "crit": ["b64"]},
        HS256 | {"zip": "DEF"},
        HS256 | {"crit": []},
        HS256 | {"crit": None},
        HS256 | {"alg": {"alg": "HS256"}},
        HS256 | {"alg": "HS256 "},
        HS256 | {"alg": True},
        HS256 | {"typ": 5},
        HS256 | {"typ": None},
        HS256 | {"kid": ["1"]},
        HS256 | {"cty": "JWT"},
        HS256 | {"": 1},
        {"header": HS256},
        {"Alg": "HS256"},
        [HS256],
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","alg":"none"}',
        b'{"alg":"HS256","typ":["JWT"],"typ":"JWT"}',
        b'{"alg":"HS256"}{"alg":"HS256"}',
        b'{"alg":"HS256"} x',
        b'{"alg":"HS256",}',
        b"{'alg':'HS256'}",
        b'\xef\xbb\xbf{"alg":"HS256"}',
        '{"alg":"HS256"}'.encode("utf-16"),
        b'{"alg":"HS256\x00"}',
        ["alg"],
        "alg",
        5,
        None,
        b"",
        b"\xff",
        b"{",
        b"[" * 900,
    ],
    ids=lambda header: str(header)[:40],
)
def test_any_other_header_is_refused_however_well_signed(header: Any) -> None:
    assert is_refused(forged(header, PAYLOAD))


@pytest.mark.parametrize(("algorithm", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_a_longer_digest_is_refused_even_when_it_is_right(algorithm: str, digest: str) -> None:
    assert is_refused(forged({"alg": algorithm}, PAYLOAD, digest=digest))


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_another_digest_under_our_algorithms_name_is_refused(digest: str) -> None:
    assert is_refused(forged(HS256, PAYLOAD, digest=digest))


def test_a_token_without_a_signature_is_refused() -> None:
    signed = forged({"alg": "none"}, PAYLOAD).rpartition(".")[0]
    for token in (f"{signed}.", signed, f"{signed}.AA", f"{signed}..", ""):
        assert is_refused(token)


# Time


@pytest.mark.parametrize(
    "exp",
    [
        "missing",
        None,
        str(int(LATER)),
        True,
        [],
        {},
        float("nan"),
        float("inf"),
        0,
        -1,
        NOW.timestamp(),
        NOW.timestamp() - 1,
        10**400,
        1e300,
    ],
)
def test_without_an_end_that_lies_ahead_it_is_refused(exp: Any) -> None:
    payload = {k: v for k, v in (PAYLOAD | {"exp": exp}).items() if v != "missing"}
    assert is_refused(forged(HS256, payload))


def test_it_ends_with_the_second_that_it_names() -> None:
    token = sign(claims(lifetime=timedelta(seconds=10)), SECRET)
    assert not is_refused(token, NOW + timedelta(seconds=9.9))
    assert is_refused(token, NOW + timedelta(seconds=10))
    assert not is_refused(forged(HS256, PAYLOAD | {"exp": NOW.timestamp() + 0.5}))


# The payload


@pytest.mark.parametrize(
    "payload",
    [
        [],
        "x",
        None,
        {},
        b"",
        b"{",
        b"\xff",
        PAYLOAD | {"id": 5},
        PAYLOAD | {"id": None},
        PAYLOAD | {"email": ["jane@acme.com"]},
        PAYLOAD | {"iat": "now"},
        {k: v for k, v in PAYLOAD.items() if k != "id"},
        {k: v for k, v in PAYLOAD.items() if k != "email"},
        b'{"id":"a","email":"b","exp":9e9,"products":' + b"[" * 1400 + b"]" * 1400 + b"}",
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_a_payload_that_is_no_session_is_refused(payload: Any) -> None:
    assert is_refused(forged(HS256, payload))


@pytest.mark.parametrize(
    "products",
    ["mode", "mode,signal", {"mode": True}, None, 1, [], ["modeling"], ["Mode"], [["mode"]]],
)
def test_products_are_held_only_in_a_real_list(products: Any) -> None:
    session = verify(forged(HS256, PAYLOAD | {"products": products}), [SECRET], NOW)
    assert not session.claims.holds("mode")


def test_a_token_longer_than_a_cookie_can_be_is_refused() -> None:
    fits = sign(claims(name="x" * 2500), SECRET)
    assert len(fits) <= LONGEST_TOKEN == 4096
    assert not is_refused(fits)
    assert is_refused(sign(claims(name="x" * 3000), SECRET))


# Tampering


@given(st.data())
@settings(deadline=None)
def test_no_other_character_anywhere_signs_in(data: st.DataObject) -> None:
    token = forged(HS256, PAYLOAD)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="latin-1"))
    changed = token[:place] + other + token[place + 1 :]
    if changed != token:
        assert is_refused(changed)


@given(st.integers(0, 10**6), st.integers(0, 7))
@settings(deadline=None)
def test_no_bit_of_what_is_signed_can_be_turned(place: int, bit: int) -> None:
    head, payload, signature = forged(HS256, PAYLOAD).split(".")
    parts = [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in (head, payload, signature)]
    joined = bytearray(b"".join(parts))
    joined[place % len(joined)] ^= 1 << bit
    cuts = (0, len(parts[0]), len(parts[0]) + len(parts[1]), len(joined))
    pieces = [encoded(bytes(joined[a:b])) for a, b in pairwise(cuts)]
    assert is_refused(".".join(pieces))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
@settings(deadline=None)
def test_whatever_is_sent_as_a_token_is_refused_and_breaks_nothing(text: str) -> None:
    for token in (text, f"{text}.{text}.{text}", f"{encoded(text.encode('utf-8', 'replace'))}.a.b"):
        assert is_refused(token)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def respelt(part: str) -> list[str]:
    """Other texts that a lenient decoder takes for the same bytes."""
    left_over = {0: 0, 2: 4, 3: 2}[len(part) % 4]
    last = ALPHABET.index(part[-1])
    found = [part[:-1] + ALPHABET[last ^ bits] for bits in range(1, 2**left_over)]
    found += [f"{part}=", f"{part}==", f"{part}{'=' * (-len(part) % 4)}"]
    found += [
        f" {part}",
        f"{part} ",
        f"{part}\n",
        f"{part[:9]}\r\n{part[9:]}",
        f"{part[:9]}*{part[9:]}",
    ]
    return [*found, part.replace("-", "+").replace("_", "/")]


@given(st.text(max_size=12))
@settings(deadline=None)
def test_base64_counts_in_its_one_spelling(name: str) -> None:
    parts = forged(HS256, PAYLOAD | {"name": f"{name}>>>???~~~"}).split(".")
    for place, part in enumerate(parts):
        for other in respelt(part):
            pieces = [*parts[:place], other, *parts[place + 1 :]]
            if place < 2:
                # Well signed as it is written, by somebody who has the secret and spells badly.
                signed = ".".join(pieces[:2]).encode()
                pieces[2] = encoded(hmac.new(SECRET.encode(), signed, "sha256").digest())
            assert pieces == parts or is_refused(".".join(pieces))


@pytest.mark.parametrize("more", [".", ".e30", "..", " ", "\n", "\x00", "%", "A", "=", ";", ","])
def test_nothing_may_stand_before_or_after_it(more: str) -> None:
    token = forged(HS256, PAYLOAD)
    assert is_refused(token + more)
    assert is_refused(more + token)


def test_its_parts_have_one_order_and_none_is_missing() -> None:
    header, payload, signature = forged(HS256, PAYLOAD).split(".")
    for parts in (
        (payload, header, signature),
        (header, payload, payload),
        (header, header, signature),
        (header, payload, signature, signature),
        (header, payload, "", signature),
        ("", payload, signature),
        (header, "", signature),
        (header, payload, ""),
    ):
        assert is_refused(".".join(parts))


def test_the_name_of_a_session_does_not_give_the_token_away() -> None:
    token = sign(claims(), SECRET)
    name = session_id(token)
    assert len(name) == 64
    assert not any(part in name for part in token.split("."))
