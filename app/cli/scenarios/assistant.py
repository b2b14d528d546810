"""The assistant of a scenario, with the test's stand-ins in the place of its vendors and its server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.cli.scenarios.api import Api
from app.cli.scenarios.faults import FAULTS, Needs
from app.cli.scenarios.loading import BadScenario, Loaded, assistant_source
from app.cli.scenarios.schema import Scenario
from app.cli.scenarios.script import REPORT, TOOL_CALLS
from app.cli.vapi import core_yaml
from app.cli.vapi.source import SourceError
from app.domain.overlay import merge
from providers.common.json_types import JsonDict, JsonObject

# Fields of a stored assistant that a new one cannot have.
STORED = ("id", "orgId", "createdAt", "updatedAt", "isServerUrlSecretSet")
ALWAYS = (REPORT, TOOL_CALLS)


def read(loaded: Loaded) -> JsonDict | None:
    """The assistant as the scenario has it; None: it is stored at the server.

    Raises ``BadScenario``.
    """
    source = assistant_source(loaded.scenario)
    if source is None:
        return loaded.scenario.assistant
    if not source.file:
        return None
    try:
        return of_file(loaded.beside(source.file))
    except BadScenario as error:
        raise BadScenario(loaded.error("assistant", str(error))) from error


def of_file(path: Path) -> JsonDict:
    """An assistant in a JSON or YAML file. Raises ``BadScenario``."""
    try:
        text = path.read_text()
        if path.suffix != ".json":
            return core_yaml.read(text, str(path))
        found = json.loads(text)
    except (OSError, ValueError, SourceError) as error:
        raise BadScenario(f"{path}: the assistant cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise BadScenario(f"{path}: there is no assistant in it")
    return found


def body(loaded: Loaded, api: Api, base: str) -> JsonDict:
    """The assistant to store. ``base``: the address of the call's stand-ins.

    Raises ``ApiFailed`` and ``BadScenario``.
    """
    scenario, found = loaded.scenario, read(loaded)
    if found is None:
        source = assistant_source(scenario)
        found = api.ask("GET", f"/assistant/{source.id if source else ''}")
    made = merge(
        {name: value for name, value in found.items() if name not in STORED}, scenario.overrides
    )
    made["server"] = {"url": f"{base}/server"}
    if isinstance(messages := made.get("serverMessages"), list):
        made["serverMessages"] = list(dict.fromkeys([*messages, *ALWAYS]))
    made["model"] = _model(scenario, made.get("model") or {}, api, base)
    made |= dict(_speech(scenario, base))
    return made


def _model(scenario: Scenario, model: JsonObject, api: Api, base: str) -> JsonDict:
    found = {name: value for name, value in model.items() if name != "toolIds"}
    stored = [api.ask("GET", f"/tool/{id}") for id in model.get("toolIds") or ()]
    tools = [*(model.get("tools") or ()), *stored]
    if tools:
        found["tools"] = [_tool(scenario, each) for each in tools]
    if scenario.model == "scripted":
        found.pop("fallbackModels", None)
        found |= {"provider": "custom-llm", "url": f"{base}/model", "model": "scripted"}
    return found


def _tool(scenario: Scenario, tool: JsonObject) -> JsonDict:
    """The tool; the test's server answers it where the scenario has its answer."""
    kept = {name: value for name, value in tool.items() if name not in STORED}
    function = kept.get("function")
    if isinstance(function, Mapping) and function.get("name") in scenario.tools:
        kept.pop("server", None)
    return kept


def _speech(scenario: Scenario, base: str) -> Iterator[tuple[str, Any]]:
    if scenario.transcriber == "scripted":
        server = {"url": f"{base.replace('http', 'ws', 1)}/transcriber"}
        yield "transcriber", {"provider": "custom-transcriber", "server": server}
    if scenario.voice == "embedded":
        faults = [FAULTS[turn.fault.name].needs for turn in scenario.turns if turn.fault]
        fails = Needs.VOICE in faults
        custom = {"provider": "custom-voice", "server": {"url": f"{base}/voice"}}
        yield "voice", custom if fails else {"provider": "embedded"}
