"""A leg that no assistant answers: forward it to the fallback destination, or end its call."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.assistant import number_hooks
from app.domain.assistant.number_hooks import Action, Moment
from app.domain.assistant.secrets import text_without_secrets, without_secrets
from app.domain.calls import call_number, instructions, variables
from app.domain.calls.apply import request_end, state_of
from app.domain.calls.record import Call, CallTx
from app.domain.legs import hook_actions, transfer
from app.domain.reporting.call_json import DEBUGGING
from providers.base.instructions import Instruction, Say
from providers.common import foreign_json, json_text
from providers.common.json_types import JsonDict
from providers.events import CallStatus, EndedReason

log = logging.getLogger(__name__)

MAX_ID = 100
"""Characters of an id that is told: no stored one is longer."""

MAX_RESPONSE = 4000
"""Characters of a reply that are kept."""
DESCRIPTIONS: Mapping[EndedReason, str] = {
    EndedReason.ASSISTANT_NOT_PROVIDED: "neither the URL nor the phone number names an assistant",
    EndedReason.ASSISTANT_NOT_INVALID: "the assistant is not valid",
}
INVALID = EndedReason.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT
OF_THE_REQUEST = frozenset(
    {
        EndedReason.ASSISTANT_REQUEST_RETURNED_ERROR,
        INVALID,
        EndedReason.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT,
    }
)
"""Reasons that a server's reply to ``assistant-request`` gives."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no assistant. ``spoken`` is the server's text for the caller."""

    reason: EndedReason
    message: str | None = None
    spoken: str | None = None
    response: bytes | None = None
    """The server's reply to ``assistant-request``; None: it was not asked, or gave none."""


def not_found(asked_for: str) -> Refusal:
    """``asked_for``: the id, as the flow or the server gave it."""
    message = f"assistantId {asked_for[:MAX_ID]} does not exist"
    return Refusal(EndedReason.ASSISTANT_NOT_FOUND, message)


def end_call(tx: CallTx, refusal: Refusal) -> None:
    """End the call for this reason, by a hook of the number, or by its fallback destination.

    A call with a ``spoken`` text has no fallback, because that reply of the server is no failure.
    """
    log.warning("call %s: %s: %s", tx.call.id, refusal.reason, refusal.message or "no word of why")
    number, message = call_number.with_secrets(tx.context, tx.call), refusal.message
    if hook := number_hooks.ending(number, words_of_request(refusal)):
        tx.update(body={**tx.call.body, DEBUGGING: debugging(refusal, message)})
        problem = hook_actions.execute(tx, Moment.ENDING, hook, message)
        if problem is None:
            return
        message = "; ".join(filter(None, (message, problem)))
    fallback = number.get("fallbackDestination")
    if fallback and refusal.spoken is None:
        destination = variables.filled(tx.context, tx.call, fallback)
        problem = transfer.begin(tx, destination, reason=refusal.reason, assisted=False)
        if problem is None:
            return
        message = "; ".join(filter(None, (message, f"fallbackDestination: {problem}")))
    if refusal.spoken:
        hook_actions.speak(tx, refusal.spoken)
    tx.update(body={**tx.call.body, DEBUGGING: debugging(refusal, message)})
    request_end(tx, refusal.reason, message)


def ring(tx: CallTx, hook: Action) -> list[Instruction]:
    """The instructions for a leg that arrives, by the number's hook for its caller."""
    problem = hook_actions.execute(tx, Moment.RINGING, hook)
    if problem is not None:
        end_call(tx, Refusal(hook_actions.REASONS[Moment.RINGING, hook.type], problem))
    return fallback(tx)


def words_of_request(refusal: Refusal) -> frozenset[str]:
    """Vapi's words for what a reply to ``assistant-request`` lacks; none if none was asked for."""
    if refusal.reason is EndedReason.ASSISTANT_REQUEST_RETURNED_ERROR:
        untold = () if refusal.spoken else number_hooks.UNTOLD_ERRORS
        return frozenset({refusal.reason, *untold})
    if refusal.reason in OF_THE_REQUEST:
        return frozenset({refusal.reason})
    named_none = refusal.response is not None
    return frozenset({INVALID} if named_none else ())


def debugging(refusal: Refusal, message: str | None) -> JsonDict:
    """``inboundPhoneCallDebuggingArtifacts``: why the leg got no assistant."""
    told = message or DESCRIPTIONS.get(refusal.reason, refusal.reason)
    artifacts: JsonDict = {"error": told}
    if refusal.reason in OF_THE_REQUEST or refusal.response is not None:
        artifacts["assistantRequestError"] = refusal.message or told
    if refusal.response is not None:
        artifacts["assistantRequestResponse"] = _response(refusal.response)
    return artifacts


def _response(reply: bytes) -> object:
    """The reply as it was, without its secrets; as a text where it is no JSON, or long."""
    try:
        found = foreign_json.parse(reply)
    except ValueError:
        text = text_without_secrets(reply.decode(errors="replace"))
        return foreign_json.clean(text[:MAX_RESPONSE])
    public = without_secrets(found)
    short = json_text.dumps(public)
    return public if len(short) <= MAX_RESPONSE else short[:MAX_RESPONSE]


def farewell(call: Call) -> list[Instruction]:
    """The instructions for the leg of an ended call, the same for each request."""
    spoken, language = call.facts.spoken, call.facts.spoken_language
    return [*([Say(spoken, language)] if spoken else []), *instructions.return_leg(call)]


def fallback(tx: CallTx) -> list[Instruction]:
    """The instructions for the leg after ``end_call``."""
    state = state_of(tx)
    if state.status is CallStatus.FORWARDING:
        return transfer.hand_over(tx, state)
    return farewell(tx.call)
