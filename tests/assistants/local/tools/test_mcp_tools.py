"""A real MCP server, over each transport: its tools are listed, called, and bounded."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from app.assistants.local.tools import mcp_tools
from app.assistants.local.tools.definitions import Message, ToolMessageType
from app.assistants.local.tools.run import ToolFailed
from app.net.authentication import Bearer
from tests.assistants.local.tools.running import run_of
from tests.clock import in_real_time


def program() -> MCPServer:
    made = MCPServer("shop")

    @made.tool(description="Adds two numbers.")
    def add(a: int, b: int) -> int:
        return a + b

    @made.tool()
    def fail() -> str:
        raise ToolError("the shop is closed")

    @made.tool(description="x" * 5000)
    def greet(name: str) -> str:
        return f"Hello {name}"

    return made


@contextmanager
def served(protocol: str, headers: list[str] | None = None) -> Iterator[str]:
    """The server's URL. ``headers``: gets the ``Authorization`` of each request."""
    shop = program().sse_app() if protocol == "sse" else program().streamable_http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if headers is not None and scope["type"] == "http":
            headers.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        await shop(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/{'sse' if protocol == 'sse' else 'mcp'}"
    running.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module", params=["shttp", "sse"])
def server(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    with served(request.param) as url:
        yield {
            "type": "mcp",
            "server": {"url": url, "headers": {"x-key": "{{key}}"}},
            "metadata": {"protocol": request.param},
            "messages": [{"type": "request-start", "content": "One moment."}],
            "toolMessages": [{"name": "greet", "messages": []}],
        }


@in_real_time
async def test_its_tools_are_listed_and_called(server: dict[str, Any]) -> None:
    run = run_of(server)
    listed = {tool.remote: tool for tool in await mcp_tools.list_tools(run)}
    assert list(listed) == ["add", "fail", "greet"]
    assert listed["add"].description == "Adds two numbers."
    assert set(listed["add"].parameters["properties"]) == {"a", "b"}
    assert listed["add"].messages == (Message(ToolMessageType.START, "One moment.", 1.0),)
    assert listed["greet"].messages == ()
    assert len(listed["greet"].description) == mcp_tools.MOST_DESCRIPTION
    assert (await mcp_tools.call(called(server, listed["add"], a=2, b=3))).text == "5"
    assert (await mcp_tools.call(called(server, listed["greet"], name="Ann"))).text == "Hello Ann"
    with pytest.raises(ToolFailed, match="the shop is closed") as caught:
        await mcp_tools.call(called(server, listed["fail"]))
    assert caught.value.told
    with pytest.raises(ToolFailed):
        await mcp_tools.call(called(server, listed["add"], a="many"))


def called(server: dict[str, Any], tool: Any, **arguments: Any) -> Any:
    return replace(run_of(server, **arguments), tool=tool)


@in_real_time
async def test_the_model_does_not_choose_the_host() -> None:
    came = list[str]()
    with served("shttp", came) as url:
        server = {"type": "mcp", "server": {"url": url.replace("127.0.0.1", "{{host}}")}}
        run = run_of(server, {"host": "127.0.0.1"}, host="192.0.2.1", name="Ann")
        listed = {tool.remote: tool for tool in await mcp_tools.list_tools(run)}
        assert (await mcp_tools.call(replace(run, tool=listed["greet"]))).text == "Hello Ann"


@pytest.mark.parametrize("protocol", ["shttp", "sse"])
@in_real_time
async def test_its_credential_is_in_every_request(protocol: str) -> None:
    came = list[str]()
    with served(protocol, came) as url:
        named = {"url": url, "credentialId": "token"}
        given = {"type": "mcp", "server": named, "metadata": {"protocol": protocol}}
        signers = {"token": Bearer({"type": "bearer", "token": "t"})}
        assert await mcp_tools.list_tools(run_of(given, {}, signers))
        assert len(came) > 1
        assert set(came) == {"Bearer t"}
        before = len(came)
        with pytest.raises(ToolFailed, match="the credential does not exist"):
            await mcp_tools.list_tools(run_of(given))
        assert len(came) == before


@pytest.mark.parametrize("protocol", ["shttp", "sse"])
@in_real_time
async def test_a_dead_server_is_a_sentence(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    given = {"url": f"http://127.0.0.1:{port}/"}
    run = run_of({"type": "mcp", "server": given, "metadata": {"protocol": protocol}})
    with pytest.raises(ToolFailed, match="the MCP server failed"):
        await mcp_tools.list_tools(run)


@in_real_time
async def test_a_server_without_address_or_with_a_bad_header() -> None:
    with pytest.raises(ToolFailed, match=r"the tool has no server\.url"):
        await mcp_tools.list_tools(run_of({"type": "mcp"}))
    bad = {"url": "http://127.0.0.1:1/", "headers": {"x": "{{value}}"}}
    with pytest.raises(ToolFailed, match="the header x"):
        await mcp_tools.list_tools(run_of({"type": "mcp", "server": bad}, {"value": "a\nb"}))
