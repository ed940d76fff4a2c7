"""Choosing on the account page what to be mailed about; client admins alone."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of, viewer_of
from portal.domain.notices import DAYS_AHEAD, USUAL_DAYS, Choice, chosen, read_wish
from portal.env import env_of
from portal.errors import StateUnavailable
from portal.notices.choices import Choices
from portal.submitted import submitted

SAVED = "/account?notices=saved#notices"


@dataclass(frozen=True)
class NoticesForm:
    """The form as it stands: the names of the kinds that are on, and the days ahead."""

    kinds: frozenset[str]
    days_ahead: int
    choices: tuple[int, ...]
    saved: bool


async def notices_form(request: Request) -> NoticesForm | None:
    """The viewer's form, None for those who see no money, and while their choice cannot be read."""
    viewer = viewer_of(request)
    if not viewer.sees_money:
        return None
    try:
        choice = await choice_of(request)
    except StateUnavailable:
        return None
    return NoticesForm(
        kinds=frozenset(kind.value for kind in choice.kinds),
        days_ahead=choice.days_ahead or USUAL_DAYS,
        choices=DAYS_AHEAD,
        saved=request.query_params.get("notices") == "saved",
    )


async def choice_of(request: Request) -> Choice:
    """What the viewer chose so far, as it is kept."""
    return await Choices(env_of(request).state).of(viewer_of(request).contact_id)


async def choose_notices(request: Request) -> Response:
    """POST /account/notices `{new, due_soon, days_ahead, overdue}`, each kind `1` or absent.

    Raises RoleNotAllowed for those who are no admins, BadInput, and SMApiError when it cannot be
    known which invoices are old news already.
    """
    access, choices = access_of(request), Choices(env_of(request).state)
    # Whoever sees no invoices is refused here.
    invoices = await access.invoices()
    wish = read_wish(await submitted(request))
    contact_id = access.viewer.contact_id
    choice = chosen(wish, await choices.of(contact_id), access.today(), invoices)
    await choices.keep(contact_id, choice)
    return RedirectResponse(SAVED, status_code=303)
