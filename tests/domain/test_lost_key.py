"""What was sealed with a SECRET_KEY that is gone: every job about a call comes to its end.

A former key was dropped, or a backup came back without it. A job that raises runs again, without
end, and so does all that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.legs import carrier_price, outbound, reconcile, stopped
from app.domain.recordings import carrier as carrier_recordings
from app.domain.recordings import files as recording_files
from app.domain.reporting import analysis, pending
from app.domain.reporting.upstream_answers import awaited
from app.settings import Settings
from app.store import recordings
from app.store.schema import credentials, phone_numbers
from app.store.vault import Vault
from app.wiring import context_jobs
from providers.events import EndedReason, EventKind
from tests.domain.legs.test_outbound import dialled, each_carrier, outcome, run
from tests.domain.legs.test_unconfirmed import failed, killed
from tests.domain.legs.warm_transfer import WarmTransfer
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO

SERVER = {"url": "http://127.0.0.1:9/", "secret": "of the server"}
ASSISTANT = {"name": "Reception", "server": SERVER, "transport": {"provider": "echo"}}
LONG = 10.0**6


class LostKey(Vault):
    """It has not the key of anything that is stored, and counts what it was to open."""

    def __init__(self) -> None:
        super().__init__(("another key, which is long enough",))
        self.asked = 0

    def open(self, sealed: bytes | None) -> dict[str, Any]:
        self.asked += 1
        return super().open(sealed)


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


def without_key(ours: Domain) -> Domain:
    """The same store, jobs and clock after a start with another key."""
    return Domain(replace(ours.context, vault=LostKey()), ours.later, ours.clock)


def locked(ours: Domain, call: Any, **facts: Any) -> None:
    """The call with these facts."""
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        CallTx(ours.context, conn, found).update(facts=found.facts._replace(**facts))


# ------------------------------------------------------------------ a call comes to its end


@each_carrier
def test_a_call_that_cannot_be_dialled_ends(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    """Its report tells the operator what to do."""
    ours, api = both
    call = ours.create(carrier, assistant=ASSISTANT)
    assert run(outbound, without_key(ours), call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", carrier.failed)
    assert "list both as SECRET_KEY=new,old" in ended["endedMessage"]
    assert len(ours.reports(call)) == 1
    assert api.asked == []


@each_carrier
def test_a_call_whose_account_was_deleted_is_not_dialled(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = ours.create(carrier)
    with ours.context.store.write() as conn:
        conn.execute(phone_numbers.delete())
        conn.execute(credentials.delete())
    assert run(outbound, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", carrier.failed)
    assert "account was deleted" in ended["endedMessage"]
    assert api.asked == []


@each_carrier
def test_a_call_that_was_perhaps_dialled_is_left_to_the_watchdog(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, _ = both
    call = killed(ours, carrier)
    assert run(outbound, without_key(ours), call) is None
    assert outcome(ours.get(call)) == ("queued", None)


@each_carrier
def test_a_call_whose_stream_stopped_is_settled(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier, assistant=ASSISTANT)
    stream = ours.tokens(call).media[:24]
    ours.hear(call, carrier, EventKind.MEDIA_CONNECTED, stream=stream)
    left = EndedReason.CUSTOMER_ENDED_CALL
    ours.hear(call, carrier, EventKind.MEDIA_STOPPED, stream=stream, generic=True, reason=left)
    assert run(stopped, without_key(ours), call) is None
    assert outcome(ours.get(call)) == ("ended", "phone-call-provider-closed-websocket")
    assert len(ours.reports(call)) == 1


@each_carrier
def test_a_quiet_call_ends_after_its_longest_time(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier, maxDurationSeconds=77)
    ours.clock.pass_(100)
    assert run(reconcile, without_key(ours), call) == 60
    ours.clock.pass_(100)
    assert run(reconcile, without_key(ours), call) is None
    assert outcome(ours.get(call)) == ("ended", "unknown-error")


@each_carrier
@pytest.mark.parametrize("by_kill", [True, False])
def test_a_call_that_was_perhaps_dialled_ends_after_the_last_look(
    both: tuple[Domain, RestApi], carrier: CarrierFake, by_kill: bool
) -> None:
    ours, api = both
    call = killed(ours, carrier) if by_kill else failed(ours, api, carrier)
    api.asked.clear()
    lost = without_key(ours)
    for _ in range(7):
        ours.clock.pass_(61)
        run(reconcile, lost, call)
    assert outcome(ours.get(call)) == ("ended", "unknown-error")
    assert api.asked == []


# ------------------------------------------------------------------ what waits for a call


def recorded(ours: Domain, api: RestApi, carrier: CarrierFake, state: str) -> tuple[Any, str]:
    """A call that is over, and its recording."""
    call = dialled(ours, api, carrier, assistant=ASSISTANT)
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        tx = CallTx(ours.context, conn, found)
        pending.expect(tx, carrier_recordings.ARTIFACT)
        id = carrier_recordings._insert(tx, "RE1", state)
    ours.end(call)
    return call, id


@each_carrier
def test_a_recording_that_cannot_be_started_holds_back_no_report(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier, assistant=ASSISTANT)
    locked(ours, call, awaits=(carrier_recordings.ARTIFACT,))
    assert carrier_recordings.start(without_key(ours).context, {"callId": call["id"]}) is None
    ours.end(call)
    ours.settle(call)
    assert len(ours.reports(call)) == 1


@each_carrier
def test_a_recording_is_fetched_once_the_key_is_back(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    _, id = recorded(ours, api, carrier, recordings.READY)
    asked = {"recordingId": id}
    assert recording_files.fetch(without_key(ours).context, asked) == recording_files.WAITS[0]


@each_carrier
def test_a_price_is_asked_for_again_and_given_up(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier)
    ours.end(call)
    ours.settle(call)
    lost, unit = without_key(ours), ours.context.settings.price_seconds
    assert run(carrier_price, lost, call) == unit
    ours.clock.pass_(LONG)
    assert run(carrier_price, lost, call) is None


def test_an_analysis_that_cannot_be_made_holds_back_no_report(
    both: tuple[Domain, RestApi],
) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO, assistant=ASSISTANT)
    locked(ours, call, awaits=(analysis.ARTIFACT,))
    ours.end(call)
    ours.settle(call)
    assert ours.reports(call) == []
    assert analysis.run(without_key(ours).context, {"callId": call["id"]}) is None
    assert len(ours.reports(call)) == 1


# ------------------------------------------------------------------ whatever the job


@each_carrier
@pytest.mark.parametrize(
    "stage", ["created", "dialled", "over", "settled", "held", "recording", "recorded"]
)
def test_no_job_about_a_call_stumbles_over_the_key(
    both: tuple[Domain, RestApi], carrier: CarrierFake, stage: str
) -> None:
    """Each of them, at each point of a call: which of them opens a seal is their own business."""
    ours, api = both
    forward, recording = "f", "none"
    if stage == "created":
        call = ours.create(carrier, assistant=ASSISTANT)
    elif stage in {"recording", "recorded"}:
        state = recordings.READY if stage == "recorded" else recordings.STARTED
        call, recording = recorded(ours, api, carrier, state)
    elif stage == "held":
        held = WarmTransfer(ours, api, carrier)
        held.begin()
        call, forward = held.call, held.forward
    else:
        call = dialled(ours, api, carrier, assistant=ASSISTANT)
    locked(ours, call, upstreams=("u",), awaits=(awaited("u"), analysis.ARTIFACT))
    if stage in {"over", "settled"}:
        ours.end(call)
    if stage == "settled":
        ours.settle(call)
    ours.clock.pass_(LONG)
    lost = without_key(ours)
    payload = {"callId": call["id"], "forward": forward, "recordingId": recording}
    payload |= {"timer": "due", "step": "briefed"}
    for job in context_jobs(lost.context).values():
        job({**payload, "keys": []})
    opened = lost.context.vault
    assert isinstance(opened, LostKey)
    assert opened.asked, "the stage shows nothing"
