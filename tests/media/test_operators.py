"""The sockets on operators' legs, beside those of the calls: each has its own service."""

from __future__ import annotations

from typing import Any

import pytest

from app.store.commands import Command
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.domain import Domain, Operators
from tests.media.server import calling, listen, listen_to_the_end, loud, serving

BOTH = pytest.mark.parametrize("caller", [TwilioCaller(), VonageCaller()], ids=lambda c: c.name)


def worlds() -> tuple[Domain, Operators]:
    domain = Domain()
    domain.operators = Operators(transfer="the transfer")
    return domain, domain.operators


@BOTH
@on_loop
async def test_an_operators_socket_is_of_its_own_service(caller: Any) -> None:
    domain, operators = worlds()
    async with serving(domain) as served, calling(served, caller, "operator-1") as carrier:
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
        await operators.hears("joined")
    assert domain.words() == []


@BOTH
@on_loop
async def test_it_is_closed_once_its_transfer_is_over(caller: Any) -> None:
    domain, operators = worlds()
    async with serving(domain) as served, calling(served, caller, "operator-1") as carrier:
        await operators.hears("joined")
        operators.over = True
        await listen_to_the_end(caller, carrier)
    assert "intend" not in operators.words()
    assert "lost" not in operators.words()


@on_loop
async def test_the_calls_commands_and_its_end_are_not_for_it() -> None:
    """The call has no stream of its own while it is forwarded."""
    domain, operators = worlds()
    caller = TwilioCaller()
    domain.given.append(Command("operator-1", {"type": "say", "content": "Hello."}))
    domain.ended.add("operator-1")
    async with serving(domain) as served, calling(served, caller, "operator-1") as carrier:
        await operators.hears("joined")
        for nudge in domain.media_wakers:
            nudge("operator-1")
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
        assert domain.given
