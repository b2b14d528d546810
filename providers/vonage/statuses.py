"""Vonage's words -> ours: for the phone's leg, for our media socket's, for a forward's.

https://developer.vonage.com/en/voice/voice-api/webhook-reference#event-webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.events import EndedReason, EventKind


@dataclass(frozen=True, slots=True)
class Row:
    """One status: the kind of event, its reason, whether Vonage waits for an NCCO."""

    kind: EventKind
    reason: EndedReason | None = None
    asks: bool = False


# The phone leg's words. ``webhooks._completed`` handles "completed".
PHONE: Mapping[str, Row] = {
    "started": Row(EventKind.LEG_QUEUED),
    "ringing": Row(EventKind.LEG_RINGING),
    "answered": Row(EventKind.LEG_ANSWERED),
    "busy": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_BUSY),
    "timeout": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_DID_NOT_ANSWER),
    "unanswered": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_DID_NOT_ANSWER),
    "cancelled": Row(EventKind.LEG_ENDED, EndedReason.MANUALLY_CANCELED),
    # The only end after which no "completed" comes.
    "rejected": Row(EventKind.LEG_ENDED, EndedReason.VONAGE_REJECTED),
    "failed": Row(EventKind.LEG_ENDED, EndedReason.VONAGE_FAILED_TO_CONNECT_CALL),
}

# On an inbound leg the customer rings, and may give up.
PHONE_INBOUND: Mapping[str, Row] = {
    **PHONE,
    "started": Row(EventKind.LEG_RINGING),
    "cancelled": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL),
}

# Who ended an answered phone leg. Events from before 2025 lack it: the user counts then.
DISCONNECTED_BY: Mapping[str, EndedReason] = {
    "user": EndedReason.CUSTOMER_ENDED_CALL,
    "platform": EndedReason.VONAGE_DISCONNECTED,
}

# Why an unanswered leg is "completed", when its specific event was lost.
SIP: Mapping[int, EndedReason] = {
    486: EndedReason.CUSTOMER_BUSY,
    600: EndedReason.CUSTOMER_BUSY,
    408: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    480: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    487: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    403: EndedReason.VONAGE_REJECTED,
    603: EndedReason.VONAGE_REJECTED,
}

_NO_SOCKET = Row(EventKind.MEDIA_FAILED, EndedReason.VONAGE_FAILED_TO_CONNECT_CALL, asks=True)

# The media socket's leg (``to`` is our ws address).
MEDIA: Mapping[str, Row] = {
    "started": Row(EventKind.MEDIA_STARTING),
    "ringing": Row(EventKind.MEDIA_STARTING),
    "answered": Row(EventKind.MEDIA_CONNECTED),
    "failed": _NO_SOCKET,
    "unanswered": _NO_SOCKET,
    "rejected": _NO_SOCKET,
    "busy": _NO_SOCKET,
    "timeout": _NO_SOCKET,
    "cancelled": _NO_SOCKET,
    # Our side closed the socket and did not hang up the leg: Vonage asks for the next NCCO.
    "disconnected": Row(EventKind.LEG_CONTINUED, EndedReason.VONAGE_DISCONNECTED, asks=True),
    # The conversation was torn down, which the phone's side does.
    "completed": Row(EventKind.MEDIA_STOPPED, EndedReason.CUSTOMER_ENDED_CALL),
}

# The leg of a forward. ``webhooks._forward_completed`` handles "completed".
FORWARD: Mapping[str, Row] = {
    "started": Row(EventKind.NOTE),
    "ringing": Row(EventKind.NOTE),
    "answered": Row(EventKind.NOTE),
    "busy": Row(EventKind.FORWARD_FAILED, asks=True),
    "timeout": Row(EventKind.FORWARD_FAILED, asks=True),
    "unanswered": Row(EventKind.FORWARD_FAILED, asks=True),
    "cancelled": Row(EventKind.FORWARD_FAILED, asks=True),
    "rejected": Row(EventKind.FORWARD_FAILED, asks=True),
    "failed": Row(EventKind.FORWARD_FAILED, asks=True),
}

# The operator's leg of a warm transfer. ``webhooks._operator_status`` handles its ends.
OPERATOR: Mapping[str, EventKind] = {
    "started": EventKind.OPERATOR_RINGING,
    "ringing": EventKind.OPERATOR_RINGING,
    "answered": EventKind.NOTE,  # the request for the NCCO says it
    "human": EventKind.NOTE,
    "machine": EventKind.OPERATOR_ANSWERED,
    "transfer": EventKind.OPERATOR_JOINED,  # the leg has moved to the caller's conversation
}

# Answering machine detection. These two name the leg ``call_uuid``.
MACHINE: Mapping[str, bool] = {"human": False, "machine": True}

# Known words that change no status.
NOTES = frozenset({"transfer", "input", "record", "transcribed", "error", "notify", "payment"})

STATUSES = frozenset(PHONE) | frozenset(MEDIA) | frozenset(FORWARD) | frozenset(MACHINE)
