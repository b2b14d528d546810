"""``make demo``: one call per carrier through a bridge of its own, printed and recorded.

The assistant is a keypad menu without a model, which needs no account. The calls are kept as WAV
files and transcripts. The carriers are simulators that speak the real protocols over real sockets.
A small server of this file receives the messages. All traffic stays on this machine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.dom import minidom

import urllib3

from app.private_files import make_directory
from providers.common.json_types import JsonObject
from providers.registry import SIMULATORS

DIRECTORY = Path("var/demo")
DEFAULT_PORT = 8000
START_SECONDS = 60.0
DELIVERY_SECONDS = 20.0
# Width of a rule.
SHOWN = 88
# Width of a message's summary.
STATE = 34


def run(*, once: bool) -> int:
    """Run the demo. Exit status 0: every call ended as expected and every message was delivered."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    make_directory(DIRECTORY)
    with _receiver() as server_url, _bridge(_environment(server_url)) as environ:
        _say(f"Bridge on {environ['PUBLIC_URL']}, server messages go to {server_url}")
        results = [_call(name, environ) for name in SIMULATORS]
        if once or not all(results):
            return 0 if all(results) else 1
        return _stay(environ)


def _environment(server_url: str) -> dict[str, str]:
    """Settings of the demo's bridge: its own database, accounts and secrets."""
    port = _port()
    accounts: dict[str, str] = {}
    for name in SIMULATORS:
        accounts |= _simulator(name).DEMO_ENVIRONMENT
    return {
        **os.environ,
        "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": f"sqlite:///{DIRECTORY}/patchbay.db",
        "API_KEY": f"demo-{secrets.token_urlsafe(16)}",
        "SERVER_URL": server_url,
        "SERVER_SECRET": "demo secret",
        "ALLOW_PRIVATE_SERVER_URLS": "1",
        "ASSISTANT_BACKEND": "local",
        "SETTLE_SECONDS": "1",
        "PRICE_SECONDS": "0",  # the accounts exist here only, so there is no API to ask
        "LOG_LEVEL": "WARNING",
        **accounts,
    }


def _port() -> int:
    """PORT, or 8000, or any free one when 8000 is taken."""
    if "PORT" in os.environ:
        return int(os.environ["PORT"])
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) == 0
    if not taken:
        return DEFAULT_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = int(probe.getsockname()[1])
    _say(f"port {DEFAULT_PORT} is taken; using {free} (choose with PORT=)")
    return free


def _simulator(name: str) -> ModuleType:
    return import_module(SIMULATORS[name])


@contextmanager
def _bridge(environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """The bridge as a deployment runs it, in a process of its own."""
    serve = [sys.executable, "-c", "from app.cli.main import main; main()", "serve"]
    quiet = {"GUNICORN_CMD_ARGS": "--log-level warning"}
    process = subprocess.Popen(serve, env={**environ, **quiet}, stdout=subprocess.DEVNULL)
    try:
        _wait(environ["PUBLIC_URL"] + "/readyz", process)
        yield environ
    finally:
        process.terminate()
        process.wait(timeout=40)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if urllib3.request("GET", url, retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise SystemExit("the bridge did not start; its log is above")


def _call(name: str, environ: Mapping[str, str]) -> bool:
    """Play one scenario of one carrier; print its documents, messages and final Call."""
    simulator = _simulator(name)
    scenario = simulator.SCENARIOS[simulator.DEMO]
    _rule(f"{name}: {scenario.description}")
    config = simulator.config_from_environment(environ, turns=simulator.DEMO_TURNS)
    result = simulator.run(simulator.DEMO, config, _say)
    for document in result.documents:
        _say("")
        _say(_pretty(document))
    if not result.ok:
        return False
    delivered = _messages(environ, result.call["id"])
    call = _get(environ, f"/call/{result.call['id']}")
    _rule(f"{name}: the final Call")
    _say(json.dumps(call, indent=2))
    return _keep(call, DIRECTORY / f"{name}.wav") and delivered


def _keep(call: JsonObject, recording: Path) -> bool:
    """Write the call's recording and transcript. Returns whether there is a transcript."""
    if "stereoRecordingUrl" not in call:
        _say("the call has no recording")
        return False
    recording.write_bytes(urllib3.request("GET", call["stereoRecordingUrl"]).data)
    transcript = recording.with_suffix(".txt")
    transcript.write_text(call.get("transcript", ""))
    _rule("what was said")
    _say(transcript.read_text().strip())
    _say(f"\nlisten  {recording}  (left: the caller, right: the assistant)")
    _say(f"read    {transcript}")
    return bool(transcript.read_text())


def _messages(environ: Mapping[str, str], call_id: str) -> bool:
    """Wait for the call's messages and print their deliveries. Returns whether all arrived."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while True:
        messages = _get(environ, f"/call/{call_id}/messages")
        waiting = [message for message in messages if message["state"] != "delivered"]
        reported = any(message["type"] == "end-of-call-report" for message in messages)
        if (reported and not waiting) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    _rule("server messages")
    for message in messages:
        told = message["body"]["message"]
        facts = (told.get(name) for name in ("role", "status", "endedReason", "transcript"))
        state = " ".join(filter(None, facts))[:STATE]
        tries = ", ".join(f"{a['statusCode']} in {a['durationMs']} ms" for a in message["attempts"])
        _say(f"{message['type']:<20} {state:<{STATE}} {message['state']} ({tries})")
    return reported and not waiting


def _get(environ: Mapping[str, str], path: str) -> Any:
    headers = {"Authorization": f"Bearer {environ['API_KEY']}"}
    answer = urllib3.request("GET", environ["PUBLIC_URL"] + path, headers=headers)
    return json.loads(answer.data)


def _stay(environ: Mapping[str, str]) -> int:
    _rule("the bridge stays up; Ctrl-C ends it")
    url, key = environ["PUBLIC_URL"], environ["API_KEY"]
    _say(f"URL      {url}")
    _say(f"API key  {key}")
    _say(f"docs     {url}/docs")
    _say(f"try      curl -H 'Authorization: Bearer {key}' {url}/call")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        _say("")
    return 0


class _Receiver(BaseHTTPRequestHandler):
    """The client's server: accepts every message."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: deliveries are printed with their call."""


@contextmanager
def _receiver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/messages"
    finally:
        server.shutdown()
        server.server_close()


def _pretty(document: str) -> str:
    """Indent TwiML or NCCO."""
    if document.lstrip().startswith("<"):
        # Our own document, not a client's.
        return minidom.parseString(document).toprettyxml(indent="  ").strip()  # noqa: S318
    return json.dumps(json.loads(document), indent=2)


def _rule(title: str) -> None:
    _say(f"\n== {title} ".ljust(SHOWN, "="))


def _say(line: str) -> None:
    print(line, flush=True)
