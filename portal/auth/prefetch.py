"""Reading ahead: what the first page shows is asked for while the browser is on its way to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from portal.auth.gate import access_for
from portal.auth.who import viewer_for
from portal.env import Env
from portal.errors import SMApiError


async def prefetch(env: Env, contact_id: str) -> None:
    """Read for the cache what the home page of this contact needs; a failure is the page's."""
    try:
        contact = await env.contacts.by_id(contact_id)
        if contact is None or not env.contacts.may_enter(contact):
            return
        access = access_for(env, viewer_for(env, contact))
        wanted: list[Awaitable[Any]] = [access.activities(), access.journey_activities()]
        if access.viewer.sees_money:
            wanted += [access.invoices(), access.access_reviews()]
        await asyncio.gather(*wanted, return_exceptions=True)
    except SMApiError:
        return
