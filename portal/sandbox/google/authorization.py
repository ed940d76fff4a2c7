"""The authorization request (RFC 6749 §4.1.1): read, checked, and answered with a redirect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

CALLBACK: Final = "/auth/sso/google/callback"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class NotShowable(Exception):
    """A request whose answer must not be sent to where it says: the person is told here.

    `error` is a word such as `redirect_uri_mismatch`, its text says what is wrong.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class SentBack(Exception):
    """A request that is refused by a redirect to the client; `location` has the error."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True)
class Asked:
    """A request that can be answered."""

    client_id: str
    redirect_uri: str
    state: str | None
    nonce: str | None
    challenge: str | None

    @property
    def application(self) -> str:
        """Whom the person is about to sign in at, as the chooser names it."""
        return urlsplit(self.redirect_uri).netloc

    def answer(self, **values: str) -> str:
        """The redirect address with the answer's parameters and the client's `state`."""
        given = values if self.state is None else {**values, "state": self.state}
        return f"{self.redirect_uri}?{urlencode(given)}"

    def refusal(self, error: str, description: str) -> str:
        """The redirect address with an error (RFC 6749 §4.1.2.1)."""
        return self.answer(error=error, error_description=description)


def read_request(
    query: Mapping[str, str],
    redirects: frozenset[str],
    is_client: Callable[[str], bool],
) -> Asked:
    """The request in `query`. Raises NotShowable, or SentBack for what the client got wrong."""
    client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
    if not client_id or not is_client(client_id):
        raise NotShowable("invalid_client", "The OAuth client was not found.")
    if redirect_uri not in redirects:
        raise NotShowable("redirect_uri_mismatch", "The redirect address is none of this client's.")
    challenge = query.get("code_challenge")
    asked = Asked(client_id, redirect_uri, query.get("state"), query.get("nonce"), challenge)
    wrong = _wrong(query, challenge)
    if wrong is not None:
        raise SentBack(asked.refusal(*wrong))
    return asked


def _wrong(query: Mapping[str, str], challenge: str | None) -> tuple[str, str] | None:
    if query.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope", "scope must contain openid"
    if challenge is None:
        return None
    if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        return "invalid_request", "code_challenge must be an S256 challenge"
    return None
