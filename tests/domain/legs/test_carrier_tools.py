"""Keys and text messages for an assistant, by the API of the call's carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.legs import carrier_tools
from app.domain.legs.carrier_tools import TextMessage
from app.settings import Settings
from providers.errors import CarrierError
from providers.events import EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import RestApi

OTHER = "+14155550199"
SENT = (201, {"sid": f"SM{'0' * 32}", "message_uuid": "m1", "id": "m1", "message": "DTMF sent"})


@pytest.fixture
def rest(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(replace(settings, dial_limit_per_hour=3)) as found:
        yield found


@pytest.fixture(params=FAKES.values(), ids=list(FAKES))
def carrier(request: pytest.FixtureRequest) -> CarrierFake:
    fake: CarrierFake = request.param
    return fake


def sent(api: RestApi) -> list[str]:
    """The bodies of the requests, as one text each."""
    return [str(asked.body) for asked in api.asked]


def up(use: Domain, carrier: CarrierFake) -> Any:
    call = use.create(carrier)
    use.hear(call, carrier, EventKind.LEG_ANSWERED)
    return call


def text(use: Domain, call: Any, words: str = "Your table.", **more: Any) -> str | None:
    return carrier_tools.send_text(use.context, call["id"], TextMessage(words, **more))


def test_a_text_goes_to_the_customer(rest: tuple[Domain, RestApi], carrier: CarrierFake) -> None:
    use, api = rest
    call = use.create(carrier)
    api.reply("POST", SENT)
    assert text(use, call) is None
    assert text(use, call, to=OTHER) is None
    first, second = sent(api)
    assert "Your table." in first
    assert CUSTOMER[1:] in first
    assert OTHER[1:] in second
    assert carrier.number[1:] in first
    # the call itself, and two texts: the hour's three
    assert "DIAL_LIMIT_PER_HOUR" in str(text(use, call))
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"to": "5550123"}, "E.164"),
        ({"to": "+23480312345678"}, "ALLOWED_COUNTRIES"),
        ({"to": "+19005550123"}, "number is"),
        ({"from_": "+14155550777"}, "is no number of the organisation"),
    ],
)
def test_a_text_that_may_not_be_sent(
    rest: tuple[Domain, RestApi], more: dict[str, Any], words: str
) -> None:
    use, api = rest
    assert words in str(text(use, use.create(next(iter(FAKES.values()))), **more))
    assert api.asked == []


def test_the_carriers_refusal_is_the_answer(
    rest: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    use, api = rest
    call = use.create(carrier)
    api.reply("POST", (400, {"title": "No", "message": "No", "code": 21610, "status": 400}))
    assert carrier.name in str(text(use, call)).lower()
    assert len(api.asked) == 1


def test_keys_by_the_carrier_that_has_them(
    rest: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    use, api = rest
    call = up(use, carrier)
    api.reply("PUT", (200, {"message": "DTMF sent"}))
    played = carrier_tools.press_keys(use.context, call["id"], "1w#")
    assert played is bool(api.asked)
    if played:
        assert api.asked[0].body == {"digits": "1p#"}
        assert carrier.dialled.leg_ref in api.asked[0].path
        api.reply("PUT", (400, {"title": "No"}))
        assert carrier_tools.press_keys(use.context, call["id"], "1") is False
        api.reply("PUT", (0, None))
        with pytest.raises(CarrierError):
            carrier_tools.press_keys(use.context, call["id"], "1")


def test_an_account_without_the_api_leaves_the_keys_to_the_sound(
    settings: Settings, carrier: CarrierFake
) -> None:
    with domain(settings, rest=False) as (use, api):
        call = {"id": "01a228f0-1363-7d46-abd0-2f39e81054c4"}  # none of ours
        assert carrier_tools.press_keys(use.context, call["id"], "1") is False
        assert text(use, call) == carrier_tools.NO_ACCOUNT
        assert api.asked == []
