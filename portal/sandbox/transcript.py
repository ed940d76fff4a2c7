"""`POST /api/activities/transcript`: a conversation becomes an activity (sm-api §6).

The contract's field list is cut after `contact_ids`; those that follow it here are ours, as are the
ways to find speakers and the summary, which is picked from the text and invents nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.api import caller_of, store_of, write_once
from portal.sandbox.envelope import Answer, invalid
from portal.sandbox.fields import Field, Kind, Resource
from portal.sandbox.query import find_record, list_records
from portal.sandbox.resources import ACTIVITIES, CONTACTS
from portal.sandbox.scope import Scope
from portal.sandbox.transcript_summary import picked, summary_text
from portal.sandbox.transcript_text import Speaker, passages, plain, speakers
from portal.sandbox.validation import validate
from portal.sandbox.write import create_record

MOST_CONTACTS: Final = 2000
TITLE: Final = "Call transcript"

TRANSCRIPT: Final = Resource(
    name="transcript",
    singular="transcript",
    prefix="act",
    fields=(
        Field("transcript", Kind.LONG_TEXT, required=True),
        Field("contact_ids", Kind.TEXTS, refers_to="contacts"),
        Field("company_id", Kind.REFERENCE, refers_to="companies"),
        Field("engagement_id", Kind.REFERENCE, refers_to="engagements"),
        Field("title", longest=900),
        Field("source"),
        Field("product", Kind.PRODUCT),
    ),
)


def routes() -> list[BaseRoute]:
    """The one route."""
    return [Route("/api/activities/transcript", Transcript)]


class Transcript(HTTPEndpoint):
    """A class, so that a GET is refused here and not read as the activity named `transcript`."""

    async def post(self, request: Request) -> Response:
        """Take a transcript in."""
        caller, store = caller_of(request), store_of(request)
        return await write_once(
            request,
            caller,
            lambda connection, body: _keep(connection, caller.scope, body, store.now()),
        )


@dataclass(frozen=True)
class _Reading:
    """What was found in a transcript: the speakers as they are shown, whom it is linked to."""

    speakers: list[dict[str, Any]]
    contact_ids: list[str]
    summary: str


def _keep(connection: Connection, scope: Scope, body: Mapping[str, Any], now: str) -> Answer:
    given = validate(TRANSCRIPT, body, creating=True)
    reading = _read(connection, scope, given)
    found = {
        "speakers": reading.speakers,
        "contact_ids": reading.contact_ids,
        "summary": reading.summary,
    }
    activity = {
        "activity_type": "transcript",
        "title": given.get("title") or TITLE,
        "description": given["transcript"],
        "contact_id": next(iter(reading.contact_ids), None),
        "company_id": given.get("company_id"),
        "engagement_id": given.get("engagement_id"),
        # Whose an activity is, is told by its source (sm-api §6).
        "source": given.get("product") or given.get("source"),
        "metadata": {**found, "summary_kind": "extractive", **_other_source(given)},
    }
    kept = create_record(connection, ACTIVITIES, scope, activity, now)
    if reading.summary:
        summary = {
            "activity_type": "ai_summary",
            "title": f"Summary: {activity['title']}",
            "description": reading.summary,
            "source_id": kept["id"],
            "metadata": {"summary_kind": "extractive", "transcript_id": kept["id"]},
        }
        create_record(connection, ACTIVITIES, scope, {**activity, **summary}, now)
    return Answer.success({"id": kept["id"], **found}, 201)


def _other_source(given: Mapping[str, Any]) -> dict[str, str]:
    return {"source": given["source"]} if {"source", "product"} <= set(given) else {}


def _read(connection: Connection, scope: Scope, given: Mapping[str, Any]) -> _Reading:
    contacts = _given_contacts(connection, scope, given.get("contact_ids") or ())
    linked = list(contacts)
    contacts |= _contacts_of(connection, scope, given.get("company_id"))
    names = _by_name(contacts.values())
    spoken = passages(given["transcript"])
    heard = speakers(spoken)
    shown = [_shown(speaker, names.get(plain(speaker.name))) for speaker in heard]
    linked += [speaker["contact_id"] for speaker in shown if "contact_id" in speaker]
    return _Reading(shown, list(dict.fromkeys(linked)), summary_text(picked(spoken)))


def _given_contacts(
    connection: Connection, scope: Scope, contact_ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for contact_id in contact_ids:
        contact = find_record(connection, CONTACTS, scope, contact_id)
        if contact is None:
            raise invalid("contact_ids", "there is no such contact")
        found[contact_id] = contact
    return found


def _contacts_of(
    connection: Connection, scope: Scope, company_id: str | None
) -> dict[str, Mapping[str, Any]]:
    if company_id is None:
        return {}
    own = {"company_id": company_id}
    return {
        contact["id"]: contact
        for contact in list_records(connection, CONTACTS, scope, own, limit=MOST_CONTACTS)
    }


def _by_name(contacts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Contact ids by full name, e-mail address and first name; what two share names nobody."""
    exact: dict[str, set[str]] = {}
    first: dict[str, set[str]] = {}
    for contact in contacts:
        full_name = plain(contact["full_name"] or "")
        first_name = plain(contact["first_name"] or "") or full_name.partition(" ")[0]
        for name in {full_name, plain(contact["email"] or "")}:
            exact.setdefault(name, set()).add(contact["id"])
        first.setdefault(first_name, set()).add(contact["id"])
    return {
        name: next(iter(ids)) for name, ids in {**first, **exact}.items() if name and len(ids) == 1
    }


def _shown(speaker: Speaker, contact_id: str | None) -> dict[str, Any]:
    known = {} if contact_id is None else {"contact_id": contact_id}
    return {"name": speaker.name, **known, "turns": speaker.turns, "words": speaker.words}
