"""A leg with two documents, and a leg that its carrier moved to another conversation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app import default_org
from app.settings import Settings
from app.store.call_lists import CallFilter
from providers.events import EventKind
from tests.domain.legs.test_outbound import dialled
from tests.domain.legs.test_reconcile import join, seat_of
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


def test_the_socket_of_a_second_document_turns_the_first_one_away(
    both: tuple[Domain, RestApi],
) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    first = seat_of(ours, call)
    second = replace(first, stream="another")
    woken = list[str]()
    ours.context.media_wakers.append(woken.append)
    join(ours, first)
    assert woken == []
    ours.clock.pass_(1)
    join(ours, second)
    assert woken == [call["id"]]  # at once, so that two assistants never speak
    assert ours.media.streams([call["id"]]) == {call["id"]: "another"}
    ours.media.lost(first, word="superseded")
    assert ours.get(call)["status"] == "in-progress"


def test_the_conversation_that_a_leg_has_left_still_finds_its_call(
    both: tuple[Domain, RestApi],
) -> None:
    ours, api = both
    call = dialled(ours, api, VONAGE)
    before = ours.get(call)["phoneCallProviderId"]
    ours.hear(call, VONAGE, EventKind.NOTE, data={"what": "transfer", "callRef": "CON-later"})
    assert ours.get(call)["phoneCallProviderId"] == "CON-later"
    for ref in (before, "CON-later"):
        wanted = CallFilter({"provider_call_id": ref})
        assert [found["id"] for found in ours.calls.list(default_org.ORG_ID, wanted)] == [
            call["id"]
        ]
        assert ours.calls.pages(default_org.ORG_ID, wanted)["metadata"]["totalItems"] == 1
    assert ours.calls.list(default_org.ORG_ID, CallFilter({"provider_call_id": "CON-x"})) == []
