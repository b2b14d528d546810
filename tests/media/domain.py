"""A domain for the media plane that answers as told, and records what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.rendering import rendered
from app.domain.assistant.variables import values
from app.domain.calls.facts import MonitorEndpoint
from app.domain.calls.variables import carried
from app.domain.cluster import Peer, ProcessRegistry
from app.domain.context import Reply
from app.domain.legs.carrier_tools import TextMessage
from app.domain.legs.handoff import NextAssistant, NoHandoff, Talk
from app.domain.legs.upstream import NoStream, UpstreamStream
from app.domain.recordings.local import StreamRecording
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.services.media import NoCapacity, StreamClaim
from app.domain.timings import Timing
from app.net.addresses import allowed
from app.net.authentication import Signer, Unusable
from app.settings import Settings
from app.store.commands import Command
from app.store.files import Found
from app.vendors.common.answer import ModelAnswer
from providers.base.carrier import Carrier
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.errors import Refused
from providers.events import EndedReason

LISTEN_TOKEN = "listen"
SPEAK_TOKEN = "speak"
HEIR = Peer(web=True, media_base="ws://localhost:8000", full=False, draining=False)
"""Another process, which takes calls over."""
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
        self.store_failures = list[Exception]()
        self.told = list[tuple[Any, ...]]()
        self.raises = dict[str, list[Exception]]()
        """By method: errors for its next calls, in order."""
        self.observed = list[tuple[Timing, float]]()
        """What was measured."""
        self.context = SimpleNamespace(
            settings=SimpleNamespace(
                fallback_voice=None,
                fallback_transcriber=None,
                fallback_model=None,
                eager_model_requests=False,
                vapi_voices={},
            ),
            addresses=partial(allowed, allow_private=True),
            now=lambda: datetime.now(UTC),
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
        self.refuses_text: str | None = None
        self.members = dict[str, Mapping[str, Any]]()
        """The assistants that the call may be handed to, by name."""
        self.extracted = "{}"
        """What the model takes out of a conversation."""
        self.signers = dict[str, Signer]()
        """The organisation's credentials for servers."""
        self.files = list[Found]()
        self.upstream: UpstreamStream | None = None
        """The stream of the assistant's call elsewhere."""
        self.plays_keys = False
        """Whether the carrier's API plays keys to the leg."""
        self.ended = set[str]()
        self.current = dict[str, str | None]()
        """The present stream of each call."""
        self.given = list[Command]()
        """Commands for assistants that no media session has taken yet."""
        self.endpoint: MonitorEndpoint | None = None
        """Set by the application: where its calls are heard."""
        self.lost_by = list[str]()
        """What closed the lost sockets, a word each."""
        self.heard_at: MonitorEndpoint | None = None
        """Where the store says that a call is heard."""
        self.media_wakers = list[Callable[[str], None]]()
        self.lived = list[str]()
        self.operators: Operators | None = None
        """Stands for the service of the sockets on operators' legs; None: there are none."""
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
        assistant = AssistantConfig(whole["assistant"])
        known = values(assistant.variable_values, whole["call"])
        return StreamClaim(**{**whole, "assistant": rendered(assistant, known), "values": known})

    def joined(self, claim: StreamClaim, start: StreamStart) -> None:
        self.current[claim.call_id] = claim.stream
        self._tell("joined", claim.call_id, start)

    def stopped(self, claim: StreamClaim) -> None:
        self._tell("stopped", claim.call_id)

    def lost(self, claim: StreamClaim, why: EndedReason | None = None, word: str = "") -> None:
        self.lost_by.append(word)
        self._tell("lost", claim.call_id, why)

    def heartbeat(self) -> None:
        self.beats += 1
        self.wake()

    def deregister(self) -> None:
        self.beats = 0

    def store_failed(self, error: Exception) -> None:
        self.store_failures.append(error)

    def request_end(
        self, claim: StreamClaim, reason: EndedReason, message: str | None = None
    ) -> None:
        self._tell("intend", claim.call_id, reason, message)

    def note(self, claim: StreamClaim, name: str, data: Mapping[str, Any]) -> None:
        self._tell("note", claim.call_id, name, dict(data))

    def flush(
        self,
        claim: StreamClaim,
        messages: Sequence[OutgoingMessage],
        kept: Mapping[str, Any],
        spent: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.kept.update(kept)
        self.spent += spent
        for each in messages:
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

    def signer(self, claim: StreamClaim, credential_id: str) -> Signer:
        return self.signers.get(credential_id) or Unusable("the credential does not exist")

    def open_upstream(self, claim: StreamClaim) -> UpstreamStream:
        self._tell("upstream", claim.call_id)
        if self.upstream is None:
            raise NoStream("The upstream made no call: it answers 401.")
        return self.upstream

    def summarise(self, claim: StreamClaim, destination: Mapping[str, Any]) -> str:
        return ""

    def transfer(
        self,
        claim: StreamClaim,
        destination: Mapping[str, Any],
        content: str | None,
        summary: str = "",
    ) -> str | None:
        self._tell("transfer", claim.call_id, dict(destination), content)
        return self.refuses_transfer

    def next_assistant(
        self, claim: StreamClaim, destination: Mapping[str, Any], known: Mapping[str, Any]
    ) -> StreamClaim:
        found = self.members.get(str(destination.get("assistantName")))
        if found is None:
            raise NoHandoff("nobody is named so")
        assistant = AssistantConfig(found).with_overrides(destination.get("assistantOverrides"))
        values = carried(known, claim.assistant, assistant)
        handed = NextAssistant(assistant, None, values, destination)
        whole = rendered(assistant, values)
        return replace(claim, assistant=whole, values=values, handed=handed, turn=claim.turn + 1)

    def hand_over(self, claim: StreamClaim, talk: Talk) -> None:
        assert claim.handed is not None
        self._tell("handed", claim.call_id, claim.handed.name, talk)

    def ask_model(
        self, claim: StreamClaim, messages: Sequence[Mapping[str, Any]], seconds: float
    ) -> ModelAnswer:
        self._tell("model", claim.call_id, list(messages))
        return ModelAnswer(self.extracted, {"provider": "openai", "model": "gpt-4o"}, 5, 6)

    def press_keys(self, claim: StreamClaim, keys: str) -> bool:
        self._tell("keys", claim.call_id, keys)
        return self.plays_keys

    def send_text(self, claim: StreamClaim, message: TextMessage) -> str | None:
        self._tell("text", claim.call_id, message)
        return self.refuses_text

    def search_files(self, claim: StreamClaim, ids: list[str], question: str) -> list[Found]:
        self._tell("search", claim.call_id, ids, question)
        return self.files

    def pending_db_errors(self, claim: StreamClaim) -> None:
        self._tell("unstored", claim.call_id)
        self.has_pending_db_errors = True

    def flush_db_errors(self) -> None:
        self._tell("confess", "")
        self.has_pending_db_errors = False

    def streams(self, call_ids: Collection[str]) -> dict[str, str | None]:
        return {call_id: self.current.get(call_id) for call_id in set(call_ids) - self.ended}

    def commands(self, seats: Collection[StreamClaim]) -> list[Command]:
        live = {claim.call_id for claim in seats}
        taken = [command for command in self.given if command.call_id in live]
        self.given = [command for command in self.given if command not in taken]
        return taken

    def find_monitor(self, call_id: str, token: str) -> MonitorEndpoint | None:
        if token != LISTEN_TOKEN:
            raise Refused("the listener's token is not this call's")
        return self.heard_at

    def find_supervised(self, call_id: str, token: str, expires: str) -> MonitorEndpoint | None:
        if token != SPEAK_TOKEN:
            raise Refused("the supervisor's token is not this call's")
        return self.heard_at

    def taken_over(self, claim: StreamClaim, *, taken: bool, cause: str) -> None:
        self._tell("taken over" if taken else "given back", claim.call_id, cause)

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

    async def hears(self, word: str) -> tuple[Any, ...]:
        """Wait for the first report of that name."""
        await self.until(lambda: word in [told[0] for told in self.told])
        return next(told for told in self.told if told[0] == word)

    def wake(self) -> None:
        """Whoever waits looks again. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    def _tell(self, *told: Any) -> None:
        self.told.append(told)
        self.wake()
        if errors := self.raises.get(told[0]):
            raise errors.pop(0)


class Operators(Domain):
    """Stands for ``OperatorMedia``: knows the tokens that begin with ``operator``."""

    over = False
    """Whether the transfers are over."""

    def knows(self, token: str) -> bool:
        return token.startswith("operator")

    def awaited(self, claims: Collection[StreamClaim]) -> frozenset[str]:
        return frozenset() if self.over else frozenset(claim.stream for claim in claims)
