"""What Twilio's words mean in ours. Words that stand in no table become a note.

https://www.twilio.com/docs/voice/api/call-resource#call-status-values
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.events import EndedReason as R
from providers.events import EventKind

PROGRESS: Mapping[str, EventKind] = {
    "queued": EventKind.LEG_QUEUED,
    "initiated": EventKind.LEG_QUEUED,  # of callbacks only; the Call resource never says it
    "ringing": EventKind.LEG_RINGING,
    "in-progress": EventKind.LEG_ANSWERED,  # what the event "answered" is delivered as
    "answered": EventKind.LEG_ANSWERED,
}

ENDS: Mapping[str, tuple[R, R]] = {
    # word: (of a leg Twilio dialled, of a leg that called in)
    "completed": (R.CUSTOMER_ENDED_CALL, R.CUSTOMER_ENDED_CALL),
    "busy": (R.CUSTOMER_BUSY, R.CUSTOMER_BUSY),
    # An inbound leg is not answered by us, so its caller gave up.
    "no-answer": (R.CUSTOMER_DID_NOT_ANSWER, R.CUSTOMER_ENDED_CALL),
    "canceled": (R.MANUALLY_CANCELED, R.CUSTOMER_ENDED_CALL),
    "cancelled": (R.MANUALLY_CANCELED, R.CUSTOMER_ENDED_CALL),  # once in the docs
    "failed": (R.TWILIO_FAILED_TO_CONNECT_CALL, R.TWILIO_FAILED_TO_CONNECT_CALL),
}
GENERIC_END = "completed"
"""Says that the leg is over, not why."""

STREAM_EVENTS: Mapping[str, EventKind] = {
    # The socket itself is the proof of both; these may overtake it.
    "stream-started": EventKind.NOTE,
    "stream-stopped": EventKind.NOTE,
    # Also sent when we close the socket on purpose (31921): counts only if it was never open.
    "stream-error": EventKind.MEDIA_FAILED,
}

MACHINE: Mapping[str, bool] = {
    "human": False,
    "unknown": False,  # a doubt hangs no call up
    "machine_start": True,
    "machine_end_beep": True,
    "machine_end_silence": True,
    "machine_end_other": True,
    "fax": True,
}

FORWARD_ENDED = frozenset({"completed", "answered"})  # "answered" is said of conferences
FORWARD_FAILED = frozenset({"busy", "no-answer", "failed", "canceled", "cancelled"})

RECORDING_STATUSES: Mapping[str, EventKind] = {
    "in-progress": EventKind.NOTE,
    "completed": EventKind.RECORDED,
    "absent": EventKind.RECORDING_FAILED,  # too short, or silent throughout
    "failed": EventKind.RECORDING_FAILED,
}
"""https://www.twilio.com/docs/voice/api/recording#recordingstatuscallback"""


def end_fields(word: str, inbound: bool) -> dict[str, Any]:
    """The reasons of an end, as fields of an event."""
    dialled, called_in = ENDS[word]
    generic = word == GENERIC_END
    unanswered = R.CUSTOMER_ENDED_CALL if inbound else R.UNKNOWN_ERROR
    return {
        "reason": called_in if inbound else dialled,
        "unanswered_reason": unanswered if generic else None,
        "generic": generic,
    }
