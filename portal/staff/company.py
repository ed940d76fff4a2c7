"""/staff/companies/{id}: one client, its people, and who of them sees what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from portal.env import env_of
from portal.staff.contact import staff_only
from portal.staff.who_sees_what import ROLES, who_sees_what
from portal.templating import render


async def company_page(request: Request) -> Response:
    """GET /staff/companies/{id}. Raises Forbidden for clients, NotFound for another product's."""
    env, access = env_of(request), staff_only(request)
    company = await access.record("companies", request.path_params["id"])
    found = await access.records("contacts", {"company_id": company["id"]})
    people = [person for person in found if person.get("company_id") == company["id"]]
    return render(
        request,
        "staff/company.html",
        {
            "company": company,
            "people": people,
            "sights": await who_sees_what(env, access, company, people),
            "roles": ROLES,
        },
    )
