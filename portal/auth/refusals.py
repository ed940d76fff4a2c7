"""A sign-in that did not happen leaves a trace: a log line, and an activity in the CRM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from portal.activity.outbox import Activity
from portal.crm.models import Contact
from portal.env import Env

LONGEST_SAID: Final = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Refusal:
    """A sign-in that did not happen.

    `method` and `cause` are words for logs; `client` is the network address; `contact` whom it
    would have signed in, if that is known; `said` what Google said.
    """

    method: str
    cause: str
    client: str
    contact: Contact | None = None
    said: str | None = None


async def record_refusal(env: Env, refusal: Refusal) -> None:
    """Record who was refused and why, as far as it is known. Never an address that was typed.

    One network address fills the CRM with so many refusals and no more; the log and the metrics
    have them all.
    """
    contact = refusal.contact
    contact_id = contact.id if contact else None
    env.metrics.sign_in_refused(refusal.method)
    log.info(
        "sign_in_refused",
        method=refusal.method,
        cause=refusal.cause,
        contact_id=contact_id,
        said=refusal.said[:LONGEST_SAID] if refusal.said else None,
    )
    if not await env.refusal_limit.allow(refusal.client):
        return
    await env.outbox.record(
        Activity(
            activity_type="portal_login_refused",
            title="Portal sign-in refused",
            contact_id=contact_id,
            company_id=contact.company_id if contact else None,
            metadata={"method": refusal.method, "cause": refusal.cause},
        )
    )
