"""Each kind of event as a sentence, and what the time between two of them means."""

from __future__ import annotations

from collections.abc import Mapping

from providers.events import EventKind as E

TITLES: Mapping[str, str] = {
    E.CREATED: "Patchbay accepted the call.",
    E.DUE: "The time of the scheduled call has come.",
    E.LEG_FETCHED: "The carrier asked what to do with the leg.",
    E.LEG_QUEUED: "The carrier is about to dial.",
    E.LEG_RINGING: "The phone rings.",
    E.LEG_ANSWERED: "The phone was answered.",
    E.LEG_ENDED: "The phone leg is over.",
    E.LEG_CONTINUED: "The carrier finished our document and asked what is next.",
    E.MEDIA_STARTING: "The carrier opens the media socket.",
    E.MEDIA_CONNECTED: "The assistant joined: the media socket is open.",
    E.MEDIA_STOPPED: "The carrier ended the stream.",
    E.MEDIA_LOST: "The media socket closed without a word.",
    E.MEDIA_GONE: "The media socket was not replaced in time.",
    E.MEDIA_FAILED: "The media connection failed.",
    E.REATTACHED: "We connected the leg to the assistant again.",
    E.MACHINE_DETECTED: "Answering machine detection gave its verdict.",
    E.FORWARD_STARTED: "The leg is being transferred.",
    E.FORWARD_FAILED: "The transfer was busy, unanswered or refused.",
    E.FORWARD_ENDED: "The transfer was connected, and is over.",
    E.INTENT: "We decided to end the call.",
    E.TIMER: "A timer of ours ended the call.",
    E.SETTLED: "The reason is final.",
    E.RECORDED: "A recording can be fetched.",
    E.RECORDING_FAILED: "The carrier has no recording after all.",
    E.NOTE: "A note, which changes nothing.",
}

LONG_SECONDS = 2.0
"""A shorter time between two events is not told."""
GAPS: Mapping[tuple[str | None, str | None], str] = {
    (E.CREATED, E.LEG_FETCHED): "the flow had the answer, and its leg was on the way.",
    (E.CREATED, E.TIMER): "no leg of the flow came.",
    (E.CREATED, None): "the carrier was dialling.",
    (E.LEG_RINGING, E.LEG_ANSWERED): "the phone rang.",
    (E.LEG_RINGING, E.LEG_ENDED): "the phone rang, and nobody answered.",
    (E.LEG_FETCHED, E.TIMER): "the carrier had our document, and opened no media socket.",
    (E.LEG_FETCHED, E.MEDIA_STARTING): "the carrier was slow to open the media socket.",
    (E.MEDIA_STARTING, E.MEDIA_CONNECTED): "the media socket was slow: look at MEDIA_URL.",
    (None, E.MEDIA_CONNECTED): "the caller waited for the assistant.",
    (E.MEDIA_LOST, None): "the caller heard nothing.",
    (E.FORWARD_STARTED, None): "the transfer rang or talked.",
    (E.LEG_ENDED, E.SETTLED): "we waited for a more specific reason (SETTLE_SECONDS).",
    (E.MEDIA_STOPPED, E.SETTLED): "we waited for a more specific reason (SETTLE_SECONDS).",
    (E.INTENT, E.LEG_ENDED): "the carrier was hanging up.",
    (E.MEDIA_CONNECTED, None): "caller and assistant talked.",
    (None, E.RECORDED): "the carrier was making the recording.",
    (E.SETTLED, None): "the call was over, and this came afterwards.",
}
"""(event before, event after); None stands for any. The first row that fits counts."""
