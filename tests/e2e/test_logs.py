"""LOG_FORMAT: what a real server writes to standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bridge import KEY, Bridge
from tests.fakes.carriers.accounts import SECRETS
from tests.fakes.carriers.inbound_call import InboundCall, closed
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

pytestmark = pytest.mark.any_store  # the subject: the log

ALWAYS = {"time", "level", "logger", "process", "message"}


def lines(bridge: Bridge) -> list[dict[str, Any]]:
    """Every line of the log, as the JSON object it is. The link to the dashboard is no line of it."""
    written = bridge.log.read_text().splitlines()
    return [json.loads(line) for line in written if not line.startswith("Dashboard (")]


@pytest.fixture
def json_bridge(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    with Bridge(database_url, tmp_path, LOG_FORMAT="json") as running:
        yield running


def test_each_line_is_one_json_object_from_the_start_to_the_stop(
    json_bridge: Bridge, receiver: Receiver
) -> None:
    caller = InboundCall(json_bridge, receiver)
    with caller.join() as socket:
        json_bridge.api("POST", f"/call/{caller.call_id}/control", {"type": "end-call"}, expect=200)
        assert closed(socket) == 1000
    unsigned = {"X-Twilio-Signature": "forged"}
    forged = TWILIO.send(
        json_bridge, "/twilio/inbound_call", TWILIO.arrival("CA1"), headers=unsigned
    )
    assert forged[0] == 403
    json_bridge.stop()
    written = lines(json_bridge)
    for line in written:
        assert line.keys() >= ALWAYS
    loggers = {line["logger"] for line in written}
    assert loggers >= {
        "gunicorn.error",
        "uvicorn.error",
        "app.media.session",
        "app.routes.webhooks",
    }
    messages = [line["message"] for line in written]
    assert messages[0].startswith("Starting gunicorn")
    assert messages[-1] == "Shutting down: Master"
    about = [line for line in written if line["logger"] == "app.media.session"]
    assert [line.get("callId") for line in about] == [caller.call_id]
    log = json_bridge.log.read_text()
    for secret in (*SECRETS, KEY, caller.media_url.rsplit("/", 1)[-1], "color_message"):
        assert secret not in log


def test_an_exception_is_one_field(tmp_path: Path) -> None:
    """The database is none, so the start fails."""
    (tmp_path / "x.db").write_text("not a database" * 100)
    bridge = Bridge(f"sqlite:///{tmp_path}/x.db", tmp_path, LOG_FORMAT="json")
    with pytest.raises(AssertionError, match="did not start"):
        bridge.start()
    failures = [line for line in lines(bridge) if "exception" in line]
    assert "the start failed" in [line["message"] for line in failures]
    for line in failures:
        assert line["exception"].startswith("Traceback (most recent call last):\n")


def test_by_default_lines_are_text(bridge: Bridge, receiver: Receiver) -> None:
    caller = InboundCall(bridge, receiver)
    with caller.join():
        pass
    bridge.until(caller.call_id, "ended")
    written = bridge.log.read_text()
    assert f"INFO app.media.session: call {caller.call_id}: media ends: " in written
    assert not any(line.startswith("{") for line in written.splitlines())
