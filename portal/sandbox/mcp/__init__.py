"""The MCP server of the sandbox: all CRM data as tools for agents (sm-api §8)."""

from portal.sandbox.mcp.server import McpServer

__all__ = ["McpServer"]
