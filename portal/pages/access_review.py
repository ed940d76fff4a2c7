"""The access review: a client admin goes through everybody with access, once a quarter."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.activity.access_request import access_request
from portal.activity.once import record_once
from portal.activity.outbox import Activity
from portal.auth.gate import access_of
from portal.crm.access import ACCESS_REVIEW, ClientAccess, SignInLog
from portal.crm.models import AccessEvent, AccessReview, Colleague, ReviewDetails
from portal.domain import access_review as reviewing
from portal.domain.access_review import Answer, Done, Person, Quarter
from portal.domain.team import LONGEST_NOTE, last_sign_ins
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import BadInput, NotFound, RoleNotAllowed, StateUnavailable
from portal.format import zone_of
from portal.submitted import submitted
from portal.templating import render, say

CLAIMED_FOR: Final = 86_400
"""Seconds in which the same answers from the same form are the same review."""

REMEMBERED_FOR: Final = 2 * CLAIMED_FOR
"""Seconds in which a review counts that may not have reached the CRM: longer than any claim."""

MOST_FIELDS: Final = 5000
"""One for each person of the largest company, and a few."""

FIRST: Final = "first"


@dataclass(frozen=True)
class Standing:
    """How the company's reviews stand: which one is due, if any, and the last that was done."""

    due: Quarter | None
    last: Done | None


@dataclass(frozen=True)
class Row:
    """A person on the list: since when they may enter, when they last did, what is answered."""

    person: Person
    title: str | None
    last_sign_in: datetime | None
    let_in: date | None
    choice: str
    is_missing: bool


async def review_due(request: Request) -> Quarter | None:
    """The quarter whose review this viewer should do; None when it is done, or not theirs to do.

    Raises SMApiError.
    """
    if not access_of(request).viewer.sees_money:
        return None
    return (await reviewed(request)).due


async def reviewed(request: Request) -> Standing:
    """How the reviews of the viewer's company stand, also those that are on their way to the CRM.

    Raises RoleNotAllowed for those who are no admins.
    """
    access = access_of(request)
    logged = await access.access_reviews()
    recent = await _recent(env_of(request), access.viewer)
    everything = [*logged, recent] if recent else logged
    last = reviewing.last_done(everything, zone_of(access.viewer.time_zone))
    return Standing(reviewing.due(access.today(), last), last)


async def review_in_view(env: Env, viewer: Viewer, _path: str) -> Hashable:
    """What `review_due` takes from no reading: the review that the CRM may not have yet."""
    recent = await _recent(env, viewer) if viewer.sees_money else None
    return None if recent is None else recent.id


def review_entries(viewer: Viewer, _path: str) -> tuple[str, ...]:
    """The entries of STATE that `review_in_view` reads."""
    return (_place(viewer),)


async def review(request: Request) -> Response:
    """GET /team/review. Raises RoleNotAllowed for those who are no admins."""
    return await _page(request)


async def complete_review(request: Request) -> Response:
    """POST /team/review: one activity for the review, and one request for each removal, once.

    Raises RoleNotAllowed, and NotFound for a person who is no colleague. An answer that is not
    about exactly the people with access is shown again, and nothing is recorded.
    """
    access = access_of(request)
    if not access.viewer.sees_money:
        raise RoleNotAllowed
    fields = await submitted(request, most_fields=MOST_FIELDS)
    colleagues = await access.colleagues()
    if not reviewing.chosen(fields).keys() <= {one.id for one in colleagues}:
        raise NotFound
    people = [Person.of(one) for one in _with_access(colleagues)]
    quarter = Quarter.of(access.today())
    try:
        answer = reviewing.read_answer(fields, people, access.viewer.contact_id, quarter)
    except BadInput as error:
        return await _page(request, fields, error)
    await _record(env_of(request), access, answer, fields.get("key", FIRST))
    return RedirectResponse("/team?reviewed=1", status_code=303)


async def _record(env: Env, access: ClientAccess, answer: Answer, key: str) -> None:
    """Log what was asked for, then the review, each unless this form did so already.

    Should it break off, the review is still due, and sending the form again does what is left.
    """
    viewer = access.viewer
    form = ("access-review", viewer.company_id, viewer.contact_id, key)
    for asked, person in answer.requests():
        removal = access_request(viewer, asked, person.name)
        wish = (*form, "request", person.id, asked.note)
        await record_once(env.state, env.outbox, removal, wish, seconds=CLAIMED_FOR)
    activity = Activity(
        activity_type=ACCESS_REVIEW,
        title=answer.title,
        description=answer.description,
        contact_id=viewer.contact_id,
        company_id=viewer.company_id,
        metadata=answer.as_metadata(viewer.name),
    )
    said = (*form, *answer.said())
    queued = await record_once(env.state, env.outbox, activity, said, seconds=CLAIMED_FOR)
    if queued is not None:
        await _remember(env, access, answer, queued)


async def _remember(env: Env, access: ClientAccess, answer: Answer, queued: str) -> None:
    """Keep the review where `_recent` finds it until it is certain to be in the CRM."""
    viewer, now = access.viewer, access.now()
    kept = AccessReview(
        id=queued,
        company_id=viewer.company_id,
        contact_id=viewer.contact_id,
        activity_type=ACCESS_REVIEW,
        source=viewer.product,
        metadata=ReviewDetails(
            quarter=str(answer.quarter), at=now.isoformat(), reviewer_name=viewer.name
        ),
        created_at=now,
    )
    await env.state.put(_place(viewer), msgspec.json.encode(kept), ttl=REMEMBERED_FOR)


async def _recent(env: Env, viewer: Viewer) -> AccessReview | None:
    try:
        kept = await env.state.get(_place(viewer))
    except StateUnavailable:
        # The CRM has had every review but one of the last moments.
        return None
    return msgspec.json.decode(kept, type=AccessReview) if kept else None


def _place(viewer: Viewer) -> str:
    return f"access-review:{viewer.product}:{viewer.company_id}"


async def _page(
    request: Request, typed: Mapping[str, str] | None = None, error: BadInput | None = None
) -> Response:
    access = access_of(request)
    colleagues, log, grants, standing, recent = await asyncio.gather(
        access.colleagues(),
        access.sign_ins(),
        access.access_grants(),
        reviewed(request),
        _recent(env_of(request), access.viewer),
    )
    listed, zone = _with_access(colleagues), zone_of(access.viewer.time_zone)
    let_in = {one.contact_id: _day(one, zone) for one in reversed(grants)}
    oldest = log.events[-1] if log.events and not log.is_whole else None
    return render(
        request,
        "access_review.html",
        {
            "quarter": Quarter.of(access.today()),
            "review": standing,
            "rows": _rows(listed, log, let_in, access.viewer, typed),
            "others": len(colleagues) - len(listed),
            "not_since": _day(oldest, zone) if oldest else None,
            # The id of the review before, as of an invoice's question: showing the form changes
            # nothing, and a staff preview shows the same one.
            "key": recent.id if recent else FIRST,
            "shown": reviewing.fingerprint(Person.of(one) for one in listed),
            "note": (typed or {}).get("note", ""),
            "longest_note": LONGEST_NOTE,
            "error": error,
            "error_text": say(request, error) if error else None,
            "now": access.now(),
        },
        status_code=error.status if error else 200,
    )


def _rows(
    listed: list[Colleague],
    log: SignInLog,
    let_in: Mapping[str | None, date],
    viewer: Viewer,
    typed: Mapping[str, str] | None,
) -> list[Row]:
    signed_in = last_sign_ins(log.events)
    people = [Person.of(one) for one in listed]
    answers = reviewing.chosen(typed or {})
    missing = reviewing.unanswered(typed, people, viewer.contact_id) if typed is not None else []
    return [
        Row(
            person=person,
            title=one.title,
            last_sign_in=signed_in[person.id].created_at if person.id in signed_in else None,
            let_in=let_in.get(person.id),
            choice=answers.get(person.id, ""),
            is_missing=person in missing,
        )
        for one, person in zip(listed, people, strict=True)
    ]


def _with_access(colleagues: list[Colleague]) -> list[Colleague]:
    return [one for one in colleagues if one.portal_access == 1]


def _day(event: AccessEvent, zone: tzinfo) -> date:
    return event.created_at.astimezone(zone).date()
