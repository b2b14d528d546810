"""The doctor's findings as a page, and the first steps."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.default_org import ORG_ID
from app.doctor import examination, first_steps
from app.domain.login import sessions
from app.store.schema import calls
from tests.dashboard.pages import csrf_of
from tests.dashboard.setup import Operator, installation, words
from tests.fakes.carriers.accounts import ACCOUNT, TWILIO_NUMBER

FOUND = {
    "here": "API keys in force: 1",
    "public-url": "http://127.0.0.1:1: carriers cannot reach it",
    "carriers": f"twilio account {ACCOUNT}: signatures are not tried",
    "assistants": "There is nothing to check",
    "vendors": "key of openai (OPENAI_API_KEY): not tried",
    "server": "There is nothing to check",
    "recordings": "written and read",
}
"""What each part says of this installation, among others."""


def test_every_part_has_its_findings(operator: Operator) -> None:
    assert set(FOUND) == {part.name for part in examination.PARTS}
    page = operator.get("/doctor")
    for name, text in FOUND.items():
        assert f'hx-post="/dashboard/doctor/{name}" hx-trigger="load"' in page
        answer = operator.part(f"/doctor/{name}")
        assert answer.status_code == 200
        assert text in words(answer.text), name


def test_the_parts_are_all_checks_of_the_command() -> None:
    parts = {check for part in examination.PARTS for check in part.checks}
    assert {*examination.HERE, *examination.OUTSIDE} <= parts


def test_without_a_script_a_part_comes_with_the_page(operator: Operator) -> None:
    page = operator.post("/doctor/recordings").text
    assert "<h1>Doctor</h1>" in page
    assert "written and read" in page
    assert "hx-trigger" not in page


def test_the_doctor_is_for_the_operator_who_acts(made: Flask, browser: FlaskClient) -> None:
    """Its findings are of all organisations."""
    assert "sign in with a key of its operator" in browser.get("/dashboard/doctor").text
    data = {"csrf": csrf_of(browser)}
    assert browser.post("/dashboard/doctor/here", data=data).status_code == 403
    onlooker = Operator(made, sessions.LOOK)
    onlooker.get("/doctor", 403)
    assert onlooker.post("/doctor/here").status_code == 403


def test_an_unknown_part(operator: Operator) -> None:
    assert operator.post("/doctor/nothing").status_code == 404


# ------------------------------------------------------------------ first steps


def states(operator: Operator) -> list[bool]:
    return [step.is_done for step in first_steps.steps(operator.services.context, ORG_ID)]


def test_the_beginning_leads_to_the_first_steps_until_they_are_dismissed(made: Flask) -> None:
    operator = Operator(made)
    assert operator.client.get("/dashboard/").headers["Location"] == "/dashboard/first-steps"
    assert operator.done("/first-steps/dismiss") == "/"
    operator.get("/")
    assert "Do not begin here" not in operator.get("/first-steps")
    again = Operator(made)  # another browser
    assert again.client.get("/dashboard/").status_code == 303


def test_who_looks_begins_with_the_overview(made: Flask) -> None:
    onlooker = Operator(made, sessions.LOOK)
    onlooker.get("/")
    onlooker.get("/first-steps", 403)


def test_each_step_is_done_by_what_it_asks_for() -> None:
    """A row for each change, and which of the five steps are done after it."""
    with installation(carriers=(), public_url="http://localhost:8000") as app:
        operator = Operator(app)
        assert states(operator) == [False] * 5
        assert "no carrier can reach" in words(operator.get("/first-steps"))
        token = {"accountSid": ACCOUNT, "authTokens": "token"}
        operator.done("/credentials/new", provider="twilio", **token)
        assert states(operator) == [False, True, False, False, False]
        page = operator.get("/numbers/new")
        account = page.partition('id="f-credentialId"')[2].partition('value="')[2][:36]
        operator.done("/numbers/new", number=TWILIO_NUMBER, credentialId=account)
        assert states(operator) == [False, True, True, False, False]
        stored = operator.services.resources.assistants
        stored.create(ORG_ID, {"name": "cannot", "model": {"provider": "groq", "model": "x"}})
        assert states(operator)[3] is False
        assert "No stored one can answer" in words(operator.get("/first-steps"))
        stored.create(ORG_ID, {"name": "can", "transport": {"provider": "echo"}})
        assert states(operator) == [False, True, True, True, False]
        assert "patchbay simulate twilio --say" in words(operator.get("/first-steps"))
        talked(operator)
        assert states(operator) == [False, True, True, True, True]


def test_an_installation_that_is_ready_begins_with_the_overview() -> None:
    with installation(public_url="https://calls.example.com") as app:
        operator = Operator(app)
        stored = operator.services.resources.assistants
        stored.create(ORG_ID, {"name": "can", "transport": {"provider": "echo"}})
        assert states(operator) == [True, True, True, True, False]
        talked(operator)
        operator.get("/")
        assert "All is ready" in operator.get("/first-steps")


def talked(operator: Operator) -> None:
    """A call that an assistant joined."""
    from bench.dashboard import call_row

    now = operator.services.context.now()
    row: dict[str, Any] = {**call_row(5, now), "org_id": ORG_ID}
    with operator.services.store.write() as conn:
        conn.execute(calls.insert(), row)
