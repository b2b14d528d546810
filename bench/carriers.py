"""The carriers' simulators beside a bridge, with callbacks that get lost and an API that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

from providers.registry import SIMULATORS
from providers.simulation.api_server import ApiReply, ApiRequest, serve_stage
from providers.simulation.config import own_port
from providers.simulation.stage import Callee, Stage
from providers.simulation.timeline import Response
from tests.bridge import Bridge

SPEED = 0.05
"""Of the simulated phones' pauses."""
LOST = Response(0, b"", fault="lost")

Answer = Callable[[ApiRequest], ApiReply]
IsLost = Callable[[str, str], bool]
"""Takes the called number's digits and the carrier's word."""


class Carrier:
    """One carrier's simulator: places one call after the other, and plays them at once."""

    def __init__(self, name: str, stage: Any) -> None:
        self.name = name
        self.stage = stage
        self._turn = threading.Lock()

    def dial(self, bridge: Bridge, number: str, callee: Callee, **fields: Any) -> Any:
        """Have the bridge dial a phone that behaves so; the call once it is placed."""
        with self._turn:
            self.stage.callee = callee
            self.stage.placed.clear()
            bypass = {"phoneCallProviderBypassEnabled": False}
            call = bridge.create(self.name, customer={"number": number}, **bypass, **fields)
            if not self.stage.placed.wait(30):
                raise SystemExit(f"{self.name} was not asked to dial")
        return call

    @property
    def legs(self) -> list[Any]:
        """The phone legs that its API has placed."""
        if hasattr(self.stage, "calls"):
            return list(self.stage.calls.values())
        return [leg for leg in list(self.stage.legs.values()) if leg.call is not None]


@contextmanager
def carrier(
    name: str,
    bridge: Bridge,
    *,
    through: Callable[[Answer], Answer] = lambda answer: answer,
    is_lost: IsLost = lambda number, word: False,
    callee: Callee | None = None,
) -> Iterator[Carrier]:
    """``through`` stands before its API; ``is_lost`` says which callbacks do not arrive."""
    simulator: Any = import_module(SIMULATORS[name])
    rest: Any = import_module(f"{SIMULATORS[name]}.rest_api")
    config = replace(simulator.config_from_environment(bridge.environ), speed=SPEED)
    kind = f"{name.capitalize()}Stage"
    stage: Any = getattr(import_module(f"{SIMULATORS[name]}.config"), kind)(config, _silent)
    api = getattr(rest, f"{name.capitalize()}Api")(stage)
    _lose(stage, is_lost)
    port = own_port(bridge.environ[f"{name.upper()}_API_URL"])
    with serve_stage(stage, through(api.answer), port, callee):
        made = Carrier(name, stage)
        yield made
        for leg in made.legs:
            leg.over.set()


def _lose(stage: Stage, is_lost: IsLost) -> None:
    """Let some callbacks of the stage go nowhere. Only events of a phone leg have its number."""
    there: Any = stage
    prepare = there.prepare

    def prepared(
        method: str, url: str, params: Mapping[str, Any], label: str
    ) -> Callable[[], Response]:
        number = str(params.get("To") or params.get("to") or "").removeprefix("+")
        word = str(params.get("CallStatus") or params.get("status") or "")
        is_event = "StreamEvent" not in params and not label.endswith("(socket leg)")
        if is_event and is_lost(number, word):
            return lambda: LOST
        send: Callable[[], Response] = prepare(method, url, params, label)
        return send

    there.prepare = prepared


def _silent(line: str) -> None:
    pass
