"""The use cases of a call's media socket: claim it, record its events, serve its assistant.

``app/media`` calls them from a thread, because they block on the database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.history import History
from app.domain.assistant.history import load as load_history
from app.domain.assistant.rendering import rendered
from app.domain.calls import apply, call_assistant, record, tokens, variables, web_calls
from app.domain.calls.facts import MonitorEndpoint
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.tokens import MediaToken
from app.domain.cluster import ProcessRegistry
from app.domain.context import Context, Reply
from app.domain.errors import Invalid
from app.domain.legs import (
    adopt,
    carrier_tools,
    handoff,
    no_capacity,
    transfer,
    transfer_summary,
    upstream,
)
from app.domain.legs.carrier_tools import TextMessage
from app.domain.legs.handoff import NextAssistant, NoHandoff, Talk
from app.domain.legs.queue import sockets
from app.domain.legs.upstream import UpstreamStream
from app.domain.live import control, monitor, supervisor
from app.domain.recordings import local as local_recordings
from app.domain.recordings.local import StreamRecording
from app.domain.reporting import analysis, live_messages, server_messages
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.resources import files, server_credentials, tools, vendor_accounts
from app.net.authentication import Signer
from app.store import accounts, calls
from app.store.again import one_transaction
from app.store.commands import Command
from app.store.files import Found
from app.store.ids import new_id
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import ModelAnswer
from providers.base.carrier import Carrier
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.base.webhook import Leg
from providers.common.json_types import NOTHING, JsonDict, JsonObject
from providers.errors import Refused
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_WORD = 200
"""Characters of the word about a lost socket; a carrier's close frame may have chosen it."""
NO_HISTORY = History()
DB_ERROR_MESSAGE = "The store failed, and what happened to the call meanwhile is not known."


@dataclass(frozen=True, slots=True)
class StreamClaim:
    """One claimed media socket, with all that its assistant needs to know of the call."""

    call_id: str
    org_id: str
    stream: str
    provider: Carrier
    backend: str
    stream_url: str | None
    assistant: AssistantConfig
    """The assistant with its secrets, its templates rendered."""
    call: JsonObject = field(repr=False)
    accounts: VendorAccounts = field(default_factory=dict, repr=False)
    """The vendor accounts that this call may use."""
    recorded: bool = False
    """Whether Patchbay records the stream."""
    values: JsonObject = field(default_factory=dict, repr=False)
    """The values that its templates were rendered with."""
    audio_format: str = ""
    """A key of ``Carrier.formats``; empty for the carrier's usual one."""
    history: History = field(default_factory=History)
    """What this assistant knows of the call's ``messages``."""
    handed: NextAssistant | None = field(default=None, repr=False)
    """The assistant itself, if the call is being handed to it on this socket."""
    turn: int = 0
    """The number of handoffs before it."""
    taken_over: bool = False
    """Whether a supervisor had the call on its socket before this one."""
    transfer: str = ""
    """The warm transfer whose operator is on this socket, by its id; empty: the caller is."""

    @property
    def spender(self) -> str:
        """What the cost items of this assistant on this socket are named by."""
        return f"{self.stream}/{self.turn}" if self.turn else self.stream


class NoCapacity(Exception):
    """This process accepts no call now. Another process may, or this one later."""


class MediaService:
    """The use cases of ``app/media``."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._pending_db_errors = dict[str, str]()
        self.endpoint: MonitorEndpoint | None = None
        """The Unix socket where other processes of the machine listen to this process's calls."""

    @property
    def presence(self) -> ProcessRegistry:
        """The registry of the deployment's processes, with this process in it."""
        return self.context.presence

    def heartbeat(self) -> None:
        """Write this process's heartbeat and read those of the others. Raises the store's error."""
        self.presence.heartbeat(self.context.store, self.context.now())
        self.context.store.clock.compare()

    def deregister(self) -> None:
        """Remove this process from the registry. Raises the store's error."""
        self.presence.deregister(self.context.store)

    def store_failed(self, error: Exception) -> None:
        """Tell the operator, in one line for many failures."""
        self.context.store.outage.note(error)

    @property
    def has_pending_db_errors(self) -> bool:
        """Whether ``flush_db_errors`` has calls to end."""
        return bool(self._pending_db_errors)

    def claim(
        self, carrier: Carrier, token: str, target: str, headers: Sequence[tuple[str, str]]
    ) -> StreamClaim:
        """Claim one media socket. Raises ``Refused`` or ``NoCapacity``.

        ``target`` is the raw path of the handshake, which the signature covers.
        The caller must release the claim's backend with ``presence.release``.
        """
        url = (
            self.context.settings.own_media_base or self.context.settings.media_bases[0]
        ) + target
        with self.context.store.read() as conn:
            media = self._find(conn, carrier, token)
            call = media.call
            credential = (
                accounts.get_credential(conn, call.credential_id)
                if carrier.phone
                else web_calls.ACCOUNT
            )
            if self.presence.draining:  # its successor may have come up just now
                self.presence.refresh(conn, self.context.now())
        if credential is None:
            raise Refused("the call's carrier account was deleted")
        if carrier.phone:  # else the token is the proof
            carrier.signature.verify_socket(url, headers, self.context.account(credential))
        claim = self._build_claim(call, carrier, stream_id(url))
        if why := self.presence.acquire(claim.backend):
            self._refused(claim, why)
            raise NoCapacity(no_capacity.WHY[why])
        try:
            self._use(media)
        except BaseException:
            self.presence.release(claim.backend)
            raise
        return claim

    def _refused(self, claim: StreamClaim, why: str) -> None:
        """Note that this process has no slot for the socket."""
        no_capacity.note_refusal(self.context, claim.call_id, claim.stream, why)

    @one_transaction
    def _use(self, media: MediaToken) -> None:
        with self.context.store.write() as conn:
            if calls.get(conn, media.call.id, lock=True) is None:
                raise Refused("the call was deleted")
            if not tokens.use(conn, media, self.context.now()):
                raise Refused("the stream token was used before")
            room = self._has_slot(conn, media)
        if not room:
            raise Refused("no seat is free: see MAX_CONCURRENT_CALLS")

    def _has_slot(self, conn: Connection, media: MediaToken) -> bool:
        return sockets.has_slot(self.context, conn, media.call, stream_id(media.text))

    @one_transaction
    def joined(self, claim: StreamClaim, start: StreamStart) -> None:
        """Record the carrier's start message: the assistant has joined. Raises ``Refused``."""
        event = CallEvent(
            EventKind.MEDIA_CONNECTED,
            at=self.context.now(),
            key=f"media.connected:{claim.stream}",
            source=claim.provider.name,
            stream=claim.stream,
            data={"streamRef": start.stream_ref} if start.stream_ref else {},
        )
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is None or tx.call.status in {CallStatus.ENDED, CallStatus.FORWARDING}:
                raise Refused("the call is over, or on its way elsewhere")
            check_leg(start, tx.call.facts.account_ref, tx.call.facts.leg_ref)
            local_recordings.expect(tx, claim.stream)
            leg = Leg(start.call_ref, start.call_ref) if start.call_ref else None
            also = adopt.bind_leg(tx, leg) if leg else Changes()
            if self.endpoint is not None:
                facts = also.get("facts", tx.call.facts)
                also["facts"] = facts._replace(heard_at=self.endpoint)
            if variables.KEPT not in tx.call.body:
                named = handoff.activation(tx.call.facts.assistant, tx.call.active_assistant_id)
                first = {variables.KEPT: claim.values, handoff.ACTIVATIONS: [named]}
                also["body"] = {**also.get("body", tx.call.body), **first}
            apply.apply_events(tx, [event], also)

    def stopped(self, claim: StreamClaim) -> None:
        """Record the carrier's stop message. Its ended reason is generic: a guess.

        Without a phone leg it is none: nothing else could go on.
        """
        reason = EndedReason.CUSTOMER_ENDED_CALL
        if claim.provider.phone:
            self._record(claim, EventKind.MEDIA_STOPPED, reason=reason, generic=True)
        else:
            self._record(claim, EventKind.LEG_ENDED, reason=reason)

    def lost(self, claim: StreamClaim, why: EndedReason | None = None, word: str = "") -> None:
        """Record a socket that closed without a stop message.

        ``why`` is the ended reason if the call is not reattached; ``word`` says what closed it.
        """
        data = {"word": word[:MAX_WORD]} if word else {}
        self._record(claim, EventKind.MEDIA_LOST, reason=why, data=data)

    @one_transaction
    def request_end(
        self, claim: StreamClaim, reason: EndedReason, message: str | None = None
    ) -> None:
        """Store our decision to end the call. The caller closes the socket after the commit.

        An assistant that has transferred its caller decides nothing. A process that stops alone
        does: no other answers the carrier then.
        """
        with self.context.store.write() as conn:
            found = record.get(conn, claim.call_id, lock=True, log=True)
            if found is not None:
                tx = CallTx(self.context, conn, found)
                alone = reason is EndedReason.SERVER_SHUTDOWN
                if found.status == CallStatus.FORWARDING and not alone:
                    return
                if found.status != CallStatus.ENDED:  # before the end-of-call report
                    live_messages.delegate_control(tx, {"request": "hang-up"})
                apply.request_end(tx, reason, message)

    @one_transaction
    def note(self, claim: StreamClaim, name: str, data: JsonObject) -> None:
        """Append a note to the event log."""
        event = CallEvent(
            EventKind.NOTE,
            at=self.context.now(),
            key=f"{name}:{new_id()}",
            source=claim.provider.name,
            stream=claim.stream,
            data={"note": name, **data},
        )
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None:
                apply.apply_events(tx, [event])

    # -- requests of the assistant (``app/media/call_context.py``)

    @one_transaction
    def flush(
        self,
        claim: StreamClaim,
        messages: Sequence[OutgoingMessage],
        kept: JsonObject,
        spent: Sequence[JsonObject] = (),
    ) -> None:
        """Queue server messages in order, and store fields and usage (``spent``) on the Call."""
        messages = [
            each for each in messages if claim.assistant.wants_server_message(each.kind, each.extra)
        ]
        if not (messages or kept or spent):
            return
        items = [{"stream": claim.spender, **usage} for usage in spent]
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is None:
                return
            live_messages.flush(tx, messages, kept, items)

    @one_transaction
    def finished(self, claim: StreamClaim) -> None:
        """The assistant has flushed its last data: the analysis of an ended call may start."""
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None:
                analysis.enqueue(tx, delay=0.0)

    @property
    def spool_directory(self) -> Path:
        """The directory on this machine's disk that holds recordings until they are stored."""
        return Path(self.context.settings.recordings_dir) / "spool"

    def recording_failed(self, claim: StreamClaim) -> None:
        """Stop waiting for this stream's recording, because it failed."""
        local_recordings.arrived(self.context, claim.call_id, claim.stream)

    def keep(self, recording: StreamRecording) -> None:
        """Add a stream's audio to the call's recording.

        Raises ``StoreFailed`` and the store's errors.
        """
        local_recordings.append(self.context, recording)

    def ask(
        self,
        claim: StreamClaim,
        message: OutgoingMessage,
        seconds: float,
        server: JsonObject | None = None,
    ) -> Reply:
        """Send a request to the call's or a tool's server, outside of any transaction."""
        with self.context.store.read() as conn:
            call = record.get(conn, claim.call_id)
        if call is None:
            return Reply(error="the call was deleted")
        return server_messages.ask(self.context, call, message.kind, message.extra, seconds, server)

    def signer(self, claim: StreamClaim, credential_id: str) -> Signer:
        """The signer of one of the organisation's credentials for servers. Reads the store."""
        with self.context.store.read() as conn:
            return server_credentials.find(self.context, conn, claim.org_id, credential_id)

    def open_upstream(self, claim: StreamClaim) -> UpstreamStream:
        """Create the call at the upstream that answers this socket. Raises ``NoStream``."""
        return upstream.open_stream(
            self.context, claim.call_id, claim.stream, claim.assistant, claim.accounts
        )

    def summarise(self, claim: StreamClaim, destination: JsonObject) -> str:
        """The summary of the conversation for this destination; empty if it gets none."""
        try:
            return transfer_summary.summarise(self.context, claim.call_id, destination)
        except SQLAlchemyError as error:
            self.store_failed(error)
            return ""

    @one_transaction
    def transfer(
        self, claim: StreamClaim, destination: JsonObject, content: str | None, summary: str = ""
    ) -> str | None:
        """Forward the leg for the assistant. Returns why not, as a sentence; None on success.

        A server that lists ``phone-call-control`` gets that message and must forward the leg.
        """
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is None:
                return "the call was deleted"
            told = {"request": "forward", "destination": dict(destination)}
            if live_messages.delegate_control(tx, told):
                return None
            try:
                transfer.transfer(tx, destination, content, summary)
            except Invalid as error:
                return str(error)
        return None

    def next_assistant(
        self, claim: StreamClaim, destination: JsonObject, values: JsonObject
    ) -> StreamClaim:
        """The claim of the assistant that a destination names, on the same socket.

        ``values``: those of templates by now. Raises ``NoHandoff``.
        """
        with self.context.store.read() as conn:
            call = record.get(conn, claim.call_id)
            if call is None:
                raise NoHandoff("the call was deleted")
            found = handoff.find(self.context, conn, call, destination, values)
        made = self._claim_of(call, claim.provider, claim.stream, found.assistant, found.values)
        return replace(made, handed=found, turn=found.turn)

    @one_transaction
    def hand_over(self, claim: StreamClaim, talk: Talk) -> None:
        """Store that the call is this claim's from now on. Raises ``NoHandoff``."""
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is None or claim.handed is None:
                raise NoHandoff("the call was deleted")
            handoff.hand_over(tx, claim.stream, claim.handed, talk)

    def ask_model(
        self, claim: StreamClaim, messages: Sequence[JsonObject], seconds: float
    ) -> ModelAnswer:
        """Ask the assistant's model one question, without the conversation's own requests."""
        given = [dict(each) for each in messages]
        return self.context.ask_model(claim.assistant.model, claim.accounts, given, seconds)

    def press_keys(self, claim: StreamClaim, keys: str) -> bool:
        """Play keys to the leg by the carrier's API. False: they have to be in the sound.

        Raises ``CarrierError`` where the carrier may have played them.
        """
        return carrier_tools.press_keys(self.context, claim.call_id, keys)

    def send_text(self, claim: StreamClaim, message: TextMessage) -> str | None:
        """Send a text message for the assistant. Returns why not, as a sentence."""
        return carrier_tools.send_text(self.context, claim.call_id, message)

    def search_files(self, claim: StreamClaim, ids: list[str], question: str) -> list[Found]:
        """The best chunks of the organisation's files. Raises the store's error."""
        return files.search(self.context, claim.org_id, ids, question)

    def pending_db_errors(self, claim: StreamClaim) -> None:
        """Remember in memory that the store failed to record an event of this socket.

        If this process is killed before ``flush_db_errors``, the watchdog ends the call.
        """
        self._pending_db_errors[claim.call_id] = claim.stream

    def flush_db_errors(self) -> None:
        """End remembered calls that are open with ``db-error``. Raises the store's error.

        A call that is being forwarded needs no socket.
        """
        for call_id, stream in tuple(self._pending_db_errors.items()):
            with self.context.store.write() as conn:
                found = record.get(conn, call_id, lock=True, log=True)
                over = {CallStatus.ENDED, CallStatus.FORWARDING}
                if found is not None and found.status not in over:
                    self._flush_db_error(CallTx(self.context, conn, found), stream)
            del self._pending_db_errors[call_id]

    def _flush_db_error(self, tx: CallTx, stream: str) -> None:
        """End the call, unless it goes on with another socket."""
        if apply.state_of(tx).streams[-1:] in ((), (stream,)):
            apply.request_end(tx, EndedReason.DB_ERROR, DB_ERROR_MESSAGE)

    def streams(self, call_ids: Collection[str]) -> Mapping[str, str | None]:
        """The stream that each of these calls has now; any other one of the call must close.

        The calls that need no media are left out: ended, deleted or forwarding.
        """
        with self.context.store.read() as conn:
            return calls.streams(conn, call_ids)

    def commands(self, claims: Collection[StreamClaim]) -> Sequence[Command]:
        """Claim the live control commands for these streams, each once and in order."""
        with_commands = control.CONTROLLABLE | control.RELAYED
        obedient = {claim.call_id for claim in claims if claim.backend in with_commands}
        return control.claim(self.context, obedient) if obedient else []

    def find_monitor(self, call_id: str, token: str) -> MonitorEndpoint | None:
        """A call's monitor endpoint; None when it is not in progress. Raises ``Refused``."""
        return monitor.find(self.context, call_id, token)

    def find_supervised(self, call_id: str, token: str, expires: str) -> MonitorEndpoint | None:
        """The same for a supervisor who speaks. Raises ``Refused``."""
        return supervisor.find(self.context, call_id, token, expires)

    @one_transaction
    def taken_over(self, claim: StreamClaim, *, taken: bool, cause: str) -> None:
        """Store that a supervisor has the call, or the assistant again. Raises the store's error."""
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None and supervisor.may_tell(tx, claim.stream):
                supervisor.note(tx, claim.stream, taken=taken, cause=cause)

    @one_transaction
    def _record(
        self,
        claim: StreamClaim,
        kind: EventKind,
        *,
        reason: EndedReason | None = None,
        generic: bool = False,
        data: JsonObject = NOTHING,
    ) -> None:
        event = CallEvent(
            kind,
            at=self.context.now(),
            key=f"{kind}:{claim.stream}",
            source=claim.provider.name,
            reason=reason,
            generic=generic,
            stream=claim.stream,
            data=data,
        )
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None:
                apply.apply_events(tx, [event])

    def _locked(self, conn: Connection, claim: StreamClaim) -> CallTx | None:
        found = record.get(conn, claim.call_id, lock=True, log=True)
        return CallTx(self.context, conn, found) if found else None

    def _find(self, conn: Connection, carrier: Carrier, token: str) -> MediaToken:
        found = self._find_token(conn, token)
        if found is None or found.call.provider != carrier.name:
            raise Refused("the stream token is not known")
        if found.used:
            raise Refused("the stream token was used before")
        if found.expires_at < self.context.now():
            raise Refused("the stream token has expired")
        if found.call.status == CallStatus.ENDED:
            raise Refused("the call is over")
        return found

    def _find_token(self, conn: Connection, token: str) -> MediaToken | None:
        return tokens.find_media(self.context.vault, conn, token)

    def _build_claim(self, call: Call, carrier: Carrier, stream: str) -> StreamClaim:
        stored = call_assistant.with_secrets(self.context, call)
        return self._claim_of(
            call,
            carrier,
            stream,
            stored,
            variables.of_call(self.context, call),
            load_history(call.facts.history),
        )

    def _whole(
        self, conn: Connection, call: Call, stored: AssistantConfig, values: JsonObject
    ) -> AssistantConfig:
        """The assistant with its tools, its templates rendered."""
        return rendered(tools.with_tools(self.context, conn, call.org_id, stored), values)

    def _claim_of(
        self,
        call: Call,
        carrier: Carrier,
        stream: str,
        stored: AssistantConfig,
        values: JsonDict,
        history: History = NO_HISTORY,
    ) -> StreamClaim:
        """``stored``: the assistant with its secrets, its templates not rendered."""
        settings = self.context.settings
        facts = {
            "id": call.id,
            "type": call.type,
            "metadata": call.body.get("metadata") or {},
            "customer": call.facts.customer,
            "phoneNumber": {"number": call.facts.number},
            "messages": call.body.get("messages") or [],
        }
        with self.context.store.read() as conn:
            assistant = self._whole(conn, call, stored, values)
            vendors = vendor_accounts.accounts_for_call(self.context, conn, call.org_id, assistant)
        return StreamClaim(
            call.id,
            call.org_id,
            stream,
            carrier,
            assistant.transport.backend(settings),
            assistant.transport.stream_url(settings),
            assistant,
            facts,
            vendors,
            call.facts.taped,
            values,
            web_calls.audio_format(call.body) if not carrier.phone else "",
            history,
            taken_over=call.facts.taken_over,
        )


def check_leg(start: StreamStart, account_ref: str | None, leg_ref: str | None) -> None:
    """Refuse a start message of another account or leg than these. Raises ``Refused``."""
    if start.account_ref and start.account_ref != account_ref:
        raise Refused("the stream belongs to another account")
    if start.call_ref and leg_ref and start.call_ref != leg_ref:
        raise Refused("the stream belongs to another leg")
