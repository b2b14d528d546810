"""The bridge dies while a call's timer waits: after the next start it fires."""

from __future__ import annotations

from pathlib import Path

from tests.bridge import Bridge


def test_a_timer_that_waited_while_the_bridge_was_killed(database_url: str, tmp_path: Path) -> None:
    with Bridge(database_url, tmp_path, BYPASS_TTL_SECONDS="2") as bridge:
        call = bridge.create("twilio")
        bridge.kill()
        bridge.start()
        ended = bridge.until(call["id"], "ended")
    assert ended["endedReason"] == "phone-call-provider-bypass-enabled-but-no-call-received"
