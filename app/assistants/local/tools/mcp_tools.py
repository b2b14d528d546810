"""The tools of an MCP server: listed when the call begins, each call in a session of its own.

A session is short, so that a server that restarts, or forgets its sessions, does not matter.
https://docs.vapi.ai/tools/mcp https://modelcontextprotocol.io
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.assistants.local.tools.definitions import Tool
from app.assistants.local.tools.messages import read_messages
from app.assistants.local.tools.reading import schema_of
from app.assistants.local.tools.replies import sentence, text_of_result
from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run, ToolFailed
from app.domain.assistant.fields import object_of, objects_of, text_of
from app.net.authentication import behind
from app.net.headers import FRAMING, header_problem
from app.net.httpx_client import Client, make_client
from app.net.threads import run_in_thread
from providers.common import foreign_json

if TYPE_CHECKING:
    import httpx2
    from mcp import Client as McpClient

# Of the list, which the conversation does not wait for.
LIST_SECONDS = 10.0
CONNECT_SECONDS = 5.0
MOST_PAGES = 10
MOST_TOOLS = 64
# Characters of one tool that the model gets with every request.
MOST_DESCRIPTION = 1024
MOST_SCHEMA = 16_000
MOST_NAME = 64
SSE = "sse"


async def list_tools(run: Run) -> list[Tool]:
    """The tools of the server that ``run.tool`` names. Raises ``ToolFailed``."""
    found = list[Tool]()
    cursor: str | None = None
    async with _session(run, LIST_SECONDS) as session:
        for _ in range(MOST_PAGES):
            page = await session.list_tools(cursor=cursor)
            found += _usable(run.tool, page.tools)
            cursor = page.next_cursor
            if cursor is None or len(found) >= MOST_TOOLS:
                break
    return found[:MOST_TOOLS]


async def call(run: Run) -> Outcome:
    """Call one tool of the server. Raises ``ToolFailed``."""
    async with _session(run, _seconds(run.tool)) as session:
        result = await session.call_tool(run.tool.remote, dict(run.arguments))
    texts = (getattr(each, "text", None) for each in result.content)
    text = "\n".join(each for each in texts if isinstance(each, str))
    if result.is_error:
        raise ToolFailed(sentence(text or "the tool failed"), told=True)
    given = result.structured_content
    if text or given is None:
        return Outcome(text_of_result(text or "Done."), body=given or _json(text))
    return Outcome(text_of_result(given), body=given)


def name_beside(taken: Mapping[str, Tool], tool: Tool, server: Tool) -> str | None:
    """A name that no other tool has: its own, else with the server's before it."""
    own = re.sub(r"[^a-zA-Z0-9_-]", "_", tool.remote, flags=re.ASCII)[:MOST_NAME]
    names = (own, f"{server.name}_{own}"[:MOST_NAME])
    return next((name for name in names if name and name not in taken), None)


@asynccontextmanager
async def _session(run: Run, seconds: float) -> AsyncIterator[McpClient]:
    """A session with the server, at an address that the policy lets pass.

    Every error of the block, and the end of its time, is a ``ToolFailed``.
    """
    try:
        async with asyncio.timeout(seconds):
            # Its import takes a second of processor time.
            sdk: Any = await run_in_thread(lambda: importlib.import_module("mcp"))
            async with _transport(run, seconds) as transport, sdk.Client(transport) as session:
                yield session
    except ToolFailed:
        raise
    except TimeoutError as error:
        raise ToolFailed("the MCP server did not answer in time") from error
    except Exception as error:
        raise ToolFailed(f"the MCP server failed: {_first(error)}"[:300]) from error


@asynccontextmanager
async def _transport(run: Run, seconds: float) -> AsyncIterator[Any]:
    """Streamable HTTP, or SSE where ``metadata.protocol`` says so."""
    server = run.tool.server
    if server is None:
        raise ToolFailed("the tool has no server.url")
    # The model must not choose the host, nor who gets the headers.
    url, own = run.fixed(server.url), dict(_headers(run))
    credential_id = server.policy.get("credentialId")
    signer = await run.call_context.signer(credential_id) if credential_id else None

    def client(
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> Client:
        made = make_client(
            seconds,
            run.call_context.addresses,
            connect_seconds=CONNECT_SECONDS,
            retries=False,
            proxies=False,
            signer=behind(signer, own),
        )
        made.headers.update({**(headers or {}), **own})
        return made

    if text_of(object_of(run.tool.json, "metadata"), "protocol") == SSE:
        sse: Any = importlib.import_module("mcp.client.sse")
        yield sse.sse_client(url, httpx_client_factory=client)
        return
    http: Any = importlib.import_module("mcp.client.streamable_http")
    async with client() as opened:
        yield http.streamable_http_client(url, http_client=opened)


def _headers(run: Run) -> Iterator[tuple[str, str]]:
    """The server's headers, with templates filled. Raises ``ToolFailed``."""
    server = run.tool.server
    if server is None:
        return
    for name, given in server.headers.items():
        value = run.fixed(str(given))
        problem = header_problem(name, value)
        if problem:
            raise ToolFailed(f"the header {name[:40]} {problem}")
        if name.lower() not in FRAMING:
            yield name, value
    if server.secret:
        yield "X-Vapi-Secret", server.secret


def _usable(server: Tool, listed: list[Any]) -> Iterator[Tool]:
    """The listed tools in our shape. One whose schema is too large for a model is left out."""
    own = {text_of(each, "name"): each for each in objects_of(server.json, "toolMessages")}
    for each in listed:
        if len(json.dumps(each.input_schema)) > MOST_SCHEMA:
            continue
        messages = server.messages
        if each.name in own:
            messages = tuple(read_messages(own[each.name]))
        yield replace(
            server,
            name=each.name,
            remote=each.name,
            description=(each.description or each.title or each.name)[:MOST_DESCRIPTION],
            parameters=schema_of(each.input_schema),
            messages=messages,
        )


def _seconds(tool: Tool) -> float:
    policy = tool.server.policy if tool.server else {}
    return float(policy.get("timeoutSeconds") or SERVER_SECONDS)


def _json(text: str) -> Any:
    try:
        return foreign_json.parse(text.encode())
    except ValueError:
        return text


def _first(error: BaseException) -> str:
    """The first error of a group: the SDK's tasks raise groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
