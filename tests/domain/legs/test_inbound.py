"""Legs that reach us by themselves: one leg is one call, whatever their URL asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.settings import Settings
from app.store.schema import assistants
from tests.domain.conftest import RETURN_HOST
from tests.domain.live_call import ECHO, Live, call_of, join, kinds, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.routes.api import UNKNOWN, Api

ROUNDS = 5
BACK = f"https://{RETURN_HOST}/back"

NO_ASSISTANTS = [
    UNKNOWN,  # a UUID, but nobody's
    "x" * 60,  # longer than an id
    "\0",  # which one of the databases cannot hold
    "\N{SNOWMAN}",  # no ASCII
    "{{flow.variables.assistant_identifier_of_caller}}",  # the flow did not fill it in
    "' OR 1=1 --",  # somebody tries it on
]

BAD_WAYS_BACK = [
    "https://[",  # no URL at all
    f"https://{RETURN_HOST}/a b",  # a line or a word nobody can be sent to
    f"https://{RETURN_HOST}/a\nb",
    f"https://{RETURN_HOST}/\N{SNOWMAN}",  # a URL is plain ASCII
    f"https://{RETURN_HOST}:port/",  # not a port
    f"https://me@{RETURN_HOST}/",  # a name, perhaps a password
    f"https://{RETURN_HOST}/#here",  # nothing can be added to it
    f"http://{RETURN_HOST}/",  # in clear
    f"https://{RETURN_HOST}.example.org/",  # somebody else's
    f"//{RETURN_HOST}/back",  # no scheme
    "back",
    f"https://{RETURN_HOST}/{'x' * 2000}",  # longer than what is kept of an address
]


class TestAssistant:
    @pytest.mark.parametrize("named", NO_ASSISTANTS)
    def test_what_names_none_is_not_found(self, api: Api, leg: Leg, named: str) -> None:
        answer = leg.arrive({"assistantId": named})
        assert answer.status_code == 200, answer.text
        assert leg.read(answer.text) is None
        call = call_of(api, leg)
        assert (call["status"], call["endedReason"]) == ("ended", "assistant-not-found")
        assert "assistantId" not in call
        told = named[:100].replace("\x00", "\ufffd")  # what no store can keep
        message = f"assistantId {told} does not exist"
        assert call["endedMessage"] == message
        events = api.get(f"/call/{call['id']}/events").json
        assert [e["data"] for e in events if e["kind"] == "intent"] == [{"message": message}]

    def test_another_organisation_s_is_not_found_either(
        self, api: Api, other: Api, leg: Leg
    ) -> None:
        leg.arrive({"assistantId": other.made("/assistant", ECHO)["id"]})
        assert call_of(api, leg)["endedReason"] == "assistant-not-found"

    def test_one_that_is_not_valid_any_more_until_it_is_mended(
        self, app: Flask, api: Api, leg: Leg, carrier: type[Leg]
    ) -> None:
        named = api.made("/assistant", ECHO)["id"]
        with app.extensions["patchbay"].store.write() as conn:
            changed = assistants.update().where(assistants.c.id == named)
            conn.execute(changed.values(body={"firstMessage": 7}))
        for each in (leg, carrier(app)):  # the second finds what the first has kept
            each.arrive({"assistantId": named})
            assert call_of(api, each)["endedReason"] == "assistant-not-invalid"
        assert api.patch(f"/assistant/{named}", {"firstMessage": "Hi", **ECHO}).status_code == 200
        mended = carrier(app)
        assert join(mended, read(mended, mended.arrive({"assistantId": named})))

    def test_the_one_that_is_named_comes_before_the_number_s(self, api: Api, leg: Leg) -> None:
        named = api.made("/assistant", {**ECHO, "name": "named"})["id"]
        claim = join(leg, read(leg, leg.arrive({"assistantId": named})))
        assert call_of(api, leg)["assistantId"] == named
        assert claim.assistant.json["name"] == "named"

    def test_none_named_and_none_of_the_number(self, api: Api, carrier: type[Leg]) -> None:
        carrier.number_of(api)
        leg = carrier(api.app)
        assert leg.arrive().status_code == 200
        assert call_of(api, leg)["endedReason"] == "assistant-not-provided"


class TestWayBack:
    @pytest.mark.parametrize("url", BAD_WAYS_BACK)
    def test_one_that_cannot_be_used_is_left_out(self, api: Api, leg: Leg, url: str) -> None:
        """The caller is served all the same, and hung up on in the end."""
        live = Live(api, leg, {"returnUrl": url})
        assert "phoneCallProviderReturnUrl" not in live.call
        live.end()
        answer = leg.ask(live.document)
        assert answer.status_code in {200, 204}, answer.text
        assert RETURN_HOST not in answer.text

    def test_a_good_one_is_gone_back_to(self, api: Api, leg: Leg) -> None:
        live = Live(api, leg, {"returnUrl": BACK})
        assert live.call["phoneCallProviderReturnUrl"] == BACK
        live.end()
        answer = leg.ask(live.document)
        assert BACK in answer.text
        assert live.id in answer.text


@pytest.mark.parametrize("url", [*BAD_WAYS_BACK, f"https://{RETURN_HOST}/?{'a&' * 800}"])
def test_the_api_refuses_such_a_way_back(api: Api, url: str) -> None:
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": TwilioLeg.number_of(api)["id"],
        "assistant": ECHO,
        "customer": {"number": "+14155550111"},
        "phoneCallProviderReturnUrl": url,
    }
    answer = api.post("/call", body)
    assert answer.status_code == 400, answer.text
    assert "phoneCallProviderReturnUrl" in str(answer.json["message"])


class TestOneLegIsOneCall:
    def test_the_carrier_s_re_send_is_answered_alike(self, api: Api, leg: Leg) -> None:
        first = leg.arrive()
        assert leg.arrive().text == first.text
        assert kinds(api, call_of(api, leg)["id"]) == ["call.created", "leg.fetched"]

    def test_also_of_a_leg_that_was_sent_away(self, api: Api, leg: Leg) -> None:
        first = leg.arrive({"assistantId": UNKNOWN})
        assert leg.arrive({"assistantId": UNKNOWN}).text == first.text
        assert len(api.get("/call").json) == 1

    def test_a_leg_that_comes_back_after_its_call_is_another(self, api: Api, live: Live) -> None:
        live.end()
        read(live.leg, live.leg.arrive(visit=2))
        assert len(api.get("/call").json) == 2

    @pytest.fixture
    def instances(self, app: Flask, settings: Settings) -> Iterator[list[Flask]]:
        """Two of the program on one database."""
        second = create_app(settings)
        yield [app, second]
        second.extensions["patchbay"].store.close()

    @pytest.mark.parametrize("query", [{}, {"assistantId": UNKNOWN}], ids=["served", "sent away"])
    def test_asked_at_two_instances_at_once(
        self,
        api: Api,
        carrier: type[Leg],
        number: dict[str, Any],
        instances: list[Flask],
        query: dict[str, str],
    ) -> None:
        for _ in range(ROUNDS):
            leg = carrier(instances[0])
            assert at_once(leg, instances, query) == [200, 200]
            call = call_of(api, leg)
            assert kinds(api, call["id"]).count("leg.fetched") == 1


def at_once(leg: Leg, instances: list[Flask], query: dict[str, str]) -> list[int]:
    """The same arrival at each instance; the statuses of the answers."""
    start, statuses = threading.Barrier(len(instances)), list[int]()

    def arrive(instance: Flask) -> None:
        mine = leg.same(leg.account, leg.secret)
        mine.app = instance
        start.wait()
        statuses.append(mine.arrive(query).status_code)

    threads = [threading.Thread(target=arrive, args=(instance,)) for instance in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


class TestStoreFailure:
    def test_the_carrier_is_asked_to_come_again(self, app: Flask, api: Api, leg: Leg) -> None:
        store = app.extensions["patchbay"].store
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE call_events RENAME TO elsewhere")
        answer = leg.arrive()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        with store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO call_events")
        read(leg, leg.arrive())
        assert call_of(api, leg)["status"] == "ringing"


class TestStreamName:
    """What the markup calls our stream; the owner's flow may have streams of its own."""

    @pytest.mark.parametrize(
        "stream", ["", "n" * 64, "the owner's", "ABCDEF0123456789", "0" * 15, "0" * 17]
    )
    def test_another_name_is_nothing_to_us(self, app: Flask, api: Api, stream: str) -> None:
        TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        leg = TwilioLeg(app)
        live = Live(api, leg)
        fields: dict[str, Any] = {
            "StreamSid": "MZ" + "1" * 32,
            "StreamEvent": "stream-error",
            "StreamName": stream,
        }
        answer = leg.post(live.document.stream_url, fields)
        assert answer.status_code == 204
        assert live.status == "in-progress"
        assert "stream" not in api.get(f"/call/{live.id}/events").json[-1]
