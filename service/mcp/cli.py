"""``troika mcp``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import CollectionOption
from ingest.optional import require
from ingest.settings import load_settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from service.mcp.knowledge import Knowledge

mcp_app = typer.Typer(add_completion=False)


@mcp_app.command()
def mcp(
    collection: CollectionOption = None,
    url: Annotated[str | None, typer.Option(help="A running server, asked in place of this process.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="MCP_API_KEY", help="API key for the server at --url.")
    ] = None,
) -> None:
    """Offer search and answers to language models as tools (Model Context Protocol, over stdio)."""
    require("mcp", extra="mcp")
    from service.mcp.knowledge import own_knowledge, served_knowledge

    if url is None:
        settings = load_settings()
        asyncio.run(_serve(own_knowledge(settings, collection or settings.collection)))
    else:
        asyncio.run(_serve(served_knowledge(url, key, collection)))


async def _serve(opening: AbstractAsyncContextManager[Knowledge]) -> None:
    from service.mcp.tools import tool_server

    async with opening as knowledge:
        await tool_server(knowledge).run_stdio_async()
