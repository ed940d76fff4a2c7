"""The one mail that a run sends to a contact: every notice that is due, in their language."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Final
from urllib.parse import quote

from portal.crm.models import Invoice
from portal.domain.invoices import balance, totals
from portal.domain.notices import Kind, Notice
from portal.domain.viewer import Viewer
from portal.env import Env
from portal.mail import Letter
from portal.notices.unsubscribe import unsubscribe_headers, unsubscribe_link

REFERENCE_DIGITS: Final = 24


def notice_letter(
    env: Env, reader: Viewer, notices: Sequence[Notice[Invoice]], today: date
) -> Letter:
    """The mail about these notices, of which there is at least one, to this contact."""
    settings = env.settings
    origin = settings.portal_origin
    context = {
        "name": reader.name,
        "company": reader.company_name,
        "portal_name": settings.portal_name,
        "groups": _groups(notices),
        "first": notices[0],
        "count": len(notices),
        "left": {notice.invoice.id: balance(notice.invoice) for notice in notices},
        "links": {n.invoice.id: f"{origin}/invoices/{quote(n.invoice.id)}" for n in notices},
        "sums": totals([notice.invoice for notice in notices], today),
        "list_link": f"{origin}/invoices",
        "account_link": f"{origin}/account#notices",
        "stop_link": unsubscribe_link(settings, reader.contact_id),
    }
    # A line break, which an invoice's number may bring along, ends a header.
    subject = " ".join(env.templates.mail("mail/notices_subject.txt", context, reader).split())
    return Letter(
        to=reader.email,
        subject=subject,
        text=env.templates.mail("mail/notices.txt", {**context, "subject": subject}, reader),
        html=env.templates.mail("mail/notices.html", {**context, "subject": subject}, reader),
        reference=reference(reader.contact_id, notices),
        headers=unsubscribe_headers(settings, reader.contact_id),
    )


def reference(contact_id: str, notices: Sequence[Notice[Invoice]]) -> str:
    """A name for the mail that depends on whom it is for and what it tells, and nothing else."""
    told = sorted(f"{kind.value}:{n.invoice.id}" for n in notices for kind in n.kinds)
    said = "\0".join([contact_id, *told])
    return f"notices.{hashlib.sha256(said.encode()).hexdigest()[:REFERENCE_DIGITS]}"


def _groups(notices: Sequence[Notice[Invoice]]) -> list[tuple[str, list[Notice[Invoice]]]]:
    """The notices of each kind that has any, in the order of kinds."""
    of_kind = [(kind.value, [n for n in notices if n.kind is kind]) for kind in Kind]
    return [(kind, found) for kind, found in of_kind if found]
