"""A served application, a domain that records, and a client per carrier."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import socket
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
from flask import Flask
from websockets.asyncio.client import ClientConnection, connect

from app.assistants import BACKENDS
from app.domain.assistant.config import AssistantConfig
from app.domain.calls.facts import MonitorEndpoint
from app.domain.cluster import Peer, ProcessRegistry
from app.domain.context import Reply
from app.domain.recordings.local import StreamRecording
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.services.media import NoCapacity, StreamClaim
from app.domain.timings import Timing
from app.media.limits import Limits
from app.net.addresses import allowed
from app.server.asgi import Application, build
from app.server.worker import SETTINGS, DrainingServer
from app.settings import Settings
from app.store.commands import Command
from providers.base.carrier import Carrier
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.common import audio
from providers.errors import Refused
from providers.events import EndedReason
from providers.registry import PROVIDERS
from tests import clock

LISTEN_TOKEN = "listen"
PATIENCE = 30
"""Seconds after which a test that waits for something gives up."""
QUICK = Limits(start_seconds=0.3, drain_seconds=0.5, grace_seconds=0.3, watch_seconds=0.05)


HEIR = Peer(web=True, media_base="ws://localhost:8000", full=False, draining=False)
"""Another process, which takes calls over."""


Test = Callable[..., Awaitable[None]]


def on_loop(test: Test) -> Callable[..., None]:
    """An async test as pytest wants it, in a time of its own; it ends, one way or the other."""
    return _run(test, clock.run)


def in_real_time(test: Test) -> Callable[..., None]:
    """The same for a test whose other side is another process."""
    return _run(test, lambda main: asyncio.run(main()))


def _run(
    test: Test, run: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
) -> Callable[..., None]:
    @functools.wraps(test)
    def whole(*args: Any, **kwargs: Any) -> None:
        async def patiently() -> None:
            async with asyncio.timeout(PATIENCE):
                await test(*args, **kwargs)

        run(patiently)

    return whole


OWN = ("note", "written", "finished", "kept", "not taped")
"""Reports beside the carrier's and the assistant's."""


class Domain:
    """Stands for ``app.domain.services.media.MediaService``: answers as told, records what it is told."""

    def __init__(self, **claim: Any) -> None:
        self.claim_values = claim
        settings = Settings(secret_keys=("a secret key of the tests",), drain_seconds=0)
        self.presence = ProcessRegistry(settings, peers=[HEIR])
        """Of a deployment with another process, and no patience."""
        self.beats = 0
        self.told = list[tuple[Any, ...]]()
        self.raises = dict[str, list[Exception]]()
        """By method: errors for its next calls, in order."""
        self.observed = list[tuple[Timing, float]]()
        """What was measured."""
        self.context = SimpleNamespace(
            settings=SimpleNamespace(fallback_voice=None),
            addresses=partial(allowed, allow_private=True),
            observe=lambda timing, seconds: self.observed.append((timing, seconds)),
        )
        self.spool_directory = Path("no-spool")
        self.tapes = list[StreamRecording]()
        """What was recorded; gone from the disk once it was handed over."""
        self.has_pending_db_errors = False
        """Whether the store has to be told of calls it did not take."""
        self.kept = dict[str, Any]()
        """Fields the assistant put on the call."""
        self.spent = list[Mapping[str, Any]]()
        """What it used."""
        self.messages = list[tuple[str, dict[str, Any]]]()
        """What it told its server."""
        self.replies = list[Reply]()
        """What its server answers, in turn."""
        self.refuses_transfer: str | None = None
        self.ended = set[str]()
        self.given = list[Command]()
        """What assistants are to be told, until somebody takes it."""
        self.endpoint: MonitorEndpoint | None = None
        """Set by the application: where its calls are heard."""
        self.heard_at: MonitorEndpoint | None = None
        """Where the store says that a call is heard."""
        self.media_wakers = list[Callable[[str], None]]()
        self.lived = list[str]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    def claim(
        self, carrier: Carrier, token: str, target: str, headers: Sequence[tuple[str, str]]
    ) -> StreamClaim:
        backend = self.claim_values.get("backend", "echo")
        if why := self.presence.acquire(backend):
            raise NoCapacity(why)
        try:
            self._tell("claim", carrier.name, token, target, headers)
        except Exception:
            self.presence.release(backend)
            raise
        facts = {
            "call_id": token,
            "org_id": "org",
            "stream": stream_id(target),
            "provider": carrier,
            "backend": "echo",
            "stream_url": None,
            "assistant": {},
            "call": {"id": token, "metadata": {}, "customer": {}, "type": "inboundPhoneCall"},
        }
        whole = {**facts, **self.claim_values}
        return StreamClaim(**{**whole, "assistant": AssistantConfig(whole["assistant"])})

    def joined(self, claim: StreamClaim, start: StreamStart) -> None:
        self._tell("joined", claim.call_id, start)

    def stopped(self, claim: StreamClaim) -> None:
        self._tell("stopped", claim.call_id)

    def lost(self, claim: StreamClaim, why: EndedReason | None = None) -> None:
        self._tell("lost", claim.call_id, why)

    def heartbeat(self) -> None:
        self.beats += 1
        self._wake()

    def deregister(self) -> None:
        self.beats = 0

    def request_end(self, call_id: str, reason: EndedReason, message: str | None = None) -> None:
        self._tell("intend", call_id, reason, message)

    def note(self, claim: StreamClaim, name: str, data: Mapping[str, Any]) -> None:
        self._tell("note", claim.call_id, name, dict(data))

    def flush(
        self,
        claim: StreamClaim,
        message: Sequence[OutgoingMessage],
        kept: Mapping[str, Any],
        spent: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.kept.update(kept)
        self.spent += spent
        for each in message:
            self.messages.append((each.kind, dict(each.extra)))
        self._tell("written", claim.call_id)

    def finished(self, claim: StreamClaim) -> None:
        self._tell("finished", claim.call_id)

    def recording_failed(self, claim: StreamClaim) -> None:
        self._tell("not taped", claim.call_id)

    def keep(self, recording: StreamRecording) -> None:
        self.tapes.append(recording)
        self._tell("kept", recording.call_id)

    def ask(
        self,
        claim: StreamClaim,
        message: OutgoingMessage,
        seconds: float,
        server: Mapping[str, Any] | None = None,
    ) -> Reply:
        self._tell("ask", claim.call_id, message.kind, dict(message.extra), server)
        return self.replies.pop(0) if self.replies else Reply(error="nobody answers")

    def transfer(
        self, claim: StreamClaim, destination: Mapping[str, Any], content: str | None
    ) -> str | None:
        self._tell("transfer", claim.call_id, dict(destination), content)
        return self.refuses_transfer

    def pending_db_errors(self, claim: StreamClaim) -> None:
        self._tell("unstored", claim.call_id)
        self.has_pending_db_errors = True

    def flush_db_errors(self) -> None:
        self._tell("confess", "")
        self.has_pending_db_errors = False

    def ended_calls(self, call_ids: Collection[str]) -> set[str]:
        return self.ended & set(call_ids)

    def commands(self, seats: Collection[StreamClaim]) -> list[Command]:
        live = {claim.call_id for claim in seats}
        taken = [command for command in self.given if command.call_id in live]
        self.given = [command for command in self.given if command not in taken]
        return taken

    def find_monitor(self, call_id: str, token: str) -> MonitorEndpoint | None:
        if token != LISTEN_TOKEN:
            raise Refused("the listener's token is not this call's")
        return self.heard_at

    def words(self) -> list[str]:
        """What was reported of calls, without the notes and what the assistant writes down."""
        return [told[0] for told in self.told if told[0] not in OWN]

    def notes(self) -> list[tuple[str, dict[str, Any]]]:
        return [(told[2], told[3]) for told in self.told if told[0] == "note"]

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until the record satisfies a condition."""
        self._loop = asyncio.get_running_loop()
        while not done():
            self._changed.clear()
            if done():
                return
            await self._changed.wait()

    async def changed(self) -> None:
        """Wait for the next report."""
        self._loop = asyncio.get_running_loop()
        self._changed.clear()
        await self._changed.wait()

    async def hears(self, word: str) -> tuple[Any, ...]:
        """Wait for the first report of that name."""
        await self.until(lambda: word in [told[0] for told in self.told])
        return next(told for told in self.told if told[0] == word)

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    def _tell(self, *told: Any) -> None:
        self.told.append(told)
        self._wake()
        if errors := self.raises.get(told[0]):
            raise errors.pop(0)


@asynccontextmanager
async def listening(app: Any, **settings: Any) -> AsyncIterator[tuple[DrainingServer, str]]:
    """Any ASGI application under the worker's server and settings; yields it and ``host:port``."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, **{**SETTINGS, **settings})
    config.load()
    server = DrainingServer(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    try:
        yield server, f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        await server.shutdown([sock])


@dataclass
class Served:
    """One running application."""

    domain: Domain
    application: Application
    server: DrainingServer
    address: str

    def url(self, provider: str, token: str = "token-1") -> str:
        return f"ws://{self.address}/media/{provider}/{token}"


@asynccontextmanager
async def serving(domain: Domain, limits: Limits = QUICK) -> AsyncIterator[Served]:
    flask = Flask("tests")
    flask.extensions["patchbay"] = SimpleNamespace(
        media=domain,
        providers=PROVIDERS,
        backends=BACKENDS,
        context=SimpleNamespace(media_wakers=domain.media_wakers),
        start=lambda: domain.lived.append("start"),
        stop=lambda: domain.lived.append("stop"),
        talks=False,
    )
    application = build(flask, limits)
    async with listening(application) as (server, address):
        yield Served(domain, application, server, address)


# ------------------------------------------------------------------ the carriers' side


@dataclass
class TwilioCaller:
    """What Twilio sends, and what it understands."""

    name = "twilio"
    rate = 8000
    stops = True
    sid: str = "MZ" + "0" * 32
    call: str = "CA" + "1" * 32
    account: str = "AC" + "2" * 32
    parameters: dict[str, str] = field(default_factory=lambda: {"callId": "token-1"})

    def opening(self) -> list[str | bytes]:
        start = {
            "accountSid": self.account,
            "streamSid": self.sid,
            "callSid": self.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self.parameters,
        }
        return [
            json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
            self._message("start", start=start),
        ]

    def sound(self, pcm: bytes) -> str | bytes:
        payload = base64.b64encode(audio.pcm_to_mulaw(pcm)).decode()
        return self._message("media", media={"track": "inbound", "payload": payload})

    def digit(self, digit: str) -> str | bytes:
        return self._message("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def stop(self) -> str | bytes:
        return self._message("stop", stop={"accountSid": self.account, "callSid": self.call})

    def heard(self, message: str | bytes) -> bytes | None:
        """PCM of a message to Twilio; None when it is no sound."""
        body = json.loads(message)
        assert body["streamSid"] == self.sid
        if body["event"] != "media":
            return None
        return audio.mulaw_to_pcm(base64.b64decode(body["media"]["payload"]))

    def mark_reply(self, message: str | bytes) -> str | bytes | None:
        """The answer to a mark once it is played."""
        body = json.loads(message)
        return self._message("mark", mark=body["mark"]) if body["event"] == "mark" else None

    def _message(self, event: str, **more: Any) -> str:
        return json.dumps({"event": event, "streamSid": self.sid, "sequenceNumber": "1", **more})


@dataclass
class VonageCaller:
    """What Vonage sends, and what it understands."""

    name = "vonage"
    rate = 16000
    stops = False

    def opening(self) -> list[str | bytes]:
        fields = {"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}
        return [json.dumps({**fields, "call-id": "token-1"})]

    def sound(self, pcm: bytes) -> str | bytes:
        return pcm

    def digit(self, digit: str) -> str | bytes:
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def heard(self, message: str | bytes) -> bytes | None:
        return message if isinstance(message, bytes) else None

    def mark_reply(self, message: str | bytes) -> str | bytes | None:
        body = json.loads(message) if isinstance(message, str) else {}
        if body.get("action") != "notify":
            return None
        return json.dumps({"event": "websocket:notify", "payload": body["payload"]})


Caller = TwilioCaller | VonageCaller
CALLERS = [TwilioCaller(), VonageCaller()]


def loud(caller: Caller, milliseconds: int = 20, level: int = 12000) -> bytes:
    """PCM at one level: recognisable, and the same after mu-law and back (within its step)."""
    samples = caller.rate * milliseconds // 1000
    pcm = level.to_bytes(2, "little", signed=True) * samples
    return audio.mulaw_to_pcm(audio.pcm_to_mulaw(pcm))


@asynccontextmanager
async def calling(
    served: Served, caller: Caller, token: str = "token-1", *, opened: bool = True, **options: Any
) -> AsyncIterator[ClientConnection]:
    """The carrier's socket, its opening messages sent."""
    url = served.url(caller.name, token)
    async with connect(url, proxy=None, max_size=None, max_queue=None, **options) as carrier:
        for message in caller.opening() if opened else []:
            await carrier.send(message)
        yield carrier


async def listen(caller: Caller, carrier: ClientConnection, size: int) -> bytes:
    """At least so many bytes of the PCM sent to the carrier; marks are answered meanwhile."""
    pcm = b""
    while len(pcm) < size:
        message = await carrier.recv()
        pcm += caller.heard(message) or b""
        await answer_mark(caller, carrier, message)
    return pcm


async def listen_to_the_end(caller: Caller, carrier: ClientConnection) -> bytes:
    """All the PCM until the socket is closed."""
    pcm = b""
    async for message in carrier:
        pcm += caller.heard(message) or b""
        await answer_mark(caller, carrier, message)
    return pcm


async def answer_mark(caller: Caller, carrier: ClientConnection, message: str | bytes) -> None:
    reply = caller.mark_reply(message)
    if reply is not None:
        await carrier.send(reply)
