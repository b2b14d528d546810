"""What a carrier sends to our URL without a token: stored for the flow's owner, bound to its call late."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.delivery.owner_callbacks import OwnerCallbacks
from app.domain.context import Context
from app.domain.legs import owner_callbacks
from app.domain.legs.late_binding import BIND
from app.domain.legs.owner_callbacks import PASS_ON
from app.domain.services import owner_callbacks as callback_service
from app.domain.services.owner_callbacks import SWEEP_SECONDS, OwnerCallbackService
from app.store.messages import receiver_of
from app.store.schema import owner_callbacks as table
from app.wiring import Services
from providers.base.rest import PROBE_AGENT
from tests.domain.live_call import ECHO, call_of, join, kinds, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.fakes.client_server import Receiver
from tests.routes.api import Api

STATUS = {"twilio": "/twilio/status", "vonage": "/vonage/event"}
ANSWERED = {"twilio": "in-progress", "vonage": "answered"}
LEGS: dict[str, type[Leg]] = {"twilio": TwilioLeg, "vonage": VonageLeg}


def rows(app: Flask) -> list[Any]:
    services: Services = app.extensions["patchbay"]
    with services.store.read() as conn:
        return list(conn.execute(sa.select(table).order_by(table.c.id)))


def context_of(app: Flask) -> Context:
    services: Services = app.extensions["patchbay"]
    return services.context


def due(app: Flask, kind: str) -> set[str]:
    """The keys of the jobs of this kind whose time has come."""
    store = context_of(app).store
    query = "SELECT key FROM jobs WHERE kind = :kind AND due <= :now"
    values: dict[str, Any] = {"kind": kind, "now": time.time() * 1e6}
    if not store.is_sqlite:
        query = (
            "SELECT queueing_lock FROM procrastinate_jobs WHERE args->>'kind' = :kind"
            " AND status = 'todo' AND scheduled_at <= to_timestamp(:now / 1000000.0)"
        )
    with store.read() as conn:
        return set(conn.execute(sa.text(query), values).scalars())


def bind(app: Flask) -> None:
    """The jobs run that are due, for what has a call now."""
    services: Services = app.extensions["patchbay"]
    for key in due(app, BIND):
        assert services.owner_callbacks.bind({"lane": key.partition(":")[2]}) is None


def pass_on(app: Flask, url: str) -> None:
    services: Services = app.extensions["patchbay"]
    OwnerCallbacks(services.context).run({"receiver": receiver_of(url)})


@pytest.fixture
def owner(api: Api, number: dict[str, Any], receiver: Receiver) -> Receiver:
    """The owner's server, which the number names."""
    changed = api.patch(f"/phone-number/{number['id']}", {"ownerCallbackUrl": receiver.url})
    assert changed.status_code == 200, changed.text
    assert changed.json["ownerCallbackUrl"] == receiver.url
    return receiver


def lent(api: Api, number: dict[str, Any], leg: Leg) -> dict[str, Any]:
    """A call that the owner's own document has connected: its leg is not heard of before."""
    call = api.call(phoneNumberId=number["id"], assistant=ECHO)
    document = leg.offered(call)
    join(leg, document)
    if isinstance(leg, VonageLeg):
        leg.socket("answered", document)
    return call


def test_it_is_passed_on_as_it_came(app: Flask, leg: Leg, owner: Receiver) -> None:
    path = f"{STATUS[leg.name]}?theirs=a%20b&x="
    assert leg.say("ringing", path=path).status_code == 204
    pass_on(app, owner.url)
    (came,) = owner.wait(1)
    (row,) = rows(app)
    base = app.extensions["patchbay"].settings.public_url
    assert (came.method, came.path) == ("POST", "/hook?theirs=a%20b&x=")
    assert came.headers["x-forwarded-url"] == base + path
    assert came.body == owner_callbacks.request_of(context_of(app), row._mapping).body
    sent = leg.signer.request("POST", base + path, {})
    assert came.headers["content-type"] == sent.headers["Content-Type"]
    proofs = app.extensions["patchbay"].providers[leg.name].proof_headers
    assert proofs[0] in came.headers
    assert (row.state, row.status_code, row.attempts) == ("delivered", 200, 1)


def test_the_owner_can_verify_it(app: Flask, leg: Leg, owner: Receiver) -> None:
    leg.say("ringing")
    pass_on(app, owner.url)
    (came,) = owner.wait(1)
    answer = app.test_client().post(
        STATUS[leg.name],
        data=came.body,
        headers=dict(came.headers),
        environ_overrides={"patchbay.raw_target": STATUS[leg.name]},
    )
    assert answer.status_code == 204
    assert len(rows(app)) == 1, "it is the same event"


def test_a_get_stays_one(app: Flask, leg: Leg, owner: Receiver) -> None:
    base = app.extensions["patchbay"].settings.public_url
    fields = {**leg._names(), "status": "ringing", "CallStatus": "ringing", "to": "14155550100"}
    request = leg.signer.request("GET", base + STATUS[leg.name], fields)
    target = request.url.removeprefix(base)
    got = app.test_client().get(
        target, headers=request.headers, environ_overrides={"patchbay.raw_target": target}
    )
    assert got.status_code == 204
    assert "14155550100" not in str(tuple(*rows(app)))  # its query is what a body is
    pass_on(app, owner.url)
    (came,) = owner.wait(1)
    assert (came.method, came.body) == ("GET", b"")
    assert came.path.partition("?")[2] == target.partition("?")[2]
    assert came.headers["x-forwarded-url"] == request.url


def test_what_nobody_has_signed_is_not(app: Flask, leg: Leg, owner: Receiver) -> None:
    forged = type(leg)(app, leg.account, "not its secret")
    assert forged.say("ringing").status_code in {401, 403}
    assert rows(app) == []


def test_the_doctors_own_is_not(app: Flask, leg: Leg, owner: Receiver) -> None:
    said = {"status": "ringing", "CallStatus": "ringing", "uuid": leg.ref}
    assert leg.post(STATUS[leg.name], said, {"User-Agent": PROBE_AGENT}).status_code == 204
    assert rows(app) == []


def test_a_repetition_is_passed_on_once(app: Flask, leg: Leg, owner: Receiver) -> None:
    for _ in range(3):
        assert leg.say("ringing").status_code == 204
    leg.say("completed", 70)
    assert len(rows(app)) == 2


def test_what_is_not_understood_is_passed_on_too(app: Flask, leg: Leg, owner: Receiver) -> None:
    """To the default URL, because it names no number."""
    services: Services = app.extensions["patchbay"]
    assert leg.post(STATUS[leg.name], {"status": "ringing", "uuid": "no id!"}).status_code == 400
    assert rows(app) == []
    set_default(services, leg, owner.url)
    assert leg.post(STATUS[leg.name], {"status": "ringing", "uuid": "no id!"}).status_code == 400
    pass_on(app, owner.url)
    assert len(owner.wait(1)) == 1


def set_default(services: Services, leg: Leg, url: str) -> None:
    from app.store import accounts

    with services.store.write() as conn:
        org = accounts.get_org(conn, "11111111-1111-4111-8111-111111111111")
        assert org is not None
        accounts.put_org(conn, {**org, "owner_callback_url": url})


def test_the_default_takes_what_no_number_has(
    app: Flask, api: Api, leg: Leg, receiver: Receiver
) -> None:
    leg.say("ringing", 10)
    assert [row.state for row in rows(app)] == ["kept"], "for its call alone"
    assert due(app, PASS_ON) == set()
    set_default(app.extensions["patchbay"], leg, receiver.url)
    leg.say("completed", 20)
    assert [(row.state, row.url) for row in rows(app)[1:]] == [("pending", receiver.url)]
    assert len(due(app, PASS_ON)) == 1


def test_a_call_that_is_known_needs_no_row(app: Flask, leg: Leg) -> None:
    """Nobody else wants it."""
    join(leg, read(leg, leg.arrive()))
    leg.say("completed")
    assert rows(app) == []


def test_a_token_of_ours_is_not_the_owners(
    app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
) -> None:
    call = api.call(phoneNumberId=number["id"], assistant=ECHO)
    details = call["phoneCallProviderDetails"]
    url = details.get("statusCallback") or details["eventUrl"][0]
    assert leg.say("ringing", path=url).status_code == 204
    assert rows(app) == []


class TestLate:
    """The owner's flow has the leg first, and lends it afterwards."""

    @pytest.mark.parametrize("passes", [True, False], ids=["passed on", "kept"])
    def test_it_counts_once_the_leg_has_a_call(
        self,
        app: Flask,
        api: Api,
        leg: Leg,
        number: dict[str, Any],
        request: pytest.FixtureRequest,
        passes: bool,
    ) -> None:
        if passes:
            request.getfixturevalue("owner")
        leg.say("ringing", 10, **leg.OUTBOUND)
        leg.say(ANSWERED[leg.name], 20, **leg.OUTBOUND)
        call = lent(api, number, leg)
        assert "leg.answered" not in kinds(api, call["id"])
        bind(app)
        assert {"leg.ringing", "leg.answered"} <= set(kinds(api, call["id"]))
        found = rows(app)
        assert [row.call_id for row in found] == ([call["id"]] * 2 if passes else [])
        bind(app)

    def test_its_end_ends_the_call(
        self, app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
    ) -> None:
        """The carrier's last word may overtake its first request for a socket."""
        leg.say("completed", 61, lasted=40, **leg.OUTBOUND)
        call = lent(api, number, leg)
        bind(app)
        ended = api.get(f"/call/{call['id']}").json
        assert (ended["status"], ended["endedReason"]) == ("ended", "customer-ended-call")

    def test_an_arrival_has_its_job(self, app: Flask, api: Api, leg: Leg, owner: Receiver) -> None:
        leg.say("ringing", 1)
        (row,) = rows(app)
        assert row.call_id is None
        read(leg, leg.arrive())
        bind(app)
        assert rows(app)[0].call_id == call_of(api, leg)["id"]

    def test_other_legs_stay_unbound(
        self, app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
    ) -> None:
        type(leg)(app).say("completed", **leg.OUTBOUND)
        call = lent(api, number, leg)
        assert due(app, BIND) == set()
        services: Services = app.extensions["patchbay"]
        services.owner_callbacks.bind({"lane": rows(app)[0].lane})
        assert [row.call_id for row in rows(app)] == [None]
        assert api.get(f"/call/{call['id']}").json["status"] == "in-progress"

    def test_another_account_s_leg_stays_so(
        self, app: Flask, api: Api, other: Api, leg: Leg, number: dict[str, Any]
    ) -> None:
        secret = "s" * 32
        leg.number_of(other, leg.OTHER_ACCOUNT, secret, "+14155550177")
        theirs = leg.same(leg.OTHER_ACCOUNT, secret)
        assert theirs.say("completed", 61, lasted=40, **leg.OUTBOUND).status_code == 204
        call = lent(api, number, leg)
        bind(app)
        assert api.get(f"/call/{call['id']}").json["status"] == "in-progress"
        assert [row.call_id for row in rows(app)] == [None]

    def test_a_leg_without_a_call_costs_no_writer(
        self, app: Flask, leg: Leg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Most legs are lent to nobody, and their requests are looked at again."""
        leg.say("ringing", 10)
        leg.say("completed", 20)
        services: Services = app.extensions["patchbay"]
        monkeypatch.setattr(services.legs, "handle", lambda webhook: pytest.fail("it has no call"))
        services.owner_callbacks.bind({"lane": rows(app)[0].lane})
        assert len(rows(app)) == 2

    def test_one_that_cannot_be_read_holds_up_no_other(
        self, app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
    ) -> None:
        leg.say("ringing", 10, **leg.OUTBOUND)
        leg.say(ANSWERED[leg.name], 20, **leg.OUTBOUND)
        broken = context_of(app).vault.seal({"of": "another version"})
        with context_of(app).store.write() as conn:
            first = table.c.id == rows(app)[0].id
            conn.execute(table.update().where(first).values(secret=broken))
        call = lent(api, number, leg)
        bind(app)
        assert [row.call_id for row in rows(app)] == [None, call["id"]]

    @pytest.mark.parametrize("carrier", [VonageLeg])
    def test_nobody_waits_for_its_answer(
        self, app: Flask, api: Api, leg: VonageLeg, number: dict[str, Any], owner: Receiver
    ) -> None:
        """So a socket that was lost then gets no new document now, which nobody would read.

        Of the carriers only this one asks for documents by events.
        """
        call = api.call(phoneNumberId=number["id"], assistant=ECHO)
        document = leg.offered(call)
        lost = replace(document, stream_url=STATUS[leg.name])
        leg.socket("disconnected", lost)
        join(leg, document)
        leg.socket("answered", document)
        bind(app)
        found = kinds(api, call["id"])
        assert "media.reattached" not in found
        assert rows(app)[0].call_id == call["id"]


def test_a_circle_of_ours_ends(app: Flask, leg: Leg, receiver: Receiver) -> None:
    """The owner's URL is our own, or another Patchbay's whose owner's URL is ours."""
    set_default(app.extensions["patchbay"], leg, receiver.url)
    ours = {"User-Agent": owner_callbacks.AGENT}
    unknown = {"status": "ringing", "uuid": "no id!"}
    assert leg.post(STATUS[leg.name], unknown, ours).status_code == 400
    assert rows(app) == []
    said = {"status": "ringing", "CallStatus": "ringing", "uuid": leg.ref}
    assert leg.post(STATUS[leg.name], said, ours).status_code == 204
    assert [row.state for row in rows(app)] == ["kept"], "for its call alone"


def test_a_deleted_call_takes_them_along(
    app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
) -> None:
    call = lent(api, number, leg)
    leg.say("completed", 61, lasted=40, **leg.OUTBOUND)
    assert [row.call_id for row in rows(app)] == [call["id"]]
    assert api.delete(f"/call/{call['id']}").status_code == 200
    assert rows(app) == []


def test_a_url_that_cannot_be_called_is_refused(api: Api, number: dict[str, Any]) -> None:
    for url in ("ftp://example.com/x", "not a url"):
        answer = api.patch(f"/phone-number/{number['id']}", {"ownerCallbackUrl": url})
        assert answer.status_code == 400, url


def test_what_waits_for_nothing_is_swept(
    app: Flask, api: Api, leg: Leg, number: dict[str, Any], owner: Receiver
) -> None:
    """An hour later for one without a call, later for others; what is to be sent stays."""
    leg.say("completed", 61, lasted=40, **leg.OUTBOUND)
    lent(api, number, leg)
    bind(app)
    type(leg)(app).say("ringing")
    services: Services = app.extensions["patchbay"]

    def swept(**age: float) -> list[bool]:
        later = replace(services.context, now=lambda: services.context.now() + timedelta(**age))
        service = OwnerCallbackService(later, services.legs)
        while service.sweep({}) != SWEEP_SECONDS:
            continue
        return [row.call_id is not None for row in rows(app)]

    assert swept(days=100) == [True, False], "they are to be sent"
    pass_on(app, owner.url)
    assert swept(minutes=50) == [True, False]
    assert swept(minutes=70) == [True]
    assert swept(days=80) == [True]
    assert swept(days=100) == []


def test_the_oldest_that_wait_for_a_call_make_room(
    app: Flask, leg: Leg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most legs of a carrier's account are never lent, and each of them reports here."""
    monkeypatch.setattr(callback_service, "MOST_UNBOUND", 2)
    legs = [type(leg)(app) for _ in range(4)]
    for each in legs:
        each.say("ringing")
    services: Services = app.extensions["patchbay"]
    service = OwnerCallbackService(services.context, services.legs)
    while service.sweep({}) != SWEEP_SECONDS:
        continue
    assert [row.leg_ref for row in rows(app)] == [each.ref for each in legs[2:]]
