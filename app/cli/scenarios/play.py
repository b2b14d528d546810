"""One scenario, played by the carrier's simulator against a bridge."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from app.cli.scenarios import assistant
from app.cli.scenarios.api import ApiFailed
from app.cli.scenarios.bridge import Bridge, BridgeFailed, OwnBridge, simulator
from app.cli.scenarios.caller import Spoken, turns
from app.cli.scenarios.loading import BadScenario, Loaded
from app.cli.scenarios.script import Script
from app.cli.scenarios.standins import StandIns
from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.script import TakenTurn, Tape
from providers.simulation.speech import NO_WORD
from providers.simulation.stage import CallerAction, Stage
from providers.simulation.timeline import SimulatorError

# How long the report, and then the recording, may take after the call.
REPORT_SECONDS = 30.0
COPIES = 2
# Of the order in which callbacks come that are out of order.
SEED = 1


@dataclass
class Played:
    """A call that was played, and everything that is known of it."""

    script: Script
    taken: Sequence[TakenTurn] = ()
    tape: Tape = field(default_factory=Tape)
    call: JsonObject = field(default_factory=dict)
    recording: bytes | None = None
    timeline: Sequence[str] = ()
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where scenarios are played. ``folder`` gets files of a run."""

    bridge: Bridge
    standins: StandIns
    folder: Path


def play(loaded: Loaded, sounds: Mapping[int, Spoken], folder: Path, place: Place) -> Played:
    """Play a scenario. ``folder`` has the caller's sounds. Never raises for a call that fails."""
    began = time.monotonic()
    played = Played(Script(loaded.scenario, sounds))
    try:
        _play(loaded, folder, place, played)
    except (ApiFailed, BridgeFailed, SimulatorError, BadScenario, OSError) as error:
        played.problems.append(str(error))
    played.problems += played.script.problems
    played.seconds = time.monotonic() - began
    return played


def _play(loaded: Loaded, folder: Path, place: Place, played: Played) -> None:
    scenario, api = loaded.scenario, place.bridge.api
    base = place.standins.base(slug(loaded.name), played.script)
    id = api.ask("POST", "/assistant", assistant.body(loaded, api, base))["id"]
    lines = list[str]()
    try:
        config = _config(loaded, folder, place, id)
        module = simulator(scenario.carrier)
        with module.serve_api(config, config.api_port, out=lines.append) as stage:
            played.script.stage = stage
            played.call = _call(stage, module.WAYS[scenario.way], scenario.callbacks)
        played.taken, played.tape = stage.taken, stage.tape
        played.problems += [each for each in stage.problems if not each.startswith(NO_WORD)]
        _finish(place, played)
    finally:
        played.timeline = lines
        with suppress(ApiFailed):
            api.ask("DELETE", f"/assistant/{id}")


def _config(loaded: Loaded, folder: Path, place: Place, assistant_id: str) -> Any:
    module = simulator(loaded.scenario.carrier)
    acts = {}
    if isinstance(place.bridge, OwnBridge):
        acts = {"kill_9": place.bridge.kill_worker, "deploy": place.bridge.deploy}
    config = module.config_from_environment(
        place.bridge.environ,
        assistant_id=assistant_id,
        turns=tuple(turns(loaded, folder, acts)),
        timeout=loaded.scenario.patience_seconds,
    )
    return replace(config, seed=SEED)


def _call(stage: Stage, way: Callable[..., Any], callbacks: str | None) -> JsonObject:
    """The call, once it has ended."""
    if callbacks == "twice":
        stage.courier.copies = COPIES
    elif callbacks is not None:
        stage.courier.hold()
    way(stage, CallerAction.CONVERSE)
    if callbacks in ("late", "out_of_order"):
        shuffled = callbacks == "out_of_order"
        stage.courier.release(Random(stage.config.seed) if shuffled else None)  # noqa: S311
    stage.flush()
    return stage.bridge.await_outcome(stage.known_call())


def _finish(place: Place, played: Played) -> None:
    """Wait for the report; then the call has everything. Raises ``ApiFailed``."""
    played.script.await_report(REPORT_SECONDS)
    played.call = place.bridge.api.ask("GET", f"/call/{played.call['id']}")
    if url := played.call.get("stereoRecordingUrl"):
        played.recording = place.bridge.api.download(str(url))


def slug(name: str) -> str:
    """A name as a part of a path."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-") or "scenario"


def messages(call: JsonObject) -> list[JsonDict]:
    """The call's messages, in their order."""
    found: list[JsonDict] = list(call.get("messages") or ())
    return found
