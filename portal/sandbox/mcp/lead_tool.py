"""The tool that submits a lead: with its contact and its activity, as POST /api/leads does."""

from __future__ import annotations

from typing import Any

from portal.sandbox.fields import Writable
from portal.sandbox.leads import submit_lead
from portal.sandbox.mcp.schemas import arguments_schema, object_schema
from portal.sandbox.mcp.tool import Call, Effect, Tool
from portal.sandbox.resources import LEADS


def lead_tool() -> Tool:
    """`create_lead`."""

    def act(call: Call) -> dict[str, Any]:
        return submit_lead(call.connection, call.scope, call.arguments, call.now)

    text = {"type": "string"}
    return Tool(
        name="create_lead",
        title="Create a lead",
        description=(
            "Submit a lead: somebody who asked about our work. A contact is made when the address "
            "is new, else the known one is linked, and a lead_submitted activity is logged. "
            "Returns the ids of the lead and of its contact. Calling it twice creates two leads."
        ),
        takes=arguments_schema(
            tuple(f for f in LEADS.fields if f.writable is not Writable.NEVER), LEADS.name
        ),
        gives=object_schema(id=text, contact_id=text, submitted={"type": "boolean"}),
        act=act,
        effect=Effect.CREATE,
        about=LEADS,
    )
