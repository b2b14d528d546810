"""The log tells a call: a line for each status, and its end with the reason and the evidence."""

from __future__ import annotations

import pytest
from flask import Flask

from app.domain.calls.schedule import SETTLE
from tests.domain.live_call import Live
from tests.domain.timers import fire

ROOMS = ("app.domain.reactions", "app.domain.calls.create")


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Before the call of ``live`` begins."""
    caplog.set_level("INFO")
    return caplog


def test_each_status_is_one_line(heard: pytest.LogCaptureFixture, app: Flask, live: Live) -> None:
    live.leg.say("completed")
    fire(app, SETTLE, live.id)
    records = [r for when in ("setup", "call") for r in heard.get_records(when) if r.name in ROOMS]  # type: ignore[arg-type]
    carrier_id = live.call["phoneCallProviderId"]
    begin = f"call {live.id} ({carrier_id}): "
    lines = [record.getMessage() for record in records]
    assert all(line.startswith(begin) for line in lines)
    created, *rest = (line.removeprefix(begin) for line in lines)
    assert created.startswith(f"created: {live.call['type']} by {live.call['phoneCallProvider']}, ")
    assert created.endswith(("11", "no phone number"))  # the customer's number is masked
    assert "****" in created
    by = f"(decided by leg.ended from {live.call['phoneCallProvider']})"
    assert rest == [
        "ringing",
        "in-progress",
        f"ended: customer-ended-call: The other party hung up. {by}",
    ]
    for record in records:
        assert record.__dict__["callId"] == live.id
        assert record.__dict__["phoneCallProviderId"] == carrier_id
    assert records[-1].__dict__["endedReason"] == "customer-ended-call"
