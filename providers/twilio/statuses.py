"""Twilio's words -> ours. A word that is in no table becomes a note.

https://www.twilio.com/docs/voice/api/call-resource#call-status-values
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.common.json_types import JsonDict
from providers.events import EndedReason as R
from providers.events import EventKind

PROGRESS: Mapping[str, EventKind] = {
    "queued": EventKind.LEG_QUEUED,
    "initiated": EventKind.LEG_QUEUED,  # callbacks only; the Call resource never has it
    "ringing": EventKind.LEG_RINGING,
    "in-progress": EventKind.LEG_ANSWERED,  # the event "answered" is delivered with this word
    "answered": EventKind.LEG_ANSWERED,
}

# https://www.twilio.com/docs/voice/api/call-resource#call-properties
DIRECTIONS = frozenset({"inbound", "outbound-api", "outbound-dial", "trunking-originating",
                        "trunking-terminating"})  # fmt: skip

ENDS: Mapping[str, tuple[R, R]] = {
    # word: (of a leg that Twilio dialled, of a leg that called in)
    "completed": (R.CUSTOMER_ENDED_CALL, R.CUSTOMER_ENDED_CALL),
    "busy": (R.CUSTOMER_BUSY, R.CUSTOMER_BUSY),
    # We do not answer an inbound leg, so its caller gave up.
    "no-answer": (R.CUSTOMER_DID_NOT_ANSWER, R.CUSTOMER_ENDED_CALL),
    "canceled": (R.MANUALLY_CANCELED, R.CUSTOMER_ENDED_CALL),
    "cancelled": (R.MANUALLY_CANCELED, R.CUSTOMER_ENDED_CALL),  # once in the docs
    "failed": (R.TWILIO_FAILED_TO_CONNECT_CALL, R.TWILIO_FAILED_TO_CONNECT_CALL),
}
# Twilio's word for any end after the answer; it does not say why.
GENERIC_END = "completed"

STREAM_EVENTS: Mapping[str, EventKind] = {
    # The socket itself proves both, and these may come before it.
    "stream-started": EventKind.NOTE,
    "stream-stopped": EventKind.NOTE,
    # Also sent when we close the socket on purpose (31921): counts only if it never opened.
    "stream-error": EventKind.MEDIA_FAILED,
}

# Errors of ConversationRelay that another session would end with, too. After any other one, such as
# a socket that broke off (64105), the leg gets another session.
# https://www.twilio.com/docs/api/errors/64106
RELAY_FAILED = frozenset(
    {
        "64106",  # Twilio's speech takes no such voice, language or model
        "64114",  # its recogniser cannot be reached
    }
)

MACHINE: Mapping[str, bool] = {
    "human": False,
    "unknown": False,  # a doubt must not end a call
    "machine_start": True,
    "machine_end_beep": True,
    "machine_end_silence": True,
    "machine_end_other": True,
    "fax": True,
}

FORWARD_ENDED = frozenset({"completed", "answered"})  # "answered" is said of conferences
FORWARD_FAILED = frozenset({"busy", "no-answer", "failed", "canceled", "cancelled"})

# ``ReferCallStatus``: of the call that the party's own device has made. ``in-progress``: it has
# answered. https://www.twilio.com/docs/voice/twiml/refer
REFER_ENDED = frozenset({"in-progress", "answered", "completed"})
REFER_FAILED = FORWARD_FAILED

# The operator's leg of a warm transfer, for which every end of ``ENDS`` is the operator's.
OPERATOR: Mapping[str, EventKind] = {
    "queued": EventKind.NOTE,
    "initiated": EventKind.OPERATOR_RINGING,
    "ringing": EventKind.OPERATOR_RINGING,
    "in-progress": EventKind.NOTE,  # the request for the document says it
    "answered": EventKind.NOTE,
}

# https://www.twilio.com/docs/voice/twiml/conference#statuscallbackevent
ROOM: Mapping[str, EventKind] = {
    "participant-join": EventKind.OPERATOR_JOINED,
    "participant-leave": EventKind.NOTE,
}

# https://www.twilio.com/docs/voice/api/recording#recordingstatuscallback
RECORDING_STATUSES: Mapping[str, EventKind] = {
    "in-progress": EventKind.NOTE,
    "completed": EventKind.RECORDED,
    "absent": EventKind.RECORDING_FAILED,  # too short, or silent throughout
    "failed": EventKind.RECORDING_FAILED,
}


def end_fields(word: str, inbound: bool, answered: bool = False) -> JsonDict:
    """The reasons of an end, as fields of an event.

    ``answered``: the end itself proves an answer, whether an earlier callback did or not.
    """
    dialled, called_in = ENDS[word]
    generic = word == GENERIC_END
    unanswered = R.CUSTOMER_ENDED_CALL if inbound else None if answered else R.UNKNOWN_ERROR
    return {
        "reason": called_in if inbound else dialled,
        "unanswered_reason": unanswered if generic else None,
        "generic": generic,
    }
