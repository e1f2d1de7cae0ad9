"""A coding agent's side: tools of the studio over MCP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult


@asynccontextmanager
async def session(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[ClientSession]:
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{url}gradio_api/mcp/", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


async def called(
    url: str, tool: str, arguments: dict[str, Any], headers: Mapping[str, str] | None = None
) -> CallToolResult:
    async with session(url, headers) as agent:
        return await agent.call_tool(tool, arguments)
