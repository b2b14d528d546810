"""A Studio flow that lends its leg to an assistant and branches on the outcome.

The TwiML Redirect widget answers with a ``<Redirect>`` to us. Our last document redirects back to
the flow with ``FlowEvent=return`` and the outcome as parameters. Studio keeps them as
``{{widgets.assistant.*}}``. https://www.twilio.com/docs/studio/widget-library/twiml-redirect
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from providers.common.json_types import JsonDict

# Outcomes after which the flow only says goodbye.
WENT_WELL = ("assistant-ended-call", "assistant-said-end-call-phrase")

# A placeholder for the person to whom the flow connects the caller.
TRANSFER_TO = "+15558675310"


def flow(base_url: str, assistant_id: str) -> JsonDict:
    """The flow's definition, for Studio's "Import from JSON".

    ``base_url`` is the bridge's public URL. The account's phone number must be stored at the
    bridge.
    """
    return {
        "description": "Lend the call to a Patchbay assistant, then branch on how it ended",
        "initial_state": "Trigger",
        "flags": {"allow_concurrent_calls": True},
        "states": [
            _trigger(),
            _assistant(base_url, assistant_id),
            _outcome(),
            _transfer(),
            _say("goodbye", "Thank you for calling. Goodbye.", (-300, 650)),
            _say("sorry", "Sorry, the assistant is not available right now.", (600, 650)),
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
        {"url": url, "method": "POST", "timeout": "14400"},
        _on("return", "outcome"),
        _on("timeout"),
        _on("fail", "sorry"),
    )


def _outcome() -> JsonDict:
    reason = "{{widgets.assistant.vapiEndedReason}}"

    def when(name: str, kind: str, value: str) -> list[JsonDict]:
        return [{"friendly_name": name, "arguments": [reason], "type": kind, "value": value}]

    return _state(
        "outcome",
        "split-based-on",
        (0, 420),
        {"input": reason},
        _on("noMatch", "sorry"),
        _on(
            "match",
            "goodbye",
            conditions=when("the assistant ended it", "matches_any_of", ",".join(WENT_WELL)),
        ),
        _on(
            "match",
            "transfer",
            conditions=when("ended from outside", "equal_to", "manually-canceled"),
        ),
    )


def _transfer() -> JsonDict:
    return _state(
        "transfer",
        "connect-call-to",
        (150, 650),
        {
            "noun": "number",
            "to": TRANSFER_TO,
            "caller_id": "{{contact.channel.address}}",
            "timeout": 30,
            "record": False,
        },
        _on("callCompleted"),
        _on("hangup"),
    )


def _say(name: str, text: str, at: tuple[int, int]) -> JsonDict:
    return _state(name, "say-play", at, {"say": text, "loop": 1}, _on("audioComplete"))
