"""The ways in which the stand-in can be told to be wrong, so that relying parties can be tested."""

from __future__ import annotations

from enum import StrEnum


class Misbehaviour(StrEnum):
    """One thing that is wrong until another is chosen; all else stays right."""

    NONE = "none"
    """Nothing is wrong."""

    WRONG_ISSUER = "wrong_issuer"
    """`iss` names another provider."""

    WRONG_AUDIENCE = "wrong_audience"
    """`aud` is another client; `azp` still is the one that asked."""

    EXPIRED = "expired"
    """`iat` and `exp` are an hour and more in the past."""

    NOT_YET_VALID = "not_yet_valid"
    """`iat` and `nbf` are an hour in the future."""

    EMAIL_UNVERIFIED = "email_unverified"
    """`email_verified` is false."""

    EMAIL_VERIFIED_MISSING = "email_verified_missing"
    """There is no `email_verified`."""

    EMAIL_VERIFIED_TEXT = "email_verified_text"
    """`email_verified` is the text "true"."""

    WRONG_NONCE = "wrong_nonce"
    """`nonce` is not the one that was sent."""

    MISSING_NONCE = "missing_nonce"
    """There is no `nonce`, although one was sent."""

    ALG_NONE = "alg_none"
    """The token says `alg: none` and has no signature."""

    HS256_CLIENT_SECRET = "hs256_client_secret"  # noqa: S105 (a name, not a secret)
    """The token is signed HS256 with the client's own secret."""

    UNKNOWN_KEY = "unknown_key"
    """The token is signed with a key, and names a `kid`, that is never published."""

    ROTATED_KEY = "rotated_key"
    """The keys are rotated at each exchange: whoever fetched them before does not know the `kid`,
    whoever fetches them again does. The token is right."""

    MISSING_ID_TOKEN = "missing_id_token"  # noqa: S105 (a name, not a secret)
    """The token answer has an access token and no ID token."""

    MARKUP_IN_REDIRECT = "markup_in_redirect"
    """Every choice at the chooser comes back as an error whose description is HTML."""

    MARKUP_IN_TOKEN_ERROR = "markup_in_token_error"  # noqa: S105 (a name, not a secret)
    """The exchange is refused with an error whose description is HTML."""

    ANOTHER_SUBJECT = "another_subject"
    """`sub` is not the one that this address had before: the address was handed on."""

    MISSING_EMAIL = "missing_email"
    """There is no `email`."""

    SLOW = "slow"
    """The exchange answers rightly, after the seconds that were asked for."""

    HTTP_500 = "http_500"
    """The exchange is answered 500, with an HTML page."""
