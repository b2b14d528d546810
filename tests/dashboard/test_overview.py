"""The overview, the wallboard and the failed messages of a filled organisation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.store import messages
from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.pages import csrf_of
from tests.dashboard.setup import filled, words


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """Of this file alone: other pages' tests make calls."""
    with filled(60) as made:
        yield made


@pytest.mark.parametrize("days", ["", "1", "7", "30", "365", "x"])
def test_the_numbers_of_each_span(browser: FlaskClient, days: str) -> None:
    page = words(browser.get("/dashboard/", query_string={"days": days}).text)
    assert "Calls 60" in page
    assert "53 of 57 ended calls had an assistant" in page
    assert re.search(r"Time to join, median 0\.9 s", page)
    assert re.search(r"Turn latency, median 1\.\d s", page)
    assert "The other party hung up." in page


def test_the_wallboard_has_the_live_calls(browser: FlaskClient) -> None:
    for path in ("/dashboard/wallboard", "/dashboard/wallboard/board"):
        page = words(browser.get(path).text)
        assert "Live 3" in page
        for number in ("+14155550000", "+14155550001", "+14155550002"):
            assert number in page


def test_failed_messages_are_listed_and_resent(browser: FlaskClient, services: Services) -> None:
    with services.store.write() as conn:  # what other tests have resent
        row = messages.list_for_call(conn, ORG, "00000000-0000-0000-0000-000000000006")[0]
        conn.exec_driver_sql(f"UPDATE messages SET state = 'failed' WHERE id = '{row['id']}'")
    page = browser.get("/dashboard/messages").text
    assert "00000000" in page
    assert "token=secret" not in page  # the query of a URL is not shown
    assert "1 server messages have failed" in words(browser.get("/dashboard").text)
    answer = browser.post("/dashboard/messages/resend", data={"csrf": csrf_of(browser)})
    assert answer.headers["Location"] == "/dashboard/messages"
    assert "No message has failed" in browser.get("/dashboard/messages").text
    with services.store.read() as conn:
        row = messages.list_for_call(conn, ORG, row["call_id"])[0]
    assert (row["state"], row["attempts"]) == ("pending", 0)
