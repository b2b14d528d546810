"""A Studio flow that lends its leg to an assistant and branches on the outcome.

The TwiML Redirect widget answers with a ``<Redirect>`` to us. Our last document redirects back to
the flow with ``FlowEvent=return`` and the outcome as parameters. Studio keeps them as
``{{widgets.assistant.*}}``. https://www.twilio.com/docs/studio/widget-library/twiml-redirect
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from providers.common.json_types import JsonDict
from providers.events import EndedReason as Reason

REASON = "{{widgets.assistant.vapiEndedReason}}"
LONGEST_SECONDS = 14400
"""Studio's longest time of a TwiML Redirect. After it Studio cannot take the call back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Reasons after which the caller hears the same sentence."""

    widget: str
    """The widget that speaks; "": the flow ends, which hangs up."""
    name: str
    reasons: Sequence[Reason]
    says: str = ""


OVER = Outcome(
    "goodbye",
    "the conversation is over",
    (
        Reason.ASSISTANT_ENDED_CALL,
        Reason.ASSISTANT_SAID_END_CALL_PHRASE,
        # The flow gets the caller back when the destination has hung up.
        Reason.ASSISTANT_FORWARDED_CALL,
        Reason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER,
        # The number's own hook has said what is to be said, or has forwarded the caller.
        Reason.CALL_RINGING_HOOK_EXECUTED_SAY,
        Reason.CALL_RINGING_HOOK_EXECUTED_TRANSFER,
        Reason.CALL_ENDING_HOOK_EXECUTED_SAY,
        Reason.CALL_ENDING_HOOK_EXECUTED_TRANSFER,
        # A person ended the call on purpose: another number must not be dialled for it.
        Reason.MANUALLY_CANCELED,
    ),
    "Thank you for calling. Goodbye.",
)
SILENT = Outcome(
    "silent",
    "the caller was silent",
    (Reason.SILENCE_TIMED_OUT,),
    "We could not hear you. Please call again. Goodbye.",
)
TOO_LONG = Outcome(
    "time_over",
    "the longest time is over",
    (Reason.EXCEEDED_MAX_DURATION,),
    "This call has reached its longest time. Please call again if you need more. Goodbye.",
)
GONE = Outcome(
    "",
    "there is no person on the line",
    (
        Reason.VOICEMAIL,
        Reason.CUSTOMER_ENDED_CALL,
        Reason.CUSTOMER_BUSY,
        Reason.CUSTOMER_DID_NOT_ANSWER,
    ),
)
OUTCOMES = (OVER, SILENT, TOO_LONG, GONE)
"""Every other reason is a failure of the assistant or of its connection."""

SORRY = "Sorry, the assistant is not available right now."
CONNECTING = f"{SORRY} We connect you to a person."
# Between two widgets in Studio's editor.
COLUMN = 320


def flow(base_url: str, assistant_id: str, transfer_to: str | None = None) -> JsonDict:
    """The flow's definition, for Studio's "Import from JSON".

    ``base_url`` is the bridge's public URL. The account's phone number must be stored at the
    bridge. ``transfer_to`` takes the callers whose assistant has failed.
    """
    return {
        "description": "Lend the call to a Patchbay assistant, then branch on how it ended",
        "initial_state": "Trigger",
        "flags": {"allow_concurrent_calls": True},
        "states": [
            _trigger(),
            _assistant(base_url, assistant_id),
            _split(),
            *_endings(transfer_to),
        ],
    }


def _state(
    name: str, kind: str, at: tuple[int, int], properties: JsonDict, *transitions: Any
) -> JsonDict:
    offset = {"x": at[0], "y": at[1]}
    return {
        "name": name,
        "type": kind,
        "properties": {"offset": offset, **properties},
        "transitions": list(transitions),
    }


def _on(event: str, to: str | None = None, **more: Any) -> JsonDict:
    return {"event": event, **({"next": to} if to else {}), **more}


def _trigger() -> JsonDict:
    events = ("incomingConversationMessage", "incomingRequest", "incomingParent")
    return _state(
        "Trigger",
        "trigger",
        (0, 0),
        {},
        _on("incomingMessage"),
        _on("incomingCall", "assistant"),
        *(_on(event) for event in events),
    )


def _assistant(base_url: str, assistant_id: str) -> JsonDict:
    """The TwiML Redirect widget.

    ``flow.flow_sid`` is the flow; ``flow.sid`` would be this execution.
    """
    wanted = f"assistantId={quote(assistant_id, safe='')}&flow={{{{flow.flow_sid}}}}"
    url = f"{base_url.rstrip('/')}/twilio/inbound_call?{wanted}"
    return _state(
        "assistant",
        "add-twiml-redirect",
        (0, 200),
        {"url": url, "method": "POST", "timeout": str(LONGEST_SECONDS)},
        _on("return", "outcome"),
        _on("timeout"),
        _on("fail", "sorry"),
    )


def _split() -> JsonDict:
    matches = (
        _on(
            "match",
            each.widget or None,
            conditions=[
                {
                    "friendly_name": each.name,
                    "arguments": [REASON],
                    "type": "matches_any_of",
                    "value": ",".join(each.reasons),
                }
            ],
        )
        for each in OUTCOMES
    )
    return _state(
        "outcome", "split-based-on", (0, 420), {"input": REASON}, _on("noMatch", "sorry"), *matches
    )


def _endings(transfer_to: str | None) -> Iterator[JsonDict]:
    speaking = [each for each in OUTCOMES if each.widget]
    for column, each in enumerate(speaking, start=-2):
        yield _say(each.widget, each.says, (COLUMN * column, 650))
    at = (COLUMN * (len(speaking) - 2), 650)
    yield _say("sorry", CONNECTING if transfer_to else SORRY, at, transfer_to and "person")
    if transfer_to:
        yield _person(transfer_to, (at[0], at[1] + 200))


def _person(number: str, at: tuple[int, int]) -> JsonDict:
    return _state(
        "person",
        "connect-call-to",
        at,
        {
            "noun": "number",
            "to": number,
            "caller_id": "{{contact.channel.address}}",
            "timeout": 30,
            "record": False,
        },
        _on("callCompleted"),
        _on("hangup"),
    )


def _say(name: str, text: str, at: tuple[int, int], then: str | None = None) -> JsonDict:
    return _state(name, "say-play", at, {"say": text, "loop": 1}, _on("audioComplete", then))
