"""What the portal itself keeps of a person: their sign-ins, last visit and calendar address."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from portal.activity.last_visits import LastVisits
from portal.auth.calendar_address import CalendarAddresses
from portal.auth.gate import viewer_of
from portal.auth.sign_ins import SignIns
from portal.env import env_of


async def kept_of(request: Request) -> dict[str, Any]:
    """The signed-in viewer's records in STATE, without anything that opens a door."""
    env, contact_id = env_of(request), viewer_of(request).contact_id
    address = await CalendarAddresses(env.state, env.settings).of(contact_id)
    return {
        "sign_ins": [one.note for one in await SignIns(env.state).of(contact_id)],
        "last_visit": await LastVisits(env.state).of(contact_id),
        "calendar_address_made_at": address.at if address else None,
    }
