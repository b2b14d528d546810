"""The text of a message: the call as it was at the event, and as it is otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import default_org
from app.domain.calls import record
from app.domain.reporting import message_text
from app.domain.resources.assistants import ResourceService
from app.settings import Settings
from app.store import messages
from providers.events import EventKind
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

pytestmark = pytest.mark.any_store  # the subject: the text of messages

SERVER = {"server": {"url": "http://127.0.0.1:9/", "secret": "the server's secret"}}


@pytest.fixture
def ours(settings: Settings) -> Iterator[tuple[Domain, dict[str, Any]]]:
    """A call that was dialled, answered and ended, and nothing of it sent."""
    with domain(settings) as (made, api):
        call = dialled(made, api, TWILIO, assistant=SERVER)
        made.clock.pass_(1)
        made.hear(call, TWILIO, EventKind.LEG_RINGING)
        made.clock.pass_(1)
        made.hear(call, TWILIO, EventKind.LEG_ANSWERED)
        made.hear(call, TWILIO, EventKind.MEDIA_CONNECTED)
        made.clock.pass_(60)
        made.end(call)
        yield made, call


def bodies(made: Domain, call: dict[str, Any]) -> list[dict[str, Any]]:
    found = made.calls.messages(default_org.ORG_ID, call["id"])
    return [each["body"]["message"] for each in found]


def test_each_has_the_state_of_its_event(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    told = [each for each in bodies(made, call) if each["type"] == "status-update"]
    states = [each["status"] for each in told]
    assert states == ["queued", "ringing", "in-progress", "ended"]
    for each in told:
        shown = each["call"]
        assert shown["status"] == each["status"]
        assert ("endedReason" in shown) == ("endedAt" in shown) == (each["status"] == "ended")
        assert ("startedAt" in shown) == (each["status"] in {"in-progress", "ended"})
    assert "phoneCallProviderId" not in told[0]["call"]  # the carrier's id was not known
    assert "phoneCallProviderId" in told[1]["call"]
    stamps = [each["timestamp"] for each in told]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 1000, 2000, 62000]
    assert [each["call"]["updatedAt"] for each in told] == sorted(
        {each["call"]["updatedAt"] for each in told}
    )


def test_the_report_has_what_the_call_has(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    report = bodies(made, call)[-1]
    assert report["type"] == "end-of-call-report"
    assert (report["durationSeconds"], report["transcript"]) == (60.0, "")
    assert report["endedReason"] == report["call"]["endedReason"] == "manually-canceled"


def test_other_fields_are_as_of_the_sending(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    made.calls.patch(default_org.ORG_ID, call["id"], {"name": "new"})
    assert {each["call"]["name"] for each in bodies(made, call)} == {"new"}


def test_no_row_has_the_text_or_a_secret(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    with made.context.store.read() as conn:
        rows = messages.list_for_call(conn, default_org.ORG_ID, call["id"])
    assert {row["body"] for row in rows} == {""}
    assert {row["secret"] for row in rows} == {None}
    assert max(len(json.dumps(row["facts"])) for row in rows) < 500
    assert made.later.waiting.keys() & {f"deliver:{call['id']}"} == set()


def test_what_is_shown_is_what_would_be_sent(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    with made.context.store.read() as conn:
        rows = messages.list_for_call(conn, default_org.ORG_ID, call["id"])
        found = record.get(conn, call["id"])
    assert found is not None
    sent = [json.loads(message_text.text(made.context, found, row)) for row in rows]
    assert [each["message"] for each in sent] == bodies(made, call)


def test_a_text_that_was_sent_is_not_made_again(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    with made.context.store.read() as conn:
        found = record.get(conn, call["id"])
        row = messages.list_for_call(conn, default_org.ORG_ID, call["id"])[0]
    assert found is not None
    body = '{"message":   {"as": "it was"}}'
    assert message_text.text(made.context, found, {**row, "body": body}) == body
    assert message_text.body(made.context, found, {**row, "body": body}) == json.loads(body)


def test_the_report_has_the_duration_in_every_unit(ours: tuple[Domain, dict[str, Any]]) -> None:
    made, call = ours
    made.clock.pass_(1)
    with made.context.store.read() as conn:
        found = record.get(conn, call["id"])
    assert found is not None
    report = message_text._report(found, message_text._shown(made.context, found))
    assert report["durationSeconds"] == 60.0
    assert report["durationMinutes"] == 1.0
    assert report["durationMs"] == 60000


def test_a_stored_assistant_is_told_with_its_id(settings: Settings) -> None:
    with domain(settings) as (made, api):
        services = ResourceService(made.context)
        stored = services.assistants.create(default_org.ORG_ID, {"name": "Desk", **SERVER})
        call = dialled(made, api, TWILIO, assistant=None, assistantId=stored["id"])
        told = bodies(made, call)[0]["assistant"]
    assert (told["id"], told["name"]) == (stored["id"], "Desk")


def test_an_assistant_of_one_call_has_no_id(ours: tuple[Domain, dict[str, Any]]) -> None:
    assert "id" not in bodies(*ours)[0]["assistant"]
