"""An assistant's handle to its call: server messages, fields of the call, transfers, commands.

A task of its own writes messages and fields, in order, several in one transaction. So the assistant
never waits for the store. A request to the client's server is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from app.domain.assistant import transfer_plan
from app.domain.context import Reply
from app.domain.legs.carrier_tools import TextMessage
from app.domain.legs.handoff import NoHandoff, Talk
from app.domain.legs.upstream import UpstreamStream
from app.domain.live.supervisor import TAKE_OVERS
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.resources.files import Found
from app.domain.services.media import MediaService, StreamClaim
from app.domain.timings import Timing
from app.media.store_thread import in_store_thread
from app.net.authentication import Signer
from app.net.threads import run_in_thread
from app.telemetry import tracing
from app.telemetry.call_log import call_log
from app.vendors.common.answer import ModelAnswer
from providers.common.json_types import JsonDict, JsonObject

# Messages that wait to be written. More are dropped: the store has failed for long by then.
MAX_WAITING = 1000
CLOSE_SECONDS = 5.0
# Spans of a call's trace.
TRACED = {Timing.TURN_LATENCY: "turn", Timing.FIRST_SOUND: "first sound"}

log = call_log(__name__)


class CallContext:
    """The handle of one call."""

    def __init__(self, service: MediaService, claim: StreamClaim) -> None:
        # Live control for the assistant (``app/domain/live/control.py``), in order.
        self.commands: asyncio.Queue[JsonObject] = asyncio.Queue()
        # What supervisors do, in order. It does not wait for what the assistant is to say.
        self.take_overs: asyncio.Queue[JsonObject] = asyncio.Queue()
        # Called with each message, for the supervisors who listen to the call.
        self.audience: Callable[[str, JsonObject], None] = lambda kind, extra: None
        self._service = service
        self._claim = claim
        self._received = set[str]()
        self._messages = list[OutgoingMessage]()
        self._artifact = JsonDict()
        self._usage = list[JsonObject]()
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    @property
    def claim(self) -> StreamClaim:
        """The claim of the assistant that has the call now."""
        return self._claim

    @property
    def fallback_voice(self) -> JsonObject | None:
        """The operator's voice, used where the assistant's own cannot be built."""
        return self._service.context.settings.fallback_voice

    @property
    def fallback_transcriber(self) -> JsonObject | None:
        """The operator's transcriber, used where the assistant's own cannot be had."""
        return self._service.context.settings.fallback_transcriber

    @property
    def fallback_model(self) -> JsonObject | None:
        """The operator's model, used where the assistant's own cannot be had."""
        return self._service.context.settings.fallback_model

    @property
    def eager_model_requests(self) -> bool:
        """Whether the model is asked while the caller's pause is still waited out."""
        return self._service.context.settings.eager_model_requests

    @property
    def vapi_voices(self) -> Mapping[str, JsonObject]:
        """The operator's voices in place of Vapi's own, by name."""
        return self._service.context.settings.vapi_voices

    @property
    def keeps_no_record(self) -> bool:
        """Whether nothing of what was said may be kept, in the log neither."""
        return self._claim.assistant.keeps_no_record

    def addresses(self, url: str) -> Sequence[str]:
        """The addresses a client's URL may be fetched from.

        Blocks; raises an exception that says why not.
        """
        return self._service.context.addresses(url)

    def observe(self, timing: Timing, seconds: float) -> None:
        """Add one measurement to the histogram, and to the call's trace."""
        self._service.context.observe(timing, seconds)
        if timing in TRACED:
            tracing.span(TRACED[timing], seconds, {})

    def send_message(self, kind: str, extra: JsonObject) -> None:
        """Queue a server message of this type, if the assistant subscribes to it."""
        self.audience(kind, extra)
        if len(self._messages) < MAX_WAITING:
            self._messages.append(OutgoingMessage(kind, extra))
            self._wake()

    def push_command(self, command: JsonObject) -> None:
        """Hand a command to the assistant."""
        kind = str(command.get("type"))
        self._received.add(kind)
        queue = self.take_overs if kind in TAKE_OVERS else self.commands
        queue.put_nowait(command)

    def received(self, kind: str) -> bool:
        """Whether a command of this type ever came, carried out or not."""
        return kind in self._received

    def update_call(self, artifact: JsonObject) -> None:
        """Store fields of the call (``messages``, ``transcript``). The newest value stays."""
        self._artifact.update(artifact)
        self._wake()

    def add_usage(self, items: Sequence[JsonObject]) -> None:
        """Store an assistant's usage of vendors, once, at its end: items without prices."""
        self._usage += items
        self._wake()

    async def request(
        self,
        kind: str,
        extra: JsonObject,
        seconds: float,
        server: JsonObject | None = None,
    ) -> Reply:
        """Ask the assistant's server, or a tool's own (``url``, ``secret``, ``headers``).

        The request is signed.
        """
        told = OutgoingMessage(kind, extra)
        return await run_in_thread(lambda: self._service.ask(self._claim, told, seconds, server))

    async def signer(self, credential_id: str) -> Signer:
        """The signer of a server's credential. An unusable one says so with each request."""
        return await run_in_thread(lambda: self._service.signer(self._claim, credential_id))

    async def transfer(self, destination: JsonObject, message: str | None) -> str | None:
        """Connect the leg to a destination.

        Returns None once it is started, else the reason why not.
        """
        summary = ""
        if transfer_plan.read(destination).wants_summary:
            await self.flush()  # the summary is of the last words too
            summary = await run_in_thread(lambda: self._service.summarise(self._claim, destination))
        try:
            return await in_store_thread(
                self._service.transfer, self._claim, destination, message, summary
            )
        except SQLAlchemyError as error:
            self._store_failed(error, "a transfer was not stored")
            return "the store failed"

    async def open_upstream(self) -> UpstreamStream:
        """Create the call at the upstream that is the assistant. Raises ``NoStream``."""
        return await run_in_thread(lambda: self._service.open_upstream(self._claim))

    async def next_assistant(self, destination: JsonObject, values: JsonObject) -> StreamClaim:
        """The claim of the assistant that a destination names.

        ``values``: those of templates by now. Raises ``NoHandoff``.
        """
        try:
            return await in_store_thread(
                self._service.next_assistant, self._claim, destination, values
            )
        except SQLAlchemyError as error:
            self._store_failed(error, "a handoff was not stored")
            raise NoHandoff("the store failed") from error

    async def hand_over(self, claim: StreamClaim, talk: Talk) -> None:
        """Store that the call is this claim's from now on. Raises ``NoHandoff``.

        What was queued before is told as the earlier assistant's.
        """
        await self.flush()
        try:
            await in_store_thread(self._service.hand_over, claim, talk)
        except SQLAlchemyError as error:
            self._store_failed(error, "a handoff was not stored")
            raise NoHandoff("the store failed") from error
        self._claim = claim

    async def taken_over(self, *, taken: bool, cause: str) -> None:
        """Store that a supervisor has the call, or the assistant again. The call goes on anyhow."""
        try:
            await in_store_thread(self._service.taken_over, self._claim, taken=taken, cause=cause)
        except SQLAlchemyError as error:
            self._store_failed(error, "who has it was not stored")

    async def ask_model(self, messages: Sequence[JsonObject], seconds: float) -> ModelAnswer:
        """Ask the assistant's model one question beside the conversation."""
        return await run_in_thread(lambda: self._service.ask_model(self._claim, messages, seconds))

    async def press_keys(self, keys: str) -> bool:
        """Play keys to the leg by the carrier's API. False: they have to be in the sound.

        Raises ``CarrierError`` where the carrier may have played them.
        """
        return await run_in_thread(lambda: self._service.press_keys(self._claim, keys))

    async def send_text(self, message: TextMessage) -> str | None:
        """Send a text message by the carrier. Returns why not, as a sentence."""
        return await run_in_thread(lambda: self._service.send_text(self._claim, message))

    async def search_files(self, ids: list[str], question: str) -> Sequence[Found]:
        """The chunks of uploaded files that fit best; none while the store fails."""
        try:
            return await in_store_thread(self._service.search_files, self._claim, ids, question)
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            return []

    async def flush(self) -> None:
        """Wait, within a bound, until the queued messages and fields are stored."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._written.wait()

    async def close(self) -> None:
        """Write what is queued, within a bound, and mark the call's media as finished."""
        self._closing = True
        self._changed.set()
        if self._writer is None:
            return
        await asyncio.wait([self._writer], timeout=CLOSE_SECONDS)
        self._writer.cancel()
        try:
            await in_store_thread(self._service.finished, self._claim)
        except SQLAlchemyError as error:  # the report must not wait for ever
            self._store_failed(error, "its last words were not told")

    def _store_failed(self, error: SQLAlchemyError, what: str) -> None:
        """Note the failure, and say what of this call was lost by it."""
        self._service.store_failed(error)
        call_id = self._claim.call_id
        log.error("call %s: %s", call_id, what, extra={"callId": call_id})

    def _wake(self) -> None:
        self._written.clear()
        self._changed.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._messages or self._artifact or self._usage or not self._closing:
            await self._changed.wait()
            self._changed.clear()
            messages, self._messages = self._messages, []
            artifact, self._artifact = self._artifact, {}
            usage, self._usage = self._usage, []
            if not (messages or artifact or usage):
                continue
            try:
                await in_store_thread(self._service.flush, self._claim, messages, artifact, usage)
            except SQLAlchemyError as error:  # the call goes on
                self._store_failed(error, f"{len(messages)} messages were not stored")
            except Exception:
                log.exception(
                    "call %s: %d messages were not stored",
                    self._claim.call_id,
                    len(messages),
                    extra={"callId": self._claim.call_id},
                )
            if not (self._messages or self._artifact):
                self._written.set()
