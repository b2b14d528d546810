"""What was answered to a carrier is shown later as it was, and its tokens are not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from app.domain.calls import record
from app.domain.calls.redaction import redacted
from app.domain.dashboard.call_view import view
from app.store import retention
from app.store.schema import call_events, calls
from app.wiring import Services
from tests.domain.live_call import Live
from tests.domain.services.test_replays import Tape, story
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api


class Answers(Tape):
    """Every document that a leg was answered."""

    def __init__(self, leg: Leg, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(leg, monkeypatch)
        services: Services = leg.app.extensions["patchbay"]
        self.nothing = services.providers[leg.name].markup.acknowledge().body
        self.documents = list[str]()

    def post(
        self, url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        answer = super().post(url, fields, headers)
        if answer.data not in (self.nothing, b""):
            self.documents.append(answer.text)
        return answer


@pytest.fixture
def answers(leg: Leg, monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(leg, monkeypatch)


def shown(services: Services) -> Iterator[str]:
    """The documents on the pages of all calls."""
    with services.store.read() as conn:
        found = conn.execute(sa.select(calls.c.id, calls.c.org_id)).all()
    for call_id, org_id in found:
        page = view(services.context, org_id, call_id)
        yield from (each.answer for each in page.events if each.answer)


def plain(document: str) -> str:
    """Without the room between its parts."""
    if document.startswith(("[", "{")):
        return json.dumps(redacted(json.loads(document)))
    return (
        "".join(line.strip() for line in redacted(document).splitlines())
        .replace('<?xml version="1.0" ?>', '<?xml version="1.0" encoding="UTF-8"?>')
        .replace(" />", "/>")
    )


def test_every_document_is_shown_as_it_was(
    api: Api, leg: Leg, answers: Answers, services: Services
) -> None:
    """A first one, one after a lost socket, a forward, one after it, a way back."""
    for _ in story(api, leg):
        pass
    assert len(answers.documents) > 5
    assert sorted(map(plain, shown(services))) == sorted(map(plain, answers.documents))


def test_no_token_is_stored_or_shown(api: Api, leg: Leg, services: Services) -> None:
    for live in story(api, leg):
        token = live.document.media_url.rpartition("/")[2]
        assert all(token not in each for each in shown(services))
    with services.store.read() as conn:
        stored = conn.execute(sa.select(call_events.c.raw).where(call_events.c.kind == "note"))
        notes = [each.raw for each in stored if "instructions" in each.raw]
    assert notes
    assert notes == redacted(notes)


def test_cleared_words_are_told_to_be_cleared(api: Api, leg: Leg, services: Services) -> None:
    live = Live(api, leg)
    live.end()
    leg.ask(live.document)
    with services.store.write() as conn:
        retention.clear_event_bodies(conn, live.id)
        call = record.get(conn, live.id)
    assert call
    found = [each.answer for each in view(services.context, call.org_id, live.id).events]
    assert sum("cleared" in each for each in found) == (leg.name == "twilio")
