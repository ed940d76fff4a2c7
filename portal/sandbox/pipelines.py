"""The deal pipelines (sm-api §6): names are documented, the stages after `negotiation` are ours."""

from __future__ import annotations

from typing import Any, Final


def _pipeline(key: str, label: str, owner: str, entity: str, *stages: str) -> dict[str, Any]:
    return {
        "id": key,
        "label": label,
        "owner": owner,
        "entity": entity,
        "stages": [{"key": s, "label": s.replace("_", " ").capitalize()} for s in stages],
    }


PIPELINES: Final = (
    _pipeline(
        "sales",
        "Sales",
        "sales@sprintmode.ai",
        "deal",
        "lead",
        "qualified",
        "proposal",
        "negotiation",
        "won",
        "lost",
    ),
    _pipeline(
        "lp_fundraise",
        "LP fundraise",
        "capital@sprintmode.ai",
        "investor",
        "identified",
        "contacted",
        "meeting",
        "committed",
        "closed",
    ),
    _pipeline(
        "sm_investors",
        "Sprint Mode investors",
        "capital@sprintmode.ai",
        "investor",
        "identified",
        "contacted",
        "meeting",
        "committed",
        "closed",
    ),
    _pipeline(
        "osma_customers",
        "OSMA customers",
        "sales@sprintmode.ai",
        "deal",
        "lead",
        "trial",
        "customer",
        "lost",
    ),
    _pipeline(
        "recruiting",
        "Recruiting",
        "people@sprintmode.ai",
        "candidate",
        "applied",
        "screening",
        "interview",
        "offer",
        "hired",
        "declined",
    ),
)
