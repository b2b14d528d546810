"""Node programs of clients, unmodified, against a whole bridge: Vapi's MCP server and Twilio's functions.

Each is installed once (``tests/sdk/packages.py``).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import urllib3
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.bridge import KEY, Bridge, free_port
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.phone import phoning
from tests.sdk.packages import Unreachable, npm_installed, said_loudly

PROGRAMS = Path(__file__).parents[1] / "sdk"
MCP_SERVER = "@vapi-ai/mcp-server@0.0.11"
TWILIO_RUN = "twilio-run@5"
START_SECONDS = 60.0

pytestmark = [pytest.mark.any_store, pytest.mark.timeout(300)]  # the subject: the API's shapes


@pytest.fixture
def install(pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]) -> Any:
    def get(name: str, package: str) -> Path | None:
        assert pytestconfig.cache
        try:
            return npm_installed(pytestconfig.cache, name, package) / "node_modules"
        except Unreachable as error:
            said_loudly(capfd, package, error)
            return None

    return get


# ------------------------------------------------------------------ @vapi-ai/mcp-server


def test_vapis_mcp_server(bridge: Bridge, install: Any) -> None:
    modules = install("mcp-server", MCP_SERVER)
    if modules is not None:
        asyncio.run(_use_every_tool(bridge, modules / "@vapi-ai" / "mcp-server"))


async def _use_every_tool(bridge: Bridge, package: Path) -> None:
    where = {
        "VAPI_TOKEN": KEY,
        "VAPI_BASE_URL": bridge.url,
        "NODE_OPTIONS": f"--import {(PROGRAMS / 'address.mjs').as_uri()}",
    }
    server = StdioServerParameters(
        command="node", args=[str(package / "dist" / "index.js")], env={**os.environ, **where}
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        used = set[str]()

        async def use(name: str, /, **arguments: Any) -> Any:
            used.add(name)
            result = await session.call_tool(name, arguments)
            text = getattr(result.content[0], "text", "")
            assert not result.is_error, (name, text)
            return json.loads(text)

        tool = await use("create_tool", **_tool("look"))
        assert (await use("get_tool", toolId=tool["id"]))["name"] == "look"
        await use("update_tool", toolId=tool["id"], name="see")
        assert tool["id"] in [each["id"] for each in await use("list_tools")]
        made = await use("create_assistant", name="From MCP", toolIds=[tool["id"]])
        own = {"assistantId": made["id"]}
        assert (await use("get_assistant", **own))["toolIds"] == [tool["id"]]
        assert (await use("update_assistant", **own, name="Renamed"))["name"] == "Renamed"
        assert made["id"] in [each["id"] for each in await use("list_assistants")]
        number = {"phoneNumberId": bridge.number_id("twilio")}
        assert (await use("get_phone_number", **number))["status"] == "active"
        assert number["phoneNumberId"] in [each["id"] for each in await use("list_phone_numbers")]
        at = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        customer = {"number": CUSTOMER}
        call = await use("create_call", **own, **number, customer=customer, scheduledAt=at)
        assert (await use("get_call", callId=call["id"]))["status"] == "scheduled"
        assert call["id"] in [each["id"] for each in await use("list_calls")]
        assert used == {each.name for each in (await session.list_tools()).tools}


def _tool(name: str) -> dict[str, Any]:
    day = {"type": "string", "description": "The day"}
    function = {
        "parameters": {"type": "object", "properties": {"day": day}},
        "server": {"url": "https://client.example/tool"},
    }
    return {"type": "function", "name": name, "description": "Looks", "function": function}


# ------------------------------------------------------------------ twilio-run


def test_a_twilio_function_lends_its_leg(bridge: Bridge, install: Any) -> None:
    """The owner's function answers Twilio with our markup, and the assistant has the leg."""
    modules = install("twilio-run", TWILIO_RUN)
    if modules is None:
        return
    made = {"name": "echo", "transport": {"provider": "echo"}}
    settings = {
        "BRIDGE_URL": bridge.url,
        "API_KEY": KEY,
        "PHONE_NUMBER_ID": bridge.number_id("twilio"),
        "ASSISTANT_ID": bridge.api("POST", "/assistant", made, expect=201)["id"],
    }
    leg = "CA" + "7" * 32
    with functions(modules / ".bin" / "twilio-run", settings) as url:
        form = {"CallSid": leg, "From": CUSTOMER, "CallStatus": "ringing"}
        answer = bridge.http.request_encode_body(
            "POST", f"{url}/incoming", fields=form, encode_multipart=False
        )
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    markup = answer.data.decode()
    assert [verb.tag for verb in ElementTree.fromstring(markup)] == ["Connect", "Redirect"]
    calls = bridge.api("GET", f"/call?assistantId={settings['ASSISTANT_ID']}", expect=200)
    [call] = [each for each in calls if each["metadata"] == {"callSid": leg}]
    assert call["phoneCallProviderDetails"]["twiml"] == markup
    asyncio.run(_joins(call, leg))
    assert bridge.until(call["id"], "in-progress")["phoneCallProviderId"] == leg


async def _joins(call: Mapping[str, Any], leg: str) -> None:
    async with phoning("twilio", call, leg) as phone:
        phone.say("yes")
        await phone.hears(1)


@contextmanager
def functions(program: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """``twilio-run`` with the functions of ``tests/sdk``; its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory) / "project"
        shutil.copytree(PROGRAMS / "twilio_functions", project)
        (project / "package.json").write_text('{"private": true}')
        lines = [f'{name}="{value}"\n' for name, value in settings.items()]
        (project / ".env").write_text("".join(lines))
        command = [str(program), "start", "--port", str(port), "--env", ".env"]
        with (project / "log").open("wb") as log:
            running = subprocess.Popen(command, cwd=project, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/", running, project / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(timeout=20)


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    """Until a request connects. There is nothing at the address, so no function runs."""
    deadline = time.monotonic() + START_SECONDS
    http = urllib3.PoolManager()
    while time.monotonic() < deadline and running.poll() is None:
        try:
            http.request("GET", url, retries=False)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)  # between two looks at a process that is starting
        else:
            return
    raise AssertionError(log.read_text()[-2000:])
