"""``assistant-request``: the number's or organisation's server names the assistant of a leg.

https://docs.vapi.ai/server-url/events#assistant-request

The call is stored first, because the request names it.
No transaction is open during the request. Then its reply is stored.
A repeated webhook of the same arrival waits for that reply.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from app import deadline
from app.domain.assistant import carrier_speech, installation, validate
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import check_fields
from app.domain.assistant.outgoing import check_credential_ids
from app.domain.assistant.told import sentences
from app.domain.calls import create, record, stored_resources, variables
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, Reply
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.legs import transfer
from app.domain.legs.assistant_reply import (
    INVALID,
    ChosenAssistant,
    ChosenDestination,
    ChosenMembers,
    Verdict,
    judge,
)
from app.domain.legs.no_assistant import Refusal, end_call, not_found
from app.domain.reporting import message_text, server_messages
from app.domain.resources import server_credentials, squads
from app.store.again import one_transaction
from providers.common import json_text
from providers.common.json_types import JsonObject
from providers.events import CallStatus, EndedReason

log = logging.getLogger(__name__)

ASSISTANT_REQUEST = "assistant-request"
LOOK_SECONDS = 0.1
GRACE_SECONDS = 1.0
"""After the timeout and this grace the requesting process is gone; the next webhook asks again."""
FORWARDED = EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for its assistant. ``first``: this webhook sends the request."""

    call_id: str
    first: bool


class AssistantRequests:
    """Sends the assistant request, once per call."""

    def __init__(
        self,
        context: Context,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.context = context
        self._pause = pause
        self._clock = clock

    def settle(self, question: Question) -> None:
        """Wait until the call's assistant is decided, until the request's timeout at most."""
        call = self._row(question.call_id) if question.first else self._awaited(question.call_id)
        if call is None or call.facts.asking_since is None:
            return
        with deadline.paused():
            reply = self._ask(call)
        self._settled(question.call_id, reply)

    @one_transaction
    def _settled(self, call_id: str, reply: Reply) -> None:
        with self.context.store.write() as conn:
            found = record.get(conn, call_id, lock=True)
            if found is not None and found.facts.asking_since is not None:
                self._decide(CallTx(self.context, conn, found), reply)

    def _row(self, call_id: str) -> Call | None:
        with self.context.store.read() as conn:
            return record.get(conn, call_id)

    def _awaited(self, call_id: str) -> Call | None:
        """The call, once its assistant is decided or its request has timed out."""
        patience = self.context.settings.assistant_request_seconds + GRACE_SECONDS
        until = self._clock() + patience  # also when the time of day was set back meanwhile
        while True:
            call = self._row(call_id)
            since = call.facts.asking_since if call else None
            if since is None or self.context.now() > since + timedelta(seconds=patience):
                return call
            if self._clock() > until:
                return call
            with deadline.paused():
                self._pause(LOOK_SECONDS)

    def _ask(self, call: Call) -> Reply:
        server = call.facts.server
        if server is None:
            return Reply(error="no server URL is set for the number or the organisation")
        told = message_text.message(self.context, call, ASSISTANT_REQUEST, {})
        names = ("type", "timestamp", "call", "phoneNumber", "customer")
        message = {name: told[name] for name in names if name in told}
        return self.context.ask_server(
            server.url,
            f"{ASSISTANT_REQUEST}-{call.id}",
            json_text.dumps({"message": message}).encode(),
            server_messages.server_secrets(self.context, call),
            self.context.settings.assistant_request_seconds,
        )

    def _decide(self, tx: CallTx, reply: Reply) -> None:
        tx.update(facts=tx.call.facts._replace(asking_since=None))
        if tx.call.status == CallStatus.ENDED:
            return  # the call ended during the request
        refusal = self._apply(tx, judge(reply))
        if refusal is not None:
            end_call(tx, replace(refusal, response=reply.body or None))

    def _apply(self, tx: CallTx, verdict: Verdict) -> Refusal | None:
        """Do what the reply says. Returns why no assistant answers, if so."""
        match verdict:
            case Refusal():
                return verdict
            case ChosenDestination():
                return self._forward(tx, verdict)
            case ChosenMembers():
                return self._set_squad(tx, verdict)
            case ChosenAssistant():
                return self._set_assistant(tx, verdict)

    def _forward(self, tx: CallTx, chosen: ChosenDestination) -> Refusal | None:
        destination = variables.filled(tx.context, tx.call, chosen.destination)
        problem = transfer.begin(tx, destination, reason=FORWARDED, assisted=False)
        return Refusal(INVALID, problem) if problem else None

    def _set_assistant(self, tx: CallTx, chosen: ChosenAssistant) -> Refusal | None:
        body: AssistantConfig | None = AssistantConfig(chosen.assistant)
        if chosen.assistant_id is not None:
            known = parse_uuid(chosen.assistant_id)  # the store accepts only UUIDs
            body = (
                stored_resources.stored_assistant(self.context, tx.conn, tx.call.org_id, known)
                if known
                else None
            )
        if body is None:
            return not_found(chosen.assistant_id or "")
        whole = body.with_overrides(chosen.overrides)
        problem = self._problem(tx, whole, chosen.assistant, chosen.overrides)
        if problem:
            return Refusal(INVALID, f"assistant: {problem}")
        sent = {"assistantOverrides": chosen.overrides}
        if chosen.assistant_id is None:
            sent["assistant"] = chosen.assistant
        create.set_assistant(tx, chosen.assistant_id, whole, sent)
        return None

    def _set_squad(self, tx: CallTx, chosen: ChosenMembers) -> Refusal | None:
        given, org_id = chosen.squad, tx.call.org_id
        overrides = (chosen.overrides, chosen.squad_overrides)
        try:
            if chosen.squad_id is None:
                found = squads.of_body(self.context, tx.conn, org_id, given, *overrides)
            else:
                found = squads.of_id(self.context, tx.conn, org_id, chosen.squad_id, *overrides)
        except Invalid as error:
            return Refusal(INVALID, str(error))
        problem = self._problem(tx, found.first, chosen.overrides, chosen.squad_overrides)
        if problem:
            return Refusal(INVALID, f"squad: {problem}")
        sent = {
            "squad": given,
            "assistantOverrides": chosen.overrides,
            "squadOverrides": chosen.squad_overrides,
        }
        create.set_assistant(tx, None, found.first, sent, found.squad)
        return None

    def _problem(self, tx: CallTx, whole: AssistantConfig, *sent: JsonObject) -> str | None:
        """Why this assistant cannot answer, as a sentence. ``sent``: the parts of the reply."""
        try:
            known_here = partial(server_credentials.missing, tx.conn, tx.call.org_id)
            check_credential_ids(whole.json, known_here)
        except Invalid as error:
            return str(error)
        problem = (
            validate.problem(whole.json, self.context.url_problem)
            or next(filter(None, map(validate.unsendable, sent)), None)
            or installation.never_works(whole, self.context.settings)
            or carrier_speech.mismatch(whole, tx.carrier)
        )
        if problem is None and (told := sentences(check_fields(whole.json))):
            log.info("the assistant of call %s: %s", tx.call.id, "; ".join(told))
        return problem
