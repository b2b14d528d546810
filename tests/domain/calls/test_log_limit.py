"""A call with more events than a carrier sends: its log is bounded, and its end still counts."""

from __future__ import annotations

from flask import Flask

from app.domain.calls.log_limit import FULL, MAX_EVENTS
from app.store import events
from providers.events import CallEvent, EventKind
from tests.domain.live_call import Live


def test_a_full_log_takes_no_notes_and_every_end(app: Flask, live: Live) -> None:
    services = app.extensions["patchbay"]
    now = services.context.now()
    notes = [CallEvent(EventKind.NOTE, now, f"note {n}", "carrier") for n in range(MAX_EVENTS)]
    with services.store.write() as conn:
        events.begin(conn, live.id, notes, now)
    before = len(live.kinds())
    for second in range(3):
        live.leg.say(live.leg.ANNOUNCED, second)
        live.media.note(live.claim, "digit", {})
    with services.store.read() as conn:
        kept = events.of_call(conn, live.id)[before:]
    assert [event.key for event in kept] == [FULL]
    dropped = services.metrics.exposition("")[0].decode()
    assert "patchbay_events_dropped_total 6.0" in dropped
    live.leg.ask(live.document)
    live.leg.say("completed", 90, lasted=60)
    assert live.status == "ended"
