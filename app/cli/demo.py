"""``make demo``: one call per carrier through a bridge of its own, printed and recorded.

The assistant is a menu without a model, which needs no account. The caller speaks by espeak-ng.
Where ``patchbay[local]`` is installed, both talk (``demo_talk.py``). The
calls are kept as WAV files and transcripts. The carriers are simulators that speak the real
protocols over real sockets. A small server of this file receives the messages. All traffic stays on
this machine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import urllib3

from app.cli import demo_report as report
from app.cli import demo_talk
from app.cli.caller_voice import caller_voice
from app.cli.demo_talk import Talk
from app.cli.processes import PATCHBAY, QUIET, STOP_SECONDS, becomes_ready, free_port
from app.private_files import make_directory
from providers.common.json_types import JsonDict, JsonObject
from providers.registry import SIMULATORS
from providers.simulation.script import Speak, turn

DIRECTORY = Path("var/demo")
DEFAULT_PORT = 8000
START_SECONDS = 60.0
DELIVERY_SECONDS = 20.0
# Until the caller has heard an answer of a model on this machine.
TALK_SECONDS = 40.0


def run(*, once: bool, verbose: bool = False) -> int:
    """Run the demo. Exit status 0: every call ended as expected and every message was delivered."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    make_directory(DIRECTORY)
    with _receiver() as server_url, _talk() as talk:
        given = {**_environment(server_url), **(talk.environment if talk else {})}
        return _run(given, server_url, talk, once=once, verbose=verbose)


@contextmanager
def _talk() -> Iterator[Talk | None]:
    """The assistant with speech; None: this machine has none, which is said."""
    if lack := demo_talk.lacks(os.environ):
        _say(f"The assistant is a keypad menu, because {lack}")
        yield None
        return
    with demo_talk.talk(os.environ) as talk:
        _say(f"The assistant talks: {talk.told}")
        yield talk


def _run(
    given: dict[str, str], server_url: str, talk: Talk | None, *, once: bool, verbose: bool
) -> int:
    with _bridge(given) as environ:
        _say(f"Bridge on {environ['PUBLIC_URL']}, server messages go to {server_url}")
        more = _talking(environ, talk) if talk else {}
        with caller_voice(demo_talk.caller if talk else None) as speak:
            results = [_call(name, environ, speak, more, verbose=verbose) for name in SIMULATORS]
        if not once and all(results):
            _links(environ)
        _say(f"\n{sum(results)} of {len(results)} calls ok")
        if not once and all(results):
            _stay()
        return 0 if all(results) else 1


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
    free = free_port()
    _say(f"port {DEFAULT_PORT} is taken; using {free} (choose with PORT=)")
    return free


def _simulator(name: str) -> ModuleType:
    return import_module(SIMULATORS[name])


@contextmanager
def _bridge(environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """The bridge as a deployment runs it, in a process of its own."""
    process = subprocess.Popen(
        (*PATCHBAY, "serve"), env={**environ, **QUIET}, stdout=subprocess.DEVNULL
    )
    try:
        if not becomes_ready(environ["PUBLIC_URL"], process, START_SECONDS):
            raise SystemExit("the bridge did not start; its log is above")
        yield environ
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _talking(environ: Mapping[str, str], talk: Talk) -> JsonDict:
    """Store the assistant. Returns what is different of a call with it."""
    headers = {"Authorization": f"Bearer {environ['API_KEY']}"}
    address = f"{environ['PUBLIC_URL']}/assistant"
    answer = urllib3.request("POST", address, json=talk.assistant, headers=headers)
    if answer.status != 201:
        raise SystemExit(f"the assistant was refused: {answer.data.decode()}")
    config = {"assistant_id": answer.json()["id"], "either_ends": True, "timeout": TALK_SECONDS}
    return {"config": config, "turns": demo_talk.TURNS, "description": demo_talk.DESCRIPTION}


def _call(
    name: str, environ: Mapping[str, str], speak: Speak, more: JsonObject, *, verbose: bool
) -> bool:
    """Play one scenario of one carrier, and print what happened. ``more``: what differs."""
    simulator = _simulator(name)
    scenario = simulator.SCENARIOS[simulator.DEMO]
    _say(report.rule(f"{name}: {more.get('description', scenario.description)}"))
    turns = tuple(turn(each, speak) for each in more.get("turns", simulator.DEMO_TURNS))
    chosen = {**more.get("config", {}), "turns": turns}
    config = simulator.config_from_environment(environ, **chosen)
    result = simulator.run(simulator.DEMO, config, _say if verbose else report.told(_say))
    if verbose:
        for document in result.documents:
            _say(f"\n{report.pretty(document)}")
    if not result.ok:
        _say(result.sentence)
        return False
    messages, delivered = _messages(environ, result.call["id"])
    call = _get(environ, f"/call/{result.call['id']}")
    for line in report.of_messages(messages) if verbose else report.counted(messages):
        _say(line)
    if verbose:
        _say(report.rule(f"{name}: the final Call (its links work while the bridge runs)"))
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
    _say("")
    _say(transcript.read_text().strip())
    _say(f"\nlisten  {recording}  (left: the caller, right: the assistant)")
    _say(f"read    {transcript}")
    return bool(transcript.read_text())


def _messages(environ: Mapping[str, str], call_id: str) -> tuple[Sequence[JsonObject], bool]:
    """Wait for the deliveries of the call's messages. Returns them, and whether all arrived."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while True:
        messages = _get(environ, f"/call/{call_id}/messages")
        waiting = [message for message in messages if message["state"] != "delivered"]
        reported = any(message["type"] == "end-of-call-report" for message in messages)
        if (reported and not waiting) or time.monotonic() > deadline:
            return messages, reported and not waiting
        time.sleep(0.1)


def _get(environ: Mapping[str, str], path: str) -> Any:
    headers = {"Authorization": f"Bearer {environ['API_KEY']}"}
    answer = urllib3.request("GET", environ["PUBLIC_URL"] + path, headers=headers)
    return json.loads(answer.data)


def _links(environ: Mapping[str, str]) -> None:
    """Print the addresses of the bridge, which work until it ends."""
    url, key = environ["PUBLIC_URL"], environ["API_KEY"]
    _say(report.rule("the bridge stays up; Ctrl-C ends it"))
    _say(f"see      {_calls_page(environ)}")
    _say("         (the dashboard with these calls; the link opens once, within an hour)")
    _say(f"API key  {key}")
    _say(f"docs     {url}/docs")
    _say(f"try      curl -H 'Authorization: Bearer {key}' {url}/call")


def _calls_page(environ: Mapping[str, str]) -> str:
    """A link that signs in to the dashboard and shows the calls."""
    command = (*PATCHBAY, "login-link")
    made = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return made.stdout.strip().replace("/login#", "/login?next=/dashboard/calls#")


def _stay() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        _say("")


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


def _say(line: str) -> None:
    print(line, flush=True)
