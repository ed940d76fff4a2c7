"""/staff/companies/{id}: one client, its people, and who of them sees what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from portal.crm.access import ACCESS_REVIEW
from portal.crm.models import AccessReview
from portal.crm.reads import decode_logged
from portal.crm.staff_access import StaffAccess
from portal.domain.access_review import Done, last_done
from portal.env import env_of
from portal.format import FALLBACK_ZONE, zone_of
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
            "last_review": await _last_review(access, company["id"]),
        },
    )


async def _last_review(access: StaffAccess, company_id: str) -> Done | None:
    """When the company's admins last went through who has access, as far as the CRM knows."""
    asked = {"company_id": company_id, "type": ACCESS_REVIEW}
    reviews = [
        decode_logged(record, AccessReview, "/api/activities")
        for record in await access.records("activities", asked)
        if record.get("company_id") == company_id
        and record.get("activity_type") == ACCESS_REVIEW
        and record.get("source") == access.staff.product
    ]
    return last_done(reviews, zone_of(FALLBACK_ZONE))
