"""A call's own span is the parent of what its media process tells."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask

from app.domain.calls.schedule import SETTLE
from tests.domain.live_call import Live
from tests.domain.timers import fire
from tests.fakes.otlp_collector import collected, of


def test_the_call_s_own_span_is_their_parent(
    monkeypatch: pytest.MonkeyPatch, app: Flask, live: Live
) -> None:
    with collected(monkeypatch) as spans:
        live.leg.say("completed")
        fire(app, SETTLE, live.id)
    (root,) = spans
    assert (root.name, root.parent_span_id) == ("call", b"")
    assert (root.trace_id, root.span_id) == (UUID(live.id).bytes, UUID(live.id).bytes[8:])
    assert of(root)["patchbay.ended_reason"] == "customer-ended-call"
    assert root.end_time_unix_nano > root.start_time_unix_nano
