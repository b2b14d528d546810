"""Carries out the hooks of a phone number: the leg hears a text, or is forwarded.

No assistant takes part. https://docs.vapi.ai/phone-numbers/phone-number-hooks
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.number_hooks import Action, ActionType, Moment
from app.domain.calls import variables
from app.domain.calls.apply import request_end
from app.domain.calls.record import CallTx
from app.domain.legs import transfer
from providers.events import EndedReason as R

REASONS: Mapping[tuple[Moment, ActionType], R] = {
    (Moment.RINGING, ActionType.SAY): R.CALL_RINGING_HOOK_EXECUTED_SAY,
    (Moment.RINGING, ActionType.TRANSFER): R.CALL_RINGING_HOOK_EXECUTED_TRANSFER,
    (Moment.ENDING, ActionType.SAY): R.CALL_ENDING_HOOK_EXECUTED_SAY,
    (Moment.ENDING, ActionType.TRANSFER): R.CALL_ENDING_HOOK_EXECUTED_TRANSFER,
}
"""The ended reason of each action."""


def execute(tx: CallTx, moment: Moment, action: Action, message: str | None = None) -> str | None:
    """End the call with the action's words, or begin its transfer.

    ``message``: why there is no assistant, for ``endedMessage``. Returns why the transfer is
    refused, as a sentence, and then changes nothing; None on success.
    """
    reason = REASONS[moment, action.type]
    if action.type is ActionType.SAY:
        speak(tx, action.words)
        request_end(tx, reason, message)
        return None
    destination = variables.filled(tx.context, tx.call, action.destination)
    problem = transfer.begin(tx, destination, reason=reason, assisted=False)
    return f"{action.path}: {problem}" if problem else None


def speak(tx: CallTx, words: str) -> None:
    """Keep the text, rendered, for the answer to the leg: ``no_assistant.farewell`` has it."""
    spoken = variables.filled_text(tx.context, tx.call, words)
    tx.update(facts=tx.call.facts._replace(spoken=spoken))
