"""Lines within a call's task name the call, and so do those of its tasks and threads."""

from __future__ import annotations

import asyncio

import pytest

from app.net.threads import run_in_thread
from app.telemetry.call_log import CallIds, call_log, name_call

log = call_log(__name__)


async def talk() -> None:
    name_call(CallIds("c-1", "CA%1"))
    log.warning("one %s", 1)
    await asyncio.to_thread(log.warning, "two")
    await run_in_thread(lambda: log.warning("call %s: three", "c-1", extra={"messageId": "m"}))


def test_a_line_names_its_call(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("outside")
    asyncio.run(talk())
    assert [record.getMessage() for record in caplog.records] == [
        "outside",
        "call c-1 (CA_1): one 1",
        "call c-1 (CA_1): two",
        "call c-1: three",
    ]
    for record in caplog.records[1:]:
        found = record.__dict__
        assert (found["callId"], found["phoneCallProviderId"]) == ("c-1", "CA%1")
    assert caplog.records[-1].__dict__["messageId"] == "m"
