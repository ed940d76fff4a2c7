"""The table of the portal's variables: name, how it is read, what it is, its default."""

from __future__ import annotations

import re
from typing import Final

from limits import RateLimitItem, parse_many

from portal.edge import values
from portal.edge.variables import Variable
from portal.words import msgid

GOOGLE: Final = "https://accounts.google.com/.well-known/openid-configuration"

VISIBLE_BY_DEFAULT: Final = (
    "engagement_started",
    "engagement_completed",
    "phase_started",
    "phase_completed",
    "milestone",
    "milestone_reached",
    "scan_started",
    "scan_completed",
    "report_generated",
    "deliverable_shared",
    "status_change",
    "invoice_sent",
    "invoice_paid",
    "payment_received",
)
"""Kinds of activity that are written for clients; calls, mails, notes and the like are not."""

JOURNEY_BY_DEFAULT: Final = (
    (msgid("Discovery"), ("engagement_started", "phase_started:Discovery")),
    (msgid("Scan"), ("scan_started", "phase_started:Scan", "phase_completed:Discovery")),
    (
        msgid("Results"),
        ("scan_completed", "report_generated", "phase_started:Results", "phase_completed:Scan"),
    ),
    (msgid("Build"), ("phase_started:Build", "phase_completed:Results")),
    (msgid("Run"), ("phase_started:Run", "phase_completed:Build")),
    (msgid("Reports"), ("phase_started:Reports", "phase_completed:Run")),
    (msgid("Expand"), ("phase_started:Expand", "phase_completed:Reports")),
)
"""The stages of Mode's work (sm-api §14), each with the activities that lead to it."""

POSTED_BY_DEFAULT: Final = ("report_viewed", "page_viewed", "support_request", "feedback")
"""Kinds that a client's browser may log: what they did, nothing that would speak for us."""


def rate_limits(value: object) -> tuple[RateLimitItem, ...]:
    """Limits as the `limits` library writes them, `1/minute; 5/hour`."""
    try:
        return tuple(parse_many(values.text(value)))
    except ValueError:
        raise ValueError('limits such as "1/minute; 5/hour"') from None


LONGEST_INTERVAL: Final = 20.0
"""Seconds between two looks at who still has access: taken away, it has to be gone in a minute."""


def interval(value: object) -> float:
    """Seconds, perhaps with a fraction, from 0 to 20."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,3}(\.[0-9]{1,6})?\s*", value, re.ASCII):
        value = float(value)
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 <= value <= LONGEST_INTERVAL
    ):
        raise ValueError(f"seconds from 0 to {LONGEST_INTERVAL:g}")
    return float(value)


VARIABLES: Final = (
    Variable("PRODUCT", values.slug, "The product whose portal this is: `mode`.", required=True),
    Variable("PORTAL_NAME", values.text, "The name in the header. Default: the product's."),
    Variable(
        "ACCENT", values.colour, "The product's colour, `#rrggbb`. Default: the platform's for it."
    ),
    Variable(
        "LINKS",
        values.links,
        "Further links of the menu: a name each, and an https address or a path.",
        default=(),
    ),
    Variable(
        "PORTAL_ORIGIN", values.origin, "The one origin of links and redirects.", required=True
    ),
    Variable("SUPPORT_EMAIL", values.mailbox, "Where clients write. Default: `MAIL_FROM`."),
    Variable(
        "SESSION_SECRET",
        values.signing_secret,
        "Signs sessions; the same for every portal of the platform.",
        required=True,
        secret=True,
        aliases=("JWT_SECRET",),
    ),
    Variable(
        "SESSION_SECRET_PREVIOUS",
        values.signing_secret,
        "The secret before; still accepted while it is changed.",
        secret=True,
    ),
    Variable(
        "INVOICE_CHECK_KEYS",
        values.named_secrets,
        "Keys of invoices' check codes, `id:secret`, newest first. Default: from `SESSION_SECRET`.",
        default=(),
        secret=True,
    ),
    Variable(
        "SESSION_COOKIE_DOMAIN",
        values.cookie_domain,
        "Domain that shares the session: `.sprintmode.ai`. Default: this host alone.",
    ),
    Variable(
        "SESSION_COOKIE_SAMESITE",
        values.one_of("lax", "none", "strict"),
        "`lax`, `strict`, or `none` for use inside other sites' pages (needs https).",
        default="lax",
    ),
    Variable("SESSION_DAYS", values.whole_number(1, 90), "Days that a sign-in lasts.", default=7),
    Variable(
        "SM_API_URL",
        values.web_address,
        "SM API; the service `SM_API` names it too.",
        required=True,
    ),
    Variable(
        "SM_API_CLIENT_ID", values.secret, "Service token, its id.", required=True, secret=True
    ),
    Variable(
        "SM_API_CLIENT_SECRET", values.secret, "Service token's secret.", required=True, secret=True
    ),
    Variable(
        "SM_API_KEY", values.secret, "API key that the sandbox accepts from agents.", secret=True
    ),
    Variable(
        "GOOGLE_CLIENT_ID", values.secret, "OAuth client; without it no Google button.", secret=True
    ),
    Variable("GOOGLE_CLIENT_SECRET", values.secret, "OAuth client's secret.", secret=True),
    Variable(
        "GOOGLE_DISCOVERY_URL", values.web_address, "OpenID discovery document.", default=GOOGLE
    ),
    Variable("SMTP_URL", values.smtp_address, "The mail server.", required=True),
    Variable("MAIL_FROM", values.mailbox, "The sender of our mails.", required=True),
    Variable("STAFF_DOMAINS", values.domains, "Workspace domains of staff.", default=()),
    Variable(
        "MAGIC_SESSIONS",
        values.one_of("crm", "kv"),
        "Where links are kept: `crm` (SM API) or `kv` (`STATE`).",
        default="crm",
    ),
    Variable(
        "UNTAGGED_INVOICES",
        values.one_of("hide", "show"),
        "Invoices with neither a product nor an engagement.",
        default="hide",
    ),
    Variable(
        "VISIBLE_ACTIVITIES",
        values.kinds,
        "Kinds of activity that clients see; `source:type` lets another source's through.",
        default=VISIBLE_BY_DEFAULT,
    ),
    Variable(
        "JOURNEY",
        values.stages,
        "Stages of the work in their order, each with the activities that lead to it.",
        default=JOURNEY_BY_DEFAULT,
    ),
    Variable(
        "CLIENT_ACTIVITIES",
        values.words,
        "Kinds of activity that clients' browser code may log.",
        default=POSTED_BY_DEFAULT,
    ),
    Variable(
        "ASK_LIMIT_ADDRESS",
        rate_limits,
        "How often a sign-in mail may be asked for, for one address.",
        default=tuple(parse_many("1/minute; 5/hour")),
    ),
    Variable(
        "ASK_LIMIT_CLIENT",
        rate_limits,
        "How often one network address may ask for sign-in mails.",
        default=tuple(parse_many("10/10 minutes")),
    ),
    Variable(
        "REFUSAL_LIMIT_CLIENT",
        rate_limits,
        "How many refused sign-ins of one network address become activities; all are logged.",
        default=tuple(parse_many("30/10 minutes")),
    ),
    Variable(
        "ACCESS_FRESHNESS",
        values.whole_number(1, 30),
        "Seconds that an answer of the CRM about somebody's access counts.",
        default=30,
    ),
    Variable(
        "ACCESS_READ_ONLY_AFTER",
        values.whole_number(60, 86_400),
        "Seconds without the CRM's word on somebody's access, after which they can only read.",
        default=900,
    ),
    Variable(
        "ACCESS_ENDS_AFTER",
        values.whole_number(60, 86_400),
        "Seconds without the CRM's word on somebody's access, after which their session ends.",
        default=14_400,
    ),
    Variable(
        "READ_FRESHNESS",
        interval,
        "Seconds that records of the CRM are shown without asking anew; `0` always asks.",
        default=5.0,
    ),
    Variable(
        "LIVE_INTERVAL",
        interval,
        "Seconds between two looks at what open pages show; `0` leaves them as they are.",
        default=5.0,
    ),
    Variable(
        "DELIVERY_LEASE",
        values.whole_number(3, 300),
        "Seconds after which an activity is delivered anew whose delivery was broken off.",
        default=15,
    ),
    Variable("DEFAULT_TIMEZONE", values.time_zone, "For contacts without one.", default="UTC"),
    Variable("DEFAULT_LOCALE", values.locale, "For contacts without one.", default="en_US"),
    Variable(
        "TRUSTED_PROXIES",
        values.whole_number(0, 10),
        "Proxies in front of us whose `X-Forwarded-For` entries are believed.",
        default=0,
    ),
    Variable(
        "SHUTDOWN_DELAY",
        values.whole_number(0, 60),
        "Seconds that requests are still taken after `/readyz` has said that the server stops.",
        default=0,
    ),
    Variable(
        "METRICS_TOKEN",
        values.signing_secret,
        "What `/metrics` asks for, as `Authorization: Bearer`. Default: it asks for our network.",
        secret=True,
    ),
)
