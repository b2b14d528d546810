"""The parts of the carrier that is none: each has what a carrier has, and refuses all that is a phone's."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from providers import registry
from providers.base.carrier import PARTS
from providers.base.instructions import Connect, Forward, HangUp, Instruction, Return, Say
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import BadRequest, NoSecret, NotConfigured, Refused
from providers.events import EndedReason, EventKind
from providers.testing.contract import NOW
from providers.web import WEB

CONNECT = Connect("id", "wss://patchbay.example/media/web/token", "", "")
ACCOUNT = Account("web", {})
REFUSALS: list[Callable[[], Any]] = [
    lambda: WEB.config.account("other", {}),
    lambda: WEB.config.account("web", {"key": "x"}),
    lambda: WEB.config.credential({"provider": "web"}),
    lambda: WEB.signature.probe("https://patchbay.example", ACCOUNT, NOW),
    lambda: WEB.client(ACCOUNT).send_text("+14155550100", "+14155550101", "a"),
    lambda: WEB.client(ACCOUNT).fetch("leg"),
    lambda: WEB.client(ACCOUNT).hang_up("leg"),
]


def request(body: bytes) -> WebhookRequest:
    return WebhookRequest("POST", "https://patchbay.example/web/token/join", [], body, NOW)


def test_it_is_not_among_the_carriers() -> None:
    assert "web" not in registry.PROVIDERS
    assert list(registry.ALL) == [*registry.PROVIDERS, "web"]
    with pytest.raises(ValueError, match="web"):
        registry.add("web", WEB)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_every_function_with_the_same_parameters(part: str) -> None:
    for name, wanted in inspect.getmembers(PARTS[part], inspect.isfunction):
        if not name.startswith("_"):
            known = list(inspect.signature(wanted).parameters)[1:]
            assert list(inspect.signature(getattr(getattr(WEB, part), name)).parameters) == known


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_phones_part_is_refused(refused: Callable[[], Any]) -> None:
    with pytest.raises(NotConfigured):
        refused()


def test_no_signature_holds() -> None:
    assert WEB.signature.claimed_account(request(b"{}")) is None
    with pytest.raises(NoSecret):
        WEB.signature.verify(request(b"{}"), ACCOUNT)
    with pytest.raises(NoSecret):
        WEB.signature.verify_socket("wss://patchbay.example/media/web/token", [], ACCOUNT)


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ([CONNECT], {"action": "connect", "websocketUrl": CONNECT.media_url}),
        ([HangUp()], {"action": "hang-up"}),
        ([Say("Closed."), HangUp()], {"action": "hang-up", "message": "Closed."}),
    ],
)
def test_an_answer_says_what_comes_next(instructions: list[Instruction], said: Any) -> None:
    answer = WEB.markup.answer(instructions)
    assert json.loads(answer.body) == said
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("gone", [Forward("+14155550100", ""), Return("https://flow.example", {})])
def test_a_browser_goes_nowhere_else(gone: Instruction) -> None:
    with pytest.raises(ValueError, match="browser"):
        WEB.markup.answer([gone])


@pytest.mark.parametrize(
    ("error", "transient", "status"),
    [
        (BadRequest("a"), False, 400),
        (Refused("a"), False, 403),
        (RuntimeError("a"), False, 500),
        (RuntimeError("a"), True, 503),
    ],
)
def test_a_refusal_has_its_status(error: Exception, transient: bool, status: int) -> None:
    answer = WEB.markup.refusal(error, transient=transient)
    assert answer.status == status
    assert (b'"a"' in answer.body) == (status == 400)


def test_a_request_to_join_has_one_key_however_often_it_comes() -> None:
    report = WEB.webhooks.parse(HookKind.FETCH, request(b'{"request": "a-request-1"}'))
    (event,) = report.events
    assert (event.kind, event.key, report.asks) == (
        EventKind.LEG_FETCHED,
        "fetch:a-request-1",
        True,
    )


def test_a_refused_microphone_ends_the_call() -> None:
    report = WEB.webhooks.parse(HookKind.STATUS, request(b'{"type": "microphone-refused"}'))
    (event,) = report.events
    assert event.reason is EndedReason.CUSTOMER_DID_NOT_GIVE_MICROPHONE_PERMISSION
    assert (event.generic, report.asks) == (False, False)
