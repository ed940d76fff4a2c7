"""A sign-in that did not happen leaves a trace: a log line, and an activity in the CRM."""

from __future__ import annotations

import structlog

from portal.activity.outbox import Activity
from portal.crm.models import Contact
from portal.env import Env

log = structlog.get_logger(__name__)


async def record_refusal(
    env: Env, method: str, cause: str, contact: Contact | None = None, said: str | None = None
) -> None:
    """Record who was refused and why, as far as it is known. Never an address that was typed."""
    contact_id = contact.id if contact else None
    log.info("sign_in_refused", method=method, cause=cause, contact_id=contact_id, said=said)
    await env.outbox.record(
        Activity(
            activity_type="portal_login_refused",
            title="Portal sign-in refused",
            contact_id=contact_id,
            company_id=contact.company_id if contact else None,
            metadata={"method": method, "cause": cause},
        )
    )
