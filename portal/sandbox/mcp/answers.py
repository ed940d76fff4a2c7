"""From what a tool returns or refuses to what MCP sends: text, structured content, advice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import mcp_types
import msgspec

from portal.sandbox.envelope import Refusal
from portal.sandbox.fields import Field, Resource
from portal.sandbox.mcp.tool import Effect, Tool
from portal.sandbox.mcp.words import finding
from portal.sandbox.resources import BY_NAME

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def as_text(data: Any) -> str:
    """The JSON of an answer, with every digit of its numbers."""
    return _encoder.encode(data).decode()


def answered(data: dict[str, Any]) -> mcp_types.CallToolResult:
    """The result of a call that was carried out."""
    text = mcp_types.TextContent(text=as_text(data))
    return mcp_types.CallToolResult(content=[text], structured_content=structured(data))


def refused(tool: Tool, refusal: Refusal, arguments: Any) -> mcp_types.CallToolResult:
    """The result of a call that was not: what is wrong, and what to do about it."""
    text = mcp_types.TextContent(text=advice(tool, refusal, arguments))
    return mcp_types.CallToolResult(content=[text], is_error=True)


def structured(value: Any) -> Any:
    """`value` for the SDK's encoder, which would write a Decimal as a string.

    A JSON number is read as a double; one that it would not hold exactly comes as its digits.
    """
    if isinstance(value, dict):
        return {name: structured(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [structured(inner) for inner in value]
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else format(value, "f")
    return value


def advice(tool: Tool, refusal: Refusal, arguments: Any) -> str:
    """One or two sentences that end with the next step."""
    error, resource = str(refusal), tool.about
    if resource is None:
        return error
    if refusal.status == 404:
        return (
            f"no {resource.singular} {arguments.get('id')}: use {finding(resource)} to find its id"
        )
    field = _field(resource, refusal.envelope.get("field"))
    if refusal.status == 409 and tool.effect is Effect.CREATE:
        return f"{error}: find it with list_{resource.name} and use update_{resource.singular}"
    if field is not None and field.refers_to and "no such" in error:
        return f"{error}: use {finding(BY_NAME[field.refers_to])} to find its id"
    if "no such field" in error:
        return f"{error}; {tool.name} takes {', '.join(tool.takes['properties'])}"
    return error


def _field(resource: Resource, name: str | None) -> Field | None:
    return next((field for field in resource.fields if field.name == name), None)
