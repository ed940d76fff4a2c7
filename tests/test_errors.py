"""The tree of errors: a status each, and words that may be shown to anyone."""

from __future__ import annotations

import re

import pytest

from portal import errors
from portal.errors import (
    BadInput,
    GoogleRefused,
    GoogleUnavailable,
    LinkRefused,
    NotFound,
    PortalError,
    SMApiError,
    SMApiNotFound,
    SMApiRejected,
)

STATUS_COLUMN = 30


def tree(root: type[PortalError] = PortalError) -> list[type[PortalError]]:
    """The classes of `portal.errors`, parents first."""
    children = [kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return [root, *(kind for child in children for kind in tree(child))]


def drawn() -> dict[str, int]:
    """The names in the module's drawing and the status beside each, inherited where none is.

    A number further to the right is what SM API answered, and belongs to the words.
    """
    found: dict[str, int] = {}
    above: list[tuple[int, int]] = []
    for line in (errors.__doc__ or "").splitlines():
        entry = re.match(r"( {4}[│├└─ ]*)([A-Z]\w+)(?: +(\d{3}))?", line)
        if entry is None:
            continue
        depth = len(entry[1])
        above = [(d, status) for d, status in above if d < depth]
        is_own = entry[3] is not None and entry.start(3) == STATUS_COLUMN
        status = int(entry[3]) if is_own else above[-1][1] if above else 500
        found[entry[2]] = status
        above.append((depth, status))
    return found


def test_the_drawing_in_the_module_is_the_tree() -> None:
    assert drawn() == {kind.__name__: kind.status for kind in tree()}


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_every_error_has_words_for_a_person(kind: type[PortalError]) -> None:
    assert 400 <= kind.status < 600
    for words in (kind.title, kind.default_message):
        assert words
        assert not re.search(r"SM API|token|upstream|HTTP|exception|None", words)


@pytest.mark.parametrize(
    "kind", [k for k in tree() if issubclass(k, SMApiError)], ids=lambda kind: kind.__name__
)
def test_what_went_wrong_with_sm_api_is_for_the_log_only(kind: type[SMApiError]) -> None:
    detail = "answered 500: table contacts_v2"
    if issubclass(kind, SMApiRejected):
        error: SMApiError = kind(detail, upstream_status=400, envelope={}, request_id="r")
    else:
        error = kind(detail, request_id="r")
    assert (str(error), error.detail, error.request_id) == (detail, detail, "r")
    assert error.message == SMApiError.default_message
    assert error.status == 503


def test_what_went_wrong_with_google_is_for_the_log_only() -> None:
    away = GoogleUnavailable("ConnectError: accounts.google.com")
    assert (away.detail, away.status) == ("ConnectError: accounts.google.com", 503)
    refused = GoogleRefused("domain", said="hd mismatch", account="jane@acme.com")
    assert (refused.cause, refused.said, refused.status) == ("domain", "hd mismatch", 403)
    assert away.message == GoogleUnavailable.default_message
    assert refused.message == GoogleRefused.default_message


def test_a_message_of_its_own_replaces_the_usual_one() -> None:
    assert NotFound("No such invoice.").message == "No such invoice."
    assert NotFound().message == NotFound.default_message
    assert str(BadInput("Too long.", field="title")) == "Too long."
    assert BadInput("Too long.", field="title").field == "title"


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [({"reason": "not_authorized"}, "not_authorized"), ({}, None), ({"reason": 5}, None)],
)
def test_a_rejection_gives_its_reason_if_it_has_one(
    envelope: dict[str, object], reason: str | None
) -> None:
    assert SMApiNotFound("x", upstream_status=404, envelope=envelope).reason == reason


@pytest.mark.parametrize(
    ("envelope", "message", "field"),
    [
        ({"error": "name is required", "field": "name"}, "name is required", "name"),
        ({"error": "no"}, "no", None),
        ({"error": {"deep": 1}, "field": 5}, "That was not accepted.", None),
        ({}, "That was not accepted.", None),
    ],
)
def test_a_rejection_can_be_handed_to_whoever_sent_it(
    envelope: dict[str, object], message: str, field: str | None
) -> None:
    rejected = SMApiRejected("x", upstream_status=422, envelope=envelope)
    shown = rejected.as_bad_input()
    assert isinstance(shown, BadInput)
    assert (shown.message, shown.field, shown.status) == (message, field, 422)


def test_a_refused_link_says_why_and_what_is_left() -> None:
    refused = LinkRefused("wrong_code", tries_left=2)
    assert (refused.reason, refused.tries_left, refused.status) == ("wrong_code", 2, 410)
