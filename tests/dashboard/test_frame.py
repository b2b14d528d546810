"""What every page has: the headers, the way to it, an error that is a page."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.dashboard.pages import PAGES
from app.dashboard.table import Page

PLAIN = [page.path for page in PAGES if "GET" in page.methods and "<" not in page.path]
"""Paths that need no id."""


@pytest.mark.parametrize("path", PLAIN)
def test_every_page_answers_and_loads_nothing_from_outside(browser: FlaskClient, path: str) -> None:
    answer = browser.get(f"/dashboard{path}")
    assert answer.status_code == (303 if path == "/login" else 200)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    for url in re.findall(r'(?:src|href|action|hx-get)="([^"]*)"', answer.text):
        assert url.startswith(("/", "#", "?")), url
    assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize("page", [page for page in PAGES if not page.is_open])
def test_every_page_needs_a_session(app: Flask, page: Page) -> None:
    path = re.sub("<[^>]*>", "x", page.path)
    for method in page.methods:
        answer = app.test_client().open(f"/dashboard{path}", method=method)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/dashboard/login?next="), path


@pytest.mark.parametrize("path", PLAIN)
def test_every_page_answers_without_any_call(empty: FlaskClient, path: str) -> None:
    assert empty.get(f"/dashboard{path}").status_code in {200, 303}


def test_an_empty_page_says_what_to_do(empty: FlaskClient) -> None:
    assert "POST /call" in empty.get("/dashboard/calls").text
    assert "POST /call" in empty.get("/dashboard").text
    assert "No message has failed" in empty.get("/dashboard/messages").text


def test_names_of_pages_are_their_own() -> None:
    names = [(page.name, page.methods) for page in PAGES]
    assert len(set(names)) == len(names)


def test_an_unknown_page(browser: FlaskClient) -> None:
    answer = browser.get("/dashboard/nothing")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/html,application/xhtml+xml", 302), ("application/json", 404), ("*/*", 404)],
)
def test_the_root_leads_a_browser_to_the_dashboard(app: Flask, accept: str, status: int) -> None:
    answer = app.test_client().get("/", headers={"Accept": accept})
    assert answer.status_code == status
    if status == 302:
        assert answer.headers["Location"] == "/dashboard"
    else:
        assert answer.json["statusCode"] == 404


@pytest.mark.parametrize("file", ["htmx.min.js", "dashboard.js", "dashboard.css", "icon.svg"])
def test_files_of_ours_need_no_session(app: Flask, file: str) -> None:
    answer = app.test_client().get(f"/dashboard/static/{file}")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_sentence_is_said_once(browser: FlaskClient) -> None:
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get("/dashboard/calls").text)
    assert csrf
    browser.post("/dashboard/messages/resend", data={"csrf": csrf[1]})
    assert "sent again" in browser.get("/dashboard/messages").text
    assert "sent again" not in browser.get("/dashboard/messages").text
