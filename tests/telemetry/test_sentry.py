"""SENTRY_DSN: the log's errors at a stand-in for Sentry, without what may be secret."""

from __future__ import annotations

import gzip
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk

from app.environment import SettingsError
from app.telemetry import sentry
from tests.fakes.client_server import Receiver

log = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def events(receiver: Receiver) -> list[dict[str, Any]]:
    """https://develop.sentry.dev/sdk/data-model/envelopes/"""
    found = []
    for request in receiver.requests:
        zipped = request.headers.get("content-encoding") == "gzip"
        lines = (gzip.decompress(request.body) if zipped else request.body).splitlines()
        found += [
            json.loads(line) for line in lines if b'"event_id"' in line and b'"level"' in line
        ]
    return found


def test_an_error_is_sent_with_its_call(receiver: Receiver) -> None:
    sentry.configure(f"http://key@127.0.0.1:{receiver.port}/7")
    password = "hunter2"  # a variable of the frame
    log.warning("no error")
    try:
        raise ValueError("broken" + password[:0])
    except ValueError:
        log.exception("call %s: it failed", "c-1", extra={"callId": "c-1"})
    sentry_sdk.flush(10)
    assert {request.path for request in receiver.requests} == {"/api/7/envelope/"}
    (event,) = events(receiver)
    assert event["logentry"]["message"] == "call %s: it failed"
    assert event["extra"]["callId"] == "c-1"
    assert event["exception"]["values"][0]["value"] == "broken"
    assert password not in json.dumps(event)


def test_it_is_off_by_default() -> None:
    sentry.configure(None)
    assert not sentry_sdk.get_client().is_active()


def test_a_wrong_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="SENTRY_DSN is not an address"):
        sentry.configure("hello")


def test_without_the_package_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(SettingsError, match=r"pip install 'patchbay\[sentry\]'"):
        sentry.configure("http://key@127.0.0.1:9/7")
