"""The use cases of the media socket on an operator's leg, where a transfer assistant talks.

They are those of the call's own socket, with other events. The call is being forwarded meanwhile,
and its state does not depend on this socket.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy.engine import Connection

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import list_of
from app.domain.assistant.history import History
from app.domain.assistant.rendering import rendered
from app.domain.calls import record, tokens, variables
from app.domain.calls.record import Call, CallTx
from app.domain.calls.tokens import MediaToken
from app.domain.legs import operator, operator_call, operator_talk
from app.domain.legs.handoff import NoHandoff
from app.domain.legs.warm_steps import Step, progress
from app.domain.reporting import live_messages, pending, transfers
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.resources import tools
from app.domain.services.media import MediaService, StreamClaim, check_leg
from app.store import events
from app.store.again import one_transaction
from app.store.commands import Command
from providers.base.carrier import Carrier
from providers.base.media import StreamStart
from providers.common.json_types import JsonObject
from providers.errors import Refused
from providers.events import EndedReason

OVER = "the transfer is over"
NO_TRANSFER = "the operator cannot be transferred"

log = logging.getLogger(__name__)


class OperatorMedia(MediaService):
    """The use cases of the transfer assistants' sockets."""

    def knows(self, token: str) -> bool:
        """Whether a token is of an operator's media socket."""
        return tokens.is_operators(self.context.vault, token)

    def joined(self, claim: StreamClaim, start: StreamStart) -> None:
        """Record the carrier's start message: the talk has begun. Raises ``Refused``."""
        with operator_call.waiting(self.context, claim.call_id, claim.transfer) as found:
            if found is None:
                raise Refused(OVER)
            tx, forward = found
            known = progress(events.of_call(tx.conn, tx.call.id), forward.id)
            check_leg(start, tx.call.facts.account_ref, known.operator_ref)
            operator_talk.begin(tx, forward, claim.stream)

    def stopped(self, claim: StreamClaim) -> None:
        """Record the carrier's stop message: the operator has hung up."""
        self._fail(claim, operator_talk.HUNG_UP)

    def lost(self, claim: StreamClaim, why: EndedReason | None = None, word: str = "") -> None:
        """Record a socket that closed without a stop message. It is not opened again.

        An operator who has agreed needs it no more: the leg asks what follows, and joins.
        """
        self._fail(claim, operator.FAILED, word)

    def request_end(
        self, claim: StreamClaim, reason: EndedReason, message: str | None = None
    ) -> None:
        """Store how the transfer assistant has decided. ``message``: the operator's reason."""
        if reason is operator_talk.AGREED:
            with operator_call.waiting(self.context, claim.call_id, claim.transfer) as found:
                if found is not None:
                    operator_talk.agree(*found)
            return
        outcome = operator_talk.OUTCOMES.get(reason, operator.FAILED)
        self._fail(claim, outcome, message or "")
        if outcome == operator.FAILED:
            log.warning("call %s: its transfer assistant failed: %s", claim.call_id, reason)

    @one_transaction
    def flush(
        self,
        claim: StreamClaim,
        messages: Sequence[OutgoingMessage],
        kept: JsonObject,
        spent: Sequence[JsonObject] = (),
    ) -> None:
        """Keep what was said with the transfer, and the usage with the call's costs.

        The caller's server gets no messages about this conversation.
        """
        if not (kept or spent):
            return
        items = [{"stream": claim.spender, **usage} for usage in spent]
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None:
                transfers.keep_words(tx, events.of_call(conn, tx.call.id), claim.transfer, kept)
                live_messages.flush(tx, [], {}, items)

    @one_transaction
    def finished(self, claim: StreamClaim) -> None:
        """The transfer assistant has flushed its last words."""
        with self.context.store.write() as conn:
            tx = self._locked(conn, claim)
            if tx is not None:
                pending.resolve(tx, operator_talk.artifact(claim.stream))

    def awaited(self, claims: Collection[StreamClaim]) -> frozenset[str]:
        """The streams whose talk goes on: their calls wait for their transfers."""
        with self.context.store.read() as conn:
            found = record.get_several(conn, {claim.call_id for claim in claims})
            return frozenset(
                claim.stream
                for claim in claims
                if (call := found.get(claim.call_id))
                and operator.awaited(CallTx(self.context, conn, call), claim.transfer)
            )

    # -- what a transfer assistant does not do

    def transfer(
        self, claim: StreamClaim, destination: JsonObject, content: str | None, summary: str = ""
    ) -> str | None:
        """Say why not: the operator is not transferred."""
        return NO_TRANSFER

    def summarise(self, claim: StreamClaim, destination: JsonObject) -> str:
        """None is written."""
        return ""

    def next_assistant(
        self, claim: StreamClaim, destination: JsonObject, values: JsonObject
    ) -> StreamClaim:
        """Raises ``NoHandoff``: the operator is not handed over."""
        raise NoHandoff(NO_TRANSFER)

    def press_keys(self, claim: StreamClaim, keys: str) -> bool:
        """Say no: the keys go into the sound, because the API would press them to the caller."""
        return False

    def commands(self, claims: Collection[StreamClaim]) -> Sequence[Command]:
        """None: those of the call are for its own assistant."""
        return []

    def pending_db_errors(self, claim: StreamClaim) -> None:
        """Leave the call alone: the watch of its transfer ends a talk that was not stored."""

    # -- how it finds its claim

    def _find_token(self, conn: Connection, token: str) -> MediaToken | None:
        found = tokens.find_operators(self.context.vault, conn, token)
        forward = found.call.facts.forward if found else None
        if found is None or forward is None:
            return None
        is_awaited = operator.awaited(CallTx(self.context, conn, found.call), forward.id)
        return found if is_awaited else None

    def _has_slot(self, conn: Connection, media: MediaToken) -> bool:
        """A call that is being forwarded has given its slot back, and needs none."""
        return True

    def _refused(self, claim: StreamClaim, why: str) -> None:
        """Note nothing: the leg asks what follows, and the transfer has failed then."""

    def _build_claim(self, call: Call, carrier: Carrier, stream: str) -> StreamClaim:
        forward = call.facts.forward
        if forward is None:
            raise Refused(OVER)
        made = self._claim_of(
            call,
            carrier,
            stream,
            operator_talk.assistant(self.context, call, forward),
            variables.of_call(self.context, call),
            History(),
        )
        return replace(
            made,
            assistant=operator_talk.informed(call, forward, made.assistant),
            call={**made.call, "messages": []},
            recorded=False,
            taken_over=False,
            transfer=forward.id,
        )

    def _whole(
        self, conn: Connection, call: Call, stored: AssistantConfig, values: JsonObject
    ) -> AssistantConfig:
        """The same; its own texts were rendered when the transfer began, and a value is no template."""
        equipped = tools.with_tools(self.context, conn, call.org_id, stored)
        own = len(list_of(stored.model, "tools"))
        given = list_of(equipped.model, "tools")
        named = rendered(AssistantConfig({"model": {"tools": given[own:]}}), values)
        whole = {**equipped.model, "tools": [*given[:own], *list_of(named.model, "tools")]}
        return AssistantConfig({**equipped.json, "model": whole})

    def _fail(self, claim: StreamClaim, outcome: str, told: str = "") -> None:
        """End the transfer, unless caller and operator are together.

        ``told``: the reason that the operator gave, or what has failed.
        """
        with operator_call.waiting(self.context, claim.call_id, claim.transfer) as found:
            if found is None:
                return
            tx, forward = found
            known = progress(events.of_call(tx.conn, tx.call.id), forward.id)
            agreed = known.step is Step.BRIEFED and outcome == operator.FAILED
            if agreed or known.step is Step.JOINED:
                return
            is_theirs = outcome == operator_talk.DECLINED
            error = None if is_theirs else told or None
            operator.fail(tx, forward, outcome, error, why=told if is_theirs else "")
