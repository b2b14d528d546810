"""How a token leads to its call, and that a media token opens one socket, once."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from app.domain.calls import instructions, record, tokens
from app.domain.context import Context
from app.domain.services.media import MediaService
from app.store.schema import call_tokens
from app.store.vault import Vault, digest
from providers.base.instructions import stream_id
from providers.errors import Refused
from tests.conftest import SECRET_KEY
from tests.domain.conftest import JOIN, TTL
from tests.domain.live_call import ECHO, Live, call_of, claim_stream, join, read
from tests.fakes.carriers.leg import Document, Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.routes.api import Api

NEW = "the key after the rotation of the tests"
RANDOM = "random-as-the-version-before-made-them-0123"


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["patchbay"].context
    return found


def later(app: Flask, seconds: float) -> None:
    """The application's clock goes on."""
    services = app.extensions["patchbay"]
    context = services.context
    object.__setattr__(context, "now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def last(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def with_media(document: Document, token: str) -> Document:
    base = document.media_url.rpartition("/")[0]
    return replace(document, media_url=f"{base}/{token}")


def rows(context: Context) -> list[dict[str, Any]]:
    with context.store.read() as conn:
        return [dict(row._mapping) for row in conn.execute(sa.select(call_tokens))]


def flipped(token: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[-1] ^= 1
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class TestRows:
    def test_a_document_writes_none(self, context: Context, leg: Leg, live: Live) -> None:
        [used] = rows(context)
        live.lose()
        read(leg, leg.ask(live.document))
        assert rows(context) == [used]
        token = last(live.document.media_url)
        assert (used["digest"], used["call_id"]) == (digest(token), live.id)
        assert used["purpose"] == "media"
        assert used["used_at"] is not None

    def test_nor_does_a_call_of_the_api(
        self, api: Api, context: Context, number: dict[str, Any]
    ) -> None:
        api.call(phoneNumberId=number["id"])
        assert rows(context) == []

    def test_they_go_with_their_call(self, api: Api, context: Context, live: Live) -> None:
        assert api.request("DELETE", f"/call/{live.id}").status_code == 200
        assert rows(context) == []


class TestMediaToken:
    @pytest.fixture
    def document(self, leg: Leg) -> Document:
        return read(leg, leg.arrive())

    def refused(self, leg: Leg, document: Document, why: str) -> None:
        with pytest.raises(Refused, match=why):
            claim_stream(leg, document)

    @pytest.mark.parametrize(
        "change",
        [
            flipped,
            lambda token: token[:-1],
            lambda token: token[:24],
            lambda token: token + "=",
            lambda token: "",
            lambda token: token[24:] + token[:24],
        ],
        ids=["a bit", "truncated", "the name alone", "padded", "empty", "turned round"],
    )
    def test_changed(self, leg: Leg, document: Document, change: Callable[[str], str]) -> None:
        token = last(document.media_url)
        self.refused(leg, with_media(document, change(token)), "not known")
        join(leg, document)

    def test_used_a_second_time(self, leg: Leg, document: Document) -> None:
        join(leg, document)
        self.refused(leg, document, "used before")

    def test_used_a_second_time_where_there_is_no_room(self, leg: Leg, document: Document) -> None:
        """It is no reason to give the leg another document."""
        join(leg, document)
        leg.app.extensions["patchbay"].context.presence.draining = True
        self.refused(leg, document, "used before")

    def test_of_a_callback_s_purpose(self, leg: Leg, document: Document) -> None:
        callback = last(document.stream_url)
        self.refused(leg, with_media(document, callback), "not known")

    def test_in_a_callback_s_place(self, api: Api, leg: Leg, document: Document) -> None:
        """It is a token of no call, as any other text."""
        base = document.continue_url.rpartition("/")[0]
        asked = replace(document, continue_url=f"{base}/{last(document.media_url)}")
        before = len(api.get(f"/call/{call_of(api, leg)['id']}/events").json)
        leg.post(asked.continue_url, {})
        assert len(api.get(f"/call/{call_of(api, leg)['id']}/events").json) == before

    @pytest.mark.parametrize(("seconds", "in_time"), [(JOIN + 25, True), (JOIN + 35, False)])
    def test_late(
        self, app: Flask, leg: Leg, document: Document, seconds: float, in_time: bool
    ) -> None:
        later(app, seconds)
        if in_time:
            claim_stream(leg, document)
        else:
            self.refused(leg, document, "expired")

    def test_after_the_call(self, api: Api, leg: Leg, document: Document) -> None:
        call = call_of(api, leg)
        api.post(f"/call/{call['id']}/control", {"type": "end-call"})
        self.refused(leg, document, "over")

    def test_of_a_deleted_call(self, api: Api, leg: Leg, document: Document) -> None:
        api.request("DELETE", f"/call/{call_of(api, leg)['id']}")
        self.refused(leg, document, "not known")

    def test_of_a_call_that_is_deleted_meanwhile(
        self, app: Flask, api: Api, leg: Leg, document: Document, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look-up and the use."""
        media: MediaService = app.extensions["patchbay"].media
        acquire = media.presence.acquire

        def delete_first(backend: str) -> str | None:
            api.request("DELETE", f"/call/{call_of(api, leg)['id']}")
            return acquire(backend)

        monkeypatch.setattr(media.presence, "acquire", delete_first)
        self.refused(leg, document, "deleted")
        assert media.presence.slots == 0

    @pytest.mark.parametrize(
        ("keys", "known"), [((NEW, SECRET_KEY), True), ((SECRET_KEY, NEW), True), ((NEW,), False)]
    )
    def test_during_a_rotation(
        self, context: Context, leg: Leg, document: Document, keys: tuple[str, ...], known: bool
    ) -> None:
        with context.store.read() as conn:
            found = tokens.find_media(Vault(keys), conn, last(document.media_url))
        assert (found is not None) is known

    def test_several_at_once(self, leg: Leg, document: Document) -> None:
        start, results = threading.Barrier(5), list[str]()

        def claim() -> None:
            start.wait()
            try:
                claim_stream(leg, document)
                results.append("claimed")
            except Refused as error:
                results.append(str(error))

        threads = [threading.Thread(target=claim) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["claimed"] + ["the stream token was used before"] * 4

    def test_of_a_call_that_waits_for_its_leg(
        self, api: Api, context: Context, number: dict[str, Any]
    ) -> None:
        """The API made it: its document is there before the leg is."""
        made = api.call(phoneNumberId=number["id"])
        with context.store.read() as conn:
            call = record.get(conn, made["id"])
            assert call is not None
            first = instructions.first_tokens(context, call)
            media = tokens.find_media(context.vault, conn, first.media)
        assert media is not None
        patience = media.expires_at - call.created_at
        assert TTL + JOIN + 29 < patience.total_seconds() <= TTL + JOIN + 30


class TestCallbackToken:
    @pytest.mark.parametrize(
        "change",
        [flipped, lambda token: token[:-1], lambda token: token + "A", lambda token: "x" * 51],
        ids=["a bit", "truncated", "longer", "made up"],
    )
    def test_changed(self, live: Live, change: Callable[[str], str]) -> None:
        """The request is signed, but reaches no call."""
        before = live.kinds()
        base, _, token = live.document.continue_url.rpartition("/")
        changed = replace(live.document, continue_url=f"{base}/{change(token)}")
        changed = replace(changed, stream_url=f"{base}/{change(token)}")
        assert live.leg.read(live.leg.ask(changed).text) is None
        assert live.kinds() == before

    def test_of_another_call(
        self, app: Flask, api: Api, carrier: type[Leg], live: Live, context: Context
    ) -> None:
        """Another leg of the same account: its own call is found, and not this one."""
        theirs = last(Live(api, carrier(app)).document.stream_url)
        with context.store.read() as conn:
            mine = tokens.find_call(context.vault, conn, last(live.document.stream_url))
            found = tokens.find_call(context.vault, conn, theirs)
        assert mine
        assert found
        assert mine.id == live.id != found.id

    def test_of_a_deleted_call(self, api: Api, context: Context, live: Live) -> None:
        token = last(live.document.stream_url)
        api.request("DELETE", f"/call/{live.id}")
        with context.store.read() as conn:
            assert tokens.find_call(context.vault, conn, token) is None

    def test_after_the_rotation_is_over(self, app: Flask, context: Context, live: Live) -> None:
        token = last(live.document.stream_url)
        with context.store.read() as conn:
            assert tokens.find_call(Vault((NEW, SECRET_KEY)), conn, token)
            assert tokens.find_call(Vault((NEW,)), conn, token) is None

    def test_of_a_forward(self, context: Context, live: Live) -> None:
        forward = str(uuid4())
        token = tokens.forward_token(context.vault, live.id, forward)
        with context.store.write() as conn:
            found = tokens.find_call(context.vault, conn, token, lock=True)
        assert found
        assert (found.id, found.token_data) == (live.id, {"forward": forward})


class TestStreamOfAnotherCall:
    """A name of ours, but of another call, is nothing to this one."""

    def test_a_twilio_stream(self, app: Flask, api: Api) -> None:
        TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        other, leg = Live(api, TwilioLeg(app)), TwilioLeg(app)
        document = read(leg, leg.arrive())
        call = call_of(api, leg)["id"]
        for number, name in enumerate((other.claim.stream, "_" * 24)):
            sid = f"MZ{number:032}"
            failed = {"StreamEvent": "stream-error", "StreamSid": sid, "StreamName": name}
            leg.post(document.stream_url, failed)
            noted = api.get(f"/call/{call}/events").json[-1]
            assert (noted["kind"], noted["data"]["was"]) == ("note", "media.failed")
        assert call_of(api, leg)["status"] == "ringing"
        own = {"StreamEvent": "stream-error", "StreamName": stream_id(document.media_url)}
        leg.post(document.stream_url, own)
        assert call_of(api, leg)["status"] == "ended"

    def test_a_vonage_leg(self, app: Flask, api: Api) -> None:
        VonageLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        other, leg = Live(api, VonageLeg(app)), VonageLeg(app)
        document = read(leg, leg.arrive())
        foreign = with_media(document, last(other.document.media_url))
        leg.socket("answered", foreign)
        assert call_of(api, leg)["status"] == "ringing"
        leg.socket("answered", document, 2)
        assert call_of(api, leg)["status"] == "in-progress"


class TestSameRequest:
    """A carrier that repeats a request gets the same document, byte for byte."""

    def test_of_an_arrival(self, app: Flask, leg: Leg) -> None:
        first = leg.arrive()
        later(app, 20)
        assert leg.arrive().data == first.data

    def test_of_the_fetch_of_an_offered_call(self, app: Flask, api: Api) -> None:
        number = TwilioLeg.number_of(api)
        call, leg = api.call(phoneNumberId=number["id"]), TwilioLeg(app)
        path = f"/twilio/calls/{call['id']}/twiml"
        first = leg.fetch(path)
        assert "<Stream" in first.text
        later(app, 20)
        assert leg.fetch(path).data == first.data
        assert leg.fetch(path, visit=2).data != first.data

    def test_of_a_question(self, app: Flask, live: Live) -> None:
        live.lose()
        first = live.leg.ask(live.document)
        later(app, 20)
        assert live.leg.ask(live.document).data == first.data

    def test_of_a_forward(self, app: Flask, api: Api, live: Live) -> None:
        there = {"type": "number", "number": "+14155550188"}
        api.post(f"/call/{live.id}/control", {"type": "transfer", "destination": there})
        first = live.leg.ask(live.document)
        assert there["number"][1:] in first.text
        later(app, 20)
        assert live.leg.ask(live.document).data == first.data

    def test_another_request_gets_another(self, leg: Leg, live: Live) -> None:
        live.lose()
        first = read(leg, leg.ask(live.document, 1))
        join(leg, first)
        live.lose()
        second = read(leg, leg.ask(first, 2))
        urls = {d.media_url for d in (live.document, first, second)}
        assert len(urls) == 3
        assert len({d.stream_url for d in (live.document, first, second)}) == 3


class TestTokensOfTheVersionBefore:
    """Random ones, with a row each."""

    @pytest.fixture
    def call_id(self, api: Api, context: Context, leg: Leg) -> str:
        leg.arrive()
        call_id = str(call_of(api, leg)["id"])
        now = context.now()
        row = {"call_id": call_id, "created_at": now, "used_at": None}
        media = {"digest": digest(RANDOM), "purpose": "media"}
        media |= {"expires_at": now + timedelta(seconds=60)}
        callback = {"digest": digest(RANDOM[::-1]), "purpose": "callback", "expires_at": None}
        with context.store.write() as conn:
            conn.execute(call_tokens.insert(), [row | media, row | callback])
        return call_id

    @pytest.fixture
    def document(self, leg: Leg, call_id: str) -> Document:
        given = read(leg, leg.arrive())
        base = given.stream_url.rpartition("/")[0]
        asked = f"{given.continue_url.rpartition('/')[0]}/{RANDOM[::-1]}"
        changed = replace(given, stream_url=f"{base}/{RANDOM[::-1]}", continue_url=asked)
        return with_media(changed, RANDOM)

    def test_a_call_goes_on(
        self, api: Api, context: Context, leg: Leg, call_id: str, document: Document
    ) -> None:
        claim = join(leg, document)
        assert claim.call_id == call_id
        assert claim.stream == digest(RANDOM)[:16]
        with pytest.raises(Refused, match="used before"):
            claim_stream(leg, document)
        media: MediaService = leg.app.extensions["patchbay"].media
        media.lost(claim)
        again = read(leg, leg.ask(document))
        join(leg, again)
        assert api.get(f"/call/{call_id}").json["status"] == "in-progress"

    def test_its_stream_is_known(self, context: Context, call_id: str) -> None:
        name = digest(RANDOM)[:16]
        with context.store.read() as conn:
            assert tokens.is_stream(context.vault, conn, call_id, name)
            assert not tokens.is_stream(context.vault, conn, str(uuid4()), name)

    def test_an_expired_one(self, app: Flask, leg: Leg, call_id: str, document: Document) -> None:
        later(app, 61)
        with pytest.raises(Refused, match="expired"):
            claim_stream(leg, document)

    def test_a_forward_s(self, context: Context, call_id: str) -> None:
        data = {"forward": str(uuid4())}
        row = {"digest": digest("forward"), "call_id": call_id, "purpose": "callback", "data": data}
        with context.store.write() as conn:
            conn.execute(call_tokens.insert(), row | {"created_at": context.now()})
            found = tokens.find_call(context.vault, conn, "forward", lock=True)
        assert found
        assert found.token_data == data
