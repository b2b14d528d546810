"""A dialled call whose create-call request has no answer: what the carrier's list says decides."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from app.domain.calls.record import CallTx
from app.domain.legs import outbound, reconcile, unconfirmed
from app.settings import Settings
from providers.base.rest import LegState
from tests.domain.legs.test_outbound import dialled, each_carrier, outcome, run
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import DOWN, UNKNOWN, RestApi
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


def killed(ours: Domain, carrier: CarrierFake) -> dict[str, str]:
    """The process died after it had stored that it would ask, and before it knew the answer."""
    call = ours.create(carrier)
    assert outbound._begin(ours.context, call["id"]) is not None
    return call


def failed(ours: Domain, api: RestApi, carrier: CarrierFake) -> dict[str, str]:
    """The create-call request was answered by an error of the carrier's."""
    api.replies["POST"] = [DOWN]
    call = ours.create(carrier)
    run(outbound, ours, call)
    return call


def asked_after(seconds: float, ours: Domain, call: dict[str, str]) -> object:
    ours.clock.pass_(seconds)
    return run(reconcile, ours, call)


@each_carrier
def test_no_such_call_after_a_kill(both: tuple[Domain, RestApi], carrier: CarrierFake) -> None:
    """It was never dialled, and that was no failure of the carrier's."""
    ours, api = both
    call = killed(ours, carrier)
    api.replies["GET"] = [carrier.placed([], "", ours.clock())]
    assert asked_after(61, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", "server-shutdown")
    assert "has no such call" in ended["endedMessage"]
    assert [each.method for each in api.asked] == ["GET"]


@each_carrier
def test_no_such_call_after_an_error(both: tuple[Domain, RestApi], carrier: CarrierFake) -> None:
    ours, api = both
    call = failed(ours, api, carrier)
    api.replies["GET"] = [carrier.placed([], "", ours.clock())]
    assert asked_after(61, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", carrier.failed)
    assert "broken" in ended["endedMessage"]


@each_carrier
@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [("ringing", "ringing", None), ("busy", "ended", "customer-busy")],
)
@pytest.mark.parametrize("by_kill", [True, False])
def test_the_leg_that_the_carrier_has_is_the_calls(
    both: tuple[Domain, RestApi],
    carrier: CarrierFake,
    word: str,
    status: str,
    reason: str | None,
    by_kill: bool,
) -> None:
    ours, api = both
    call = killed(ours, carrier) if by_kill else failed(ours, api, carrier)
    api.replies["GET"] = [carrier.placed([carrier.dialled.leg_ref], word, ours.clock())]
    asked_after(61, ours, call)
    found = ours.get(call)
    assert outcome(found) == (status, reason)
    assert found["phoneCallProviderId"] == carrier.dialled.call_ref


@each_carrier
@pytest.mark.parametrize("unclear", ["down", "unknown", "several"])
def test_a_carrier_that_does_not_know_leaves_it_open_for_as_long_again(
    both: tuple[Domain, RestApi], carrier: CarrierFake, unclear: str
) -> None:
    ours, api = both
    call = killed(ours, carrier)
    several = carrier.placed([carrier.dialled.leg_ref, carrier.new_ref()], "ringing", ours.clock())
    api.replies["GET"] = [{"down": DOWN, "unknown": UNKNOWN, "several": several}[unclear]]
    assert asked_after(61, ours, call) == 10
    assert outcome(ours.get(call)) == ("queued", None)
    waits = [asked_after(10, ours, call) for _ in range(6)]
    assert waits == [10, 10, 10, 10, 10, None]
    ended = ours.get(call)
    assert outcome(ended) == ("ended", "unknown-error")
    assert "could not say" in ended["endedMessage"]
    assert len(api.asked) == 7


@each_carrier
def test_a_carrier_that_knows_at_last(both: tuple[Domain, RestApi], carrier: CarrierFake) -> None:
    ours, api = both
    call = killed(ours, carrier)
    found = carrier.placed([carrier.dialled.leg_ref], "ringing", ours.clock())
    api.replies["GET"] = [DOWN, DOWN, found]
    assert [asked_after(seconds, ours, call) for seconds in (61, 10, 10)] == [10, 10, 60]
    assert outcome(ours.get(call)) == ("ringing", None)


@each_carrier
def test_a_leg_of_another_call_is_not_taken(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    dialled(ours, api, carrier)
    call = killed(ours, carrier)
    api.replies["GET"] = [carrier.placed([carrier.dialled.leg_ref], "ringing", ours.clock())]
    assert asked_after(61, ours, call) is None
    assert outcome(ours.get(call)) == ("ended", "server-shutdown")


@each_carrier
def test_a_leg_that_another_call_takes_meanwhile_is_not_taken(
    both: tuple[Domain, RestApi], carrier: CarrierFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was free when this call looked: the other's transaction was not committed."""
    ours, api = both
    dialled(ours, api, carrier)
    call = killed(ours, carrier)
    looks, free = iter([True]), unconfirmed._is_free
    monkeypatch.setattr(unconfirmed, "_is_free", lambda *of: next(looks, False) or free(*of))
    api.replies["GET"] = [carrier.placed([carrier.dialled.leg_ref], "ringing", ours.clock())]
    assert asked_after(61, ours, call) is None
    found = ours.get(call)
    assert outcome(found) == ("ended", "server-shutdown")
    assert "phoneCallProviderId" not in found


@each_carrier
def test_of_two_calls_that_find_one_leg_at_once_one_takes_it(
    both: tuple[Domain, RestApi], carrier: CarrierFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died while it dialled both. On SQLite one transaction is behind the other."""
    ours, api = both
    two = [killed(ours, carrier) for _ in range(2)]
    together, free, looked = Barrier(2), unconfirmed._is_free, set()

    def look(tx: CallTx, leg: LegState) -> bool:
        found = free(tx, leg)
        if tx.call.id not in looked and not ours.context.store.is_sqlite:
            looked.add(tx.call.id)
            together.wait(10)
        return found

    monkeypatch.setattr(unconfirmed, "_is_free", look)
    api.replies["GET"] = [carrier.placed([carrier.dialled.leg_ref], "ringing", ours.clock())]
    ours.clock.pass_(61)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda call: run(reconcile, ours, call), two))
    outcomes = sorted(outcome(ours.get(call))[0] for call in two)
    assert outcomes == ["ended", "ringing"]


@pytest.mark.parametrize(("seconds", "reason"), [(-3600, "server-shutdown"), (2, None)])
def test_only_the_time_of_the_request_counts(
    both: tuple[Domain, RestApi], seconds: float, reason: str | None
) -> None:
    """Twilio's list has every call between the two. Vonage is asked for the time."""
    ours, api = both
    call = killed(ours, TWILIO)
    at = ours.clock() + timedelta(seconds=seconds)
    api.replies["GET"] = [TWILIO.placed([TWILIO.dialled.leg_ref], "ringing", at)]
    asked_after(61, ours, call)
    assert ours.get(call).get("endedReason") == reason


def test_vonage_is_asked_for_the_time_of_the_request(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = killed(ours, VONAGE)
    noted = ours.clock()
    api.replies["GET"] = [VONAGE.placed([], "", noted)]
    asked_after(61, ours, call)
    begin = noted - timedelta(seconds=10)
    assert f"date_start={begin:%Y-%m-%dT%H}" in api.asked[0].path
    assert "page_size=100" in api.asked[0].path
