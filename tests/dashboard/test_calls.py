"""The list of calls: what a row says, what a search finds, what a file holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.wiring import Services
from tests.dashboard.setup import filled
from tests.domain.dashboard.rows import ANOTHER_ORG, add_foreign_call


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """Of this file alone: it counts the calls, and others make some."""
    with filled(60) as made:
        yield made


IDS = re.compile(r"/dashboard/calls/([0-9a-f-]{36})")
MORE = re.compile(r'rel="next" href="([^"]+)"')


def ids(page: str) -> list[int]:
    """The numbers of the listed calls (``bench.dashboard``), without the live part."""
    listed = page.partition("<caption>")[2]
    return [int(each.replace("-", ""), 16) - 1 for each in IDS.findall(listed)]


def get(browser: FlaskClient, **query: Any) -> str:
    return browser.get("/dashboard/calls", query_string=query).text


def test_pages_hold_every_call_once(browser: FlaskClient) -> None:
    first = get(browser)
    assert ids(first) == list(range(50))
    link = MORE.search(first)
    assert link
    second = browser.get(link[1].replace("&amp;", "&")).text
    assert ids(second) == list(range(50, 60))
    assert not MORE.search(second)


def test_a_row_tells_the_call(browser: FlaskClient) -> None:
    row = get(browser, q="00000000-0000-0000-0000-00000000000c").partition("<caption>")[2]
    for word in (
        "+14155550011",
        "+14155550101",
        "Orders",
        "twilio",
        "inbound",
        "0:39",
        "ended",
        "The model failed",
        "$0.0210",
        "delivered",
    ):
        assert word in row, word


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "+1 415 555-0007"}, [7]),
        ({"q": "14155550007"}, [7]),
        ({"q": "+14155550104", "until": "2999-01-01"}, list(range(4, 60, 5))),
        ({"q": "00000000-0000-0000-0000-000000000009"}, [8]),
        ({"q": "A-17"}, [17]),
        ({"q": "a 17"}, [17]),
        ({"q": "zebra"}, []),
        ({"q": "'; DROP TABLE calls --"}, []),
        ({"q": '"*" OR NEAR('}, []),
        ({"q": "%"}, []),
        ({"reason": "silence-timed-out"}, [10, 23, 36, 49]),
        ({"status": "ringing"}, [1]),
        ({"until": "1999-01-01"}, []),
        ({"since": "1999-01-01", "status": "queued"}, [2]),
        ({"status": "nonsense", "reason": "nonsense", "since": "nonsense", "q": "A-5"}, None),
        ({"page": "-1", "q": "A-17"}, [17]),
        ({"page": "x", "q": "A-17"}, [17]),
        ({"page": "1000000", "q": "A-17"}, []),
    ],
)
def test_a_search(browser: FlaskClient, query: dict[str, str], found: list[int] | None) -> None:
    page = get(browser, **query)
    if found is None:  # all words that are no values of their fields are left out
        found = [5, *range(50, 60)]
    assert ids(page) == found
    if not found:
        assert "No call fits" in page


def test_what_was_typed_is_shown_as_text(browser: FlaskClient) -> None:
    assert "<script>alert" not in get(browser, q="<script>alert(1)</script>")


def test_live_calls_are_on_top_and_a_part_of_their_own(browser: FlaskClient) -> None:
    part = browser.get("/dashboard/calls/live").text
    assert "<html" not in part
    assert [int(each.replace("-", ""), 16) - 1 for each in IDS.findall(part)] == [0, 1, 2]
    assert "data-since" in part


def test_another_organisations_calls_are_found_by_nothing(
    browser: FlaskClient, services: Services
) -> None:
    call_id, ref = add_foreign_call(services)
    for query in (call_id, ref, "+14155559999", "foreign"):
        assert "No call fits" in get(browser, q=query)
    assert ANOTHER_ORG not in browser.get("/dashboard/calls.json").text


# ------------------------------------------------------------------ files


def test_a_csv_file(browser: FlaskClient) -> None:
    answer = browser.get("/dashboard/calls.csv", query_string={"reason": "silence-timed-out"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="calls.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["caller"] for row in rows] == [f"+1415555{n:04}" for n in (10, 23, 36, 49)]
    assert {row["sentence"] for row in rows} == {"Neither side spoke for too long."}


def test_a_json_file_has_every_page_of_the_list(browser: FlaskClient) -> None:
    found = browser.get("/dashboard/calls.json").json
    assert len(found) == 60
    assert found[0]["status"] == "in-progress"
    assert browser.get("/dashboard/calls.json?q=zebra").json == []


def test_there_is_no_other_form(browser: FlaskClient) -> None:
    assert browser.get("/dashboard/calls.exe").status_code == 404
