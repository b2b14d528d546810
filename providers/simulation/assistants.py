"""The assistants that the simulated callers talk to. The bridge gets them by its public API."""

from __future__ import annotations

from providers.common.json_types import JsonDict

# The assistant of most scenarios: repeats the caller and ends the call on ``#``.
ECHO = {"name": "Simulated assistant", "transport": {"provider": "echo"}}
# The assistant of conversations. Without a model it is the bridge's own menu, which speaks.
# It understands some words, too.
SPEAKING = {
    "name": "Simulated menu",
    "transport": {"provider": "local"},
    "transcriber": {"provider": "embedded"},
}
# The menu, at the bridge's upstream.
UPSTREAM = {
    **SPEAKING,
    "name": "Simulated menu at the upstream",
    "transport": {"provider": "vapi"},
}
# Two menus: ``2`` of the first one hands the call to the second, which ends it on ``#``.
SQUAD = {
    "name": "Simulated squad",
    "members": [
        {
            "assistant": {
                **SPEAKING,
                "name": "First menu",
                "firstMessage": "This is the first menu.",
                "model": {
                    "provider": "embedded",
                    "menu": {
                        "2": {
                            "then": "transfer",
                            "destination": {
                                "type": "assistant",
                                "assistantName": "Second menu",
                                "message": "",
                            },
                        },
                        "#": {"say": "The first menu does not end the call."},
                    },
                },
            }
        },
        {
            "assistant": {
                **SPEAKING,
                "name": "Second menu",
                "firstMessage": "This is the second menu. Press hash to end the call.",
                "model": {"provider": "embedded"},
            }
        },
    ],
}
# What the caller hears before a transfer.
TRANSFERRING = "Please hold the line."
# Overrides of an assistant with machine detection by the carrier. ``twilio`` is Vapi's name for it
# with any carrier.
LISTENING = {
    "voicemailDetection": {"provider": "twilio", "voicemailDetectionTypes": ["machine_start"]}
}


def by_carrier(carrier: str) -> JsonDict:
    """The menu, with this carrier's own speech: text goes over the media socket."""
    return {
        "name": "Simulated menu by text",
        "transport": {"provider": carrier, "conversationType": "conversation-relay"},
    }
