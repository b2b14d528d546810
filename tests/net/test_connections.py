"""Every place of ours that opens a connection, and why it may.

Whatever a client's URL leads to is called by ``app.net``. A new place has to be listed here, with
its reason; a place that is gone has to leave the list.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OPENERS = re.compile(
    r"aiohttp\.\w+"
    r"|anthropic\.(Async)?Anthropic\w*"
    r"|asyncio\.open_(unix_)?connection"
    r"|boto3?\.\w+|botocore\..+|grpc\..+|redis\..+|paramiko\..+"
    r"|deepgram\.\w*Client|deepgram\.listen.*\.client"
    r"|ftplib\.\w+|smtplib\.\w+"
    r"|http\.client\.HTTPS?Connection"
    r"|httpx2?\.((Async)?(Client|HTTPTransport)|get|post|put|patch|delete|request|stream)"
    r"|httpcore2?\.\w+"
    r"|multiprocessing\.connection\.Client"
    r"|minio\.Minio"
    r"|obstore\..+"
    r"|openai\.(Async)?(Azure)?OpenAI"
    r"|pipecat\.services\.\w+(\.flux)?\.(llm|stt|tts)\.\w+Service"
    r"|pipecat\.services\..*\.Websocket\w*Service"
    r"|procrastinate\.\w+Connector"
    r"|psycopg\.connect|psycopg\.\w*Connection|psycopg_pool\.\w+Pool"
    r"|requests\.(Session|get|post|put|patch|delete|request)|requests\.adapters\.HTTPAdapter"
    r"|socket\.(create_connection|socket)"
    r"|sqlalchemy\.create_engine"
    r"|twilio\.rest\.Client|twilio\.http\.http_client\.\w+"
    r"|urllib\.request\.\w+"
    r"|urllib3\.(request|\w*PoolManager|HTTPS?ConnectionPool|ProxyManager)|urllib3\.connection.*"
    r"|vonage\.Vonage"
    r"|websockets\.(connect|((asyncio|sync|legacy)\.)?client\.(unix_)?connect)"
)
"""Names of libraries that connect, in full."""
METHODS = frozenset(
    {
        "connect_ex",
        "create_connection",
        "create_datagram_endpoint",
        "create_unix_connection",
        "open_connection",
        "sock_connect",
    }
)
"""Of an event loop or a socket, whatever it is called."""

NET = "a client of app/net, held to tests/net/contract.py"
GIVEN = "the SDK is given app/net's client"
PINNED = "pipecat's class, whose sockets app/net opens: see tests/vendors/test_engine_sockets.py"
DATABASE = "the operator's database"
CARRIER = "the carrier's API, through its SDK"
MACHINE = "this machine only"
COMMAND = "an operator's command, to the operator's own addresses"
SIMULATOR = "a simulated carrier, which calls the server under test"

PLACES: dict[str, dict[str, str]] = {
    "app/cli/demo.py": {
        "loop.connect_ex": MACHINE,  # is a port free?
        "socket.socket": MACHINE,
        "urllib3.request": MACHINE,
    },
    "app/cli/demo_talk.py": {"urllib3.request": COMMAND},  # is there a model?
    "app/cli/port.py": {"socket.socket": MACHINE},
    "app/cli/processes.py": {
        "socket.socket": MACHINE,  # is a port free?
        "urllib3.request": MACHINE,
    },
    "app/cli/scenarios/api.py": {"urllib3.PoolManager": COMMAND},
    "app/doctor/public_url.py": {"urllib3.request": COMMAND},
    "app/doctor/signatures.py": {"urllib3.PoolManager": COMMAND},
    "app/jobs/postgresql.py": {
        "procrastinate.PsycopgConnector": DATABASE,
        "psycopg_pool.AsyncConnectionPool": DATABASE,
    },
    "app/media/monitor/endpoint.py": {
        "websockets.asyncio.client.unix_connect": MACHINE,  # another process's calls
    },
    "app/net/http.py": {
        "http.client.HTTPConnection": NET,
        "socket.create_connection": NET,
        "socket.socket": NET,  # a type
    },
    "app/net/connections.py": {"socket.socket": NET},  # a type
    "app/net/httpx_client.py": {"httpx2.AsyncClient": NET},
    "app/net/websocket.py": {"websockets.asyncio.client.connect": NET},
    "app/server/worker.py": {"socket.socket": MACHINE},  # a type: what uvicorn listens on
    "app/store/blobs.py": {
        "minio.Minio": "the operator's bucket, through the pool below",
        "urllib3.PoolManager": "the operator's bucket",
    },
    "app/store/engine.py": {"sqlalchemy.create_engine": DATABASE},
    "app/store/postgresql.py": {
        "psycopg.AsyncConnection": DATABASE,
        "psycopg.Connection": DATABASE,
    },
    "app/vendors/anthropic/llm.py": {
        "anthropic.AsyncAnthropic": GIVEN,
        "pipecat.services.anthropic.llm.AnthropicLLMService": GIVEN,
    },
    "app/vendors/assembly_ai/stt.py": {
        "pipecat.services.assemblyai.stt.AssemblyAISTTService": PINNED,
    },
    "app/vendors/azure/llm.py": {
        "openai.AsyncAzureOpenAI": GIVEN,
        "openai.AsyncOpenAI": GIVEN,  # a type
    },
    "app/vendors/cartesia/tts.py": {"pipecat.services.cartesia.tts.CartesiaTTSService": PINNED},
    "app/vendors/common/pinned_sockets.py": {
        "pipecat.services.websocket_service.WebsocketService": PINNED,
    },
    "app/vendors/common/stt_websocket.py": {
        "pipecat.services.stt_service.WebsocketSTTService": PINNED,
    },
    "app/vendors/common/tts_websocket.py": {
        "pipecat.services.tts_service.WebsocketTTSService": PINNED,
    },
    "app/vendors/deepgram/sdk_workarounds.py": {
        "deepgram.AsyncDeepgramClient": GIVEN,
        "httpx.AsyncClient": "its transport sends nothing",
        "deepgram.listen.v1.client": PINNED,  # where its sockets are given to app/net
        "pipecat.services.deepgram.stt.DeepgramSTTService": PINNED,  # a type
    },
    "app/vendors/deepgram/flux.py": {
        "pipecat.services.deepgram.flux.stt.DeepgramFluxSTTService": PINNED,
    },
    "app/vendors/deepgram/stt.py": {"pipecat.services.deepgram.stt.DeepgramSTTService": PINNED},
    "app/vendors/deepgram/tts.py": {"pipecat.services.deepgram.tts.DeepgramTTSService": PINNED},
    "app/vendors/elevenlabs/tts.py": {
        "pipecat.services.elevenlabs.tts.ElevenLabsTTSService": PINNED,
    },
    "app/vendors/gladia/stt.py": {
        "pipecat.services.gladia.stt.GladiaSTTService": PINNED,
    },
    "app/vendors/mistral/llm.py": {"pipecat.services.mistral.llm.MistralLLMService": GIVEN},
    "app/vendors/openai/llm.py": {
        "openai.AsyncOpenAI": GIVEN,
        "pipecat.services.openai.llm.OpenAILLMService": GIVEN,
    },
    "app/vendors/vapi/sdk.py": {"httpx.Client": GIVEN},
    "app/vendors/rime/tts.py": {"pipecat.services.rime.tts.RimeTTSService": PINNED},
    "providers/common/tls_adapter.py": {"requests.adapters.HTTPAdapter": CARRIER},
    "providers/common/download.py": {
        "requests.Session": "a recording, from hosts that the carrier's adapter trusts",
    },
    "providers/simulation/media_socket.py": {"websockets.sync.client.connect": SIMULATOR},
    "providers/simulation/supervisor.py": {"websockets.sync.client.connect": SIMULATOR},
    "providers/simulation/timeline.py": {"urllib3.PoolManager": SIMULATOR},
    "providers/twilio/rest.py": {"twilio.rest.Client": CARRIER},  # a type
    "providers/twilio/sdk.py": {
        "twilio.http.http_client.TwilioHttpClient": CARRIER,
        "twilio.rest.Client": CARRIER,
    },
    "providers/vonage/sdk.py": {"vonage.Vonage": CARRIER},
}
"""By file: what it connects with, and why it may."""


def imported(tree: ast.AST) -> dict[str, str]:
    """The full name of each name that a file imports."""
    known = dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                known[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                known[each.asname or each.name] = f"{node.module}.{each.name}"
    return known


def full_name(node: ast.AST, known: dict[str, str]) -> str | None:
    """``urllib3.request`` of that expression; None where it does not begin with an import."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        before = full_name(node.value, known)
        return before and f"{before}.{node.attr}"
    return None


def openers(source: str) -> set[str]:
    """What a file connects with."""
    tree = ast.parse(source)
    known = imported(tree)
    names = set(known.values())
    for node in ast.walk(tree):
        name = full_name(node, known)
        if name is not None:
            names.add(name)
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            names.add(f"loop.{node.attr}")
    return {name for name in names if OPENERS.fullmatch(name) or name.startswith("loop.")}


def test_every_place_that_connects_has_its_reason() -> None:
    found = dict[str, set[str]]()
    for folder in ("app", "providers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if names := openers(path.read_text()):
                found[str(path.relative_to(ROOT))] = names
    assert found == {path: set(reasons) for path, reasons in PLACES.items()}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import aiohttp\naiohttp.ClientSession()", "aiohttp.ClientSession"),
        ("from httpx2 import AsyncClient", "httpx2.AsyncClient"),
        ("import httpx2 as h\nh.get('x')", "httpx2.get"),
        ("import requests\nrequests.post('x')", "requests.post"),
        ("import urllib.request\nurllib.request.urlopen('x')", "urllib.request.urlopen"),
        ("def f():\n    from urllib.request import urlopen", "urllib.request.urlopen"),
        ("import asyncio\nasyncio.open_connection('x', 1)", "asyncio.open_connection"),
        ("async def f(loop):\n    await loop.create_connection(g)", "loop.create_connection"),
        ("from websockets.asyncio.client import connect", "websockets.asyncio.client.connect"),
        ("import socket as s\ns.create_connection(('x', 1))", "socket.create_connection"),
    ],
)
def test_a_new_place_would_be_found(source: str, name: str) -> None:
    assert openers(source) == {name}
