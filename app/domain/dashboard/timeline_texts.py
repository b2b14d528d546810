"""What the time between two events means."""

from __future__ import annotations

from collections.abc import Mapping

from providers.events import EventKind as E

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
    (E.QUEUE_ENTERED, None): "the caller waited for a slot.",
    (E.QUEUE_POSITION, None): "the caller waited for a slot.",
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
