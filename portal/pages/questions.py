"""Questions about an invoice: from the client's form to an activity for our staff, once."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from portal.activity.once import record_once
from portal.activity.outbox import Activity
from portal.auth.gate import viewer_of
from portal.crm.models import Invoice
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import BadInput, StateUnavailable
from portal.words import msgid

SUPPORT_REQUEST: Final = "support_request"
LONGEST: Final = 2000
"""Characters of a question; what the CRM takes at most as a description."""

CLAIMED_FOR: Final = 86_400
"""Seconds in which the same text from the same form is the same question."""

REMEMBERED_FOR: Final = 2 * CLAIMED_FOR
"""Seconds in which a form knows the question before it: longer than any claim made from it."""

FIRST: Final = "first"


@dataclass(frozen=True)
class Form:
    """The form under an invoice: its one-time key, what was typed, and what came of it."""

    key: str
    text: str = ""
    error_text: str | None = None
    sent: bool = False


async def form_key(request: Request, invoice_id: str) -> str:
    """The key of the viewer's next question about this invoice.

    It is the id of the question before, so that showing the form changes nothing, and a staff
    preview shows the same one.
    """
    return await _key(env_of(request), _last(viewer_of(request), invoice_id))


async def question_in_view(env: Env, viewer: Viewer, path: str) -> Hashable:
    """What the form of an invoice's page takes from no reading: its key."""
    try:
        return await _key(env, *question_entries(viewer, path))
    except StateUnavailable:
        return "unknown"


def question_entries(viewer: Viewer, path: str) -> tuple[str, ...]:
    """The entries of STATE that `question_in_view` reads."""
    return (_last(viewer, path.rpartition("/")[2]),)


async def _key(env: Env, entry: str) -> str:
    last = await env.state.get(entry)
    return last.decode() if last else FIRST


def read_question(typed: str) -> str:
    """The text to send: single line ends, no control characters. Raises BadInput."""
    lines = typed.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    text = text.strip()
    if not text:
        raise BadInput(msgid("Please write your question."), field="text")
    if len(text) > LONGEST:
        raise BadInput(msgid("At most %(count)s characters, please."), field="text", count=LONGEST)
    return text


async def send_once(request: Request, invoice: Invoice, key: str, text: str) -> None:
    """Log the question for our staff, unless this text has come from this form already."""
    env, viewer = env_of(request), viewer_of(request)
    # The number is not in the title: it may be shown to colleagues who see no invoices.
    number = {"invoice_number": invoice.invoice_number} if invoice.invoice_number else {}
    activity = Activity(
        activity_type=SUPPORT_REQUEST,
        title="Question about an invoice",
        description=text,
        contact_id=viewer.contact_id,
        company_id=viewer.company_id,
        metadata={"invoice_id": invoice.id, **number},
    )
    said = ("question", viewer.contact_id, invoice.id, key, text)
    queued = await record_once(env.state, env.outbox, activity, said, seconds=CLAIMED_FOR)
    if queued is not None:
        last = _last(viewer_of(request), invoice.id)
        await env.state.put(last, queued.encode(), ttl=REMEMBERED_FOR)


def _last(viewer: Viewer, invoice_id: str) -> str:
    return f"question-before:{viewer.contact_id}:{invoice_id}"
