"""The scheduled task: to each who chose it, one mail about what is due and was not told yet.

Any number of processes may run it at once on one STATE store; see `portal.notices.claims`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import anyio
import structlog

from portal.activity.outbox import Activity
from portal.auth.gate import access_for
from portal.auth.who import viewer_for
from portal.crm.models import Invoice
from portal.domain.notices import Notice, due_notices
from portal.domain.viewer import Viewer
from portal.env import Env
from portal.errors import SMApiError
from portal.mail import MailFailed
from portal.notices.choices import Choices
from portal.notices.claims import Claims, turn
from portal.notices.letters import notice_letter

SEND_SECONDS: Final = 120.0
"""How long a mail server may take for one mail: well within the lease of its claims."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a run: mails sent, and contacts for whom it failed and is tried again."""

    sent: int = 0
    failed: int = 0


async def send_due_notices(env: Env) -> Outcome:
    """Go through all subscribers once. One's failure is logged and stops nobody else's mail."""
    sent = failed = 0
    for contact_id in await Choices(env.state).subscribers():
        try:
            sent += await _serve(env, contact_id)
        except (SMApiError, MailFailed, TimeoutError) as error:
            failed += 1
            log.warning(
                "notice_not_sent",
                contact_id=contact_id,
                error=type(error).__name__,
                detail=str(error),
            )
        except Exception:
            failed += 1
            log.exception("notice_failed", contact_id=contact_id)
    return Outcome(sent, failed)


async def _serve(env: Env, contact_id: str) -> bool:
    """Send the contact their mail, if one is due. Raises SMApiError, MailFailed, TimeoutError."""
    async with turn(env.state, contact_id) as claims:
        if claims is None:
            return False
        reader = await _reader(env, contact_id)
        if reader is None:
            # Whoever lost access, or the role, chooses anew when they have it back.
            await Choices(env.state).forget(contact_id)
            log.info("notices_ended", contact_id=contact_id)
            return False
        access = access_for(env, reader, now=True)
        invoices, today = await access.invoices(), access.today()
        # Read last: whoever unsubscribed while the CRM was asked gets no mail any more.
        choice = await Choices(env.state).of(contact_id)
        due = due_notices(invoices, today, choice, await claims.told())
        taken = await claims.take(due)
        if taken:
            await _send(env, claims, reader, taken, today)
        return bool(taken)


async def _reader(env: Env, contact_id: str) -> Viewer | None:
    """The contact, if the CRM lets them in as an admin now. Raises SMApiError."""
    contact = await env.contacts.by_id(contact_id)
    if contact is None or env.contacts.is_staff(contact) or not env.contacts.may_enter(contact):
        return None
    reader = viewer_for(env, contact)
    return reader if reader.sees_money else None


async def _send(
    env: Env, claims: Claims, reader: Viewer, notices: list[Notice[Invoice]], today: date
) -> None:
    try:
        letter = notice_letter(env, reader, notices, today)
        with anyio.fail_after(SEND_SECONDS):
            await env.mailer.send(letter)
    except TimeoutError:
        # The server may have it: whoever comes after the lease sends it under the same name.
        raise
    except Exception:
        await claims.give_back(notices)
        raise
    await claims.settle(notices, today)
    log.info("notice_sent", contact_id=reader.contact_id, invoices=len(notices))
    await env.outbox.record(
        Activity(
            activity_type="portal_notice_sent",
            title="Mail about invoices sent",
            contact_id=reader.contact_id,
            company_id=reader.company_id,
            metadata={
                "kinds": sorted({kind.value for notice in notices for kind in notice.kinds}),
                "invoice_ids": [notice.invoice.id for notice in notices],
            },
        )
    )
