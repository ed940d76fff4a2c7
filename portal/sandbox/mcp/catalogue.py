"""Every tool there is, in the order in which they are listed."""

from __future__ import annotations

from typing import Any

from portal.sandbox.mcp.lead_tool import lead_tool
from portal.sandbox.mcp.overview import overview_tool
from portal.sandbox.mcp.record_tools import record_tools
from portal.sandbox.mcp.schemas import arguments_schema, list_of, object_schema
from portal.sandbox.mcp.search import search_tool
from portal.sandbox.mcp.tool import Call, Tool, read_arguments
from portal.sandbox.pipelines import PIPELINES
from portal.sandbox.resources import RESOURCES


def all_tools() -> tuple[Tool, ...]:
    """The tools: those over several resources, then each resource's own."""
    each = [tool for resource in RESOURCES for tool in record_tools(resource)]
    return (search_tool(), overview_tool(), *each, lead_tool(), _pipelines_tool())


def _pipelines_tool() -> Tool:
    text = {"type": "string"}
    stage = object_schema(key=text, label=text)
    pipeline = object_schema(id=text, label=text, owner=text, entity=text, stages=list_of(stage))

    def act(call: Call) -> dict[str, Any]:
        read_arguments((), call.arguments)
        return {"items": list(PIPELINES)}

    return Tool(
        name="list_pipelines",
        title="List pipelines",
        description=(
            "List the pipelines that deals move through, with the keys of their stages in order. "
            "Use it before create_deal or update_deal sets a stage."
        ),
        takes=arguments_schema(()),
        gives=object_schema(items=list_of(pipeline)),
        act=act,
    )
