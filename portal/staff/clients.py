"""/staff: the clients of this product and the people of each, with who may sign in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from portal.staff.contact import staff_only
from portal.templating import render

MOST_SHOWN: Final = 50
LONGEST_QUERY: Final = 100


async def clients(request: Request) -> Response:
    """GET /staff?q=: companies whose name, or one of whose people, matches; all without `q`.

    Raises Forbidden for clients.
    """
    access = staff_only(request)
    query = request.query_params.get("q", "").strip()[:LONGEST_QUERY]
    # Whoever was not given the product yet is found by searching alone.
    searches = [{}, {"search": query}] if query else [{}]
    companies, *found_people = await asyncio.gather(
        access.records("companies", {}),
        *(access.records("contacts", search) for search in searches),
    )
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for contact in {c["id"]: c for contacts in found_people for c in contacts}.values():
        people[contact.get("company_id") or ""].append(contact)
    found = [(c, people[c["id"]]) for c in companies if _matches(query, c, people[c["id"]])]
    return render(
        request,
        "staff/clients.html",
        {"query": query, "clients": found[:MOST_SHOWN], "found_count": len(found)},
    )


def _matches(query: str, company: dict[str, Any], people: list[dict[str, Any]]) -> bool:
    wanted = query.casefold()
    texts = [company.get("name"), company.get("domain")]
    for person in people:
        texts += [person.get("full_name"), person.get("email")]
    return any(wanted in text.casefold() for text in texts if isinstance(text, str))
