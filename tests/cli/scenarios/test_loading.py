"""Scenario files: what they become, and what is said of those that are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.cli.scenarios import expectations, schema
from app.cli.scenarios.bridge import RunningBridge
from app.cli.scenarios.loading import BadScenario, load
from app.cli.scenarios.run import Options, check
from app.cli.scenarios.schema import Scenario
from tests.cli.scenarios.files import TALK, scenario, written

EXAMPLES = Path(__file__).parents[3] / "docs" / "scenarios"
PAGE = EXAMPLES.parent / "testing-assistants.md"


def test_the_examples_can_be_played() -> None:
    found = load([str(EXAMPLES)])
    check(found, Options())
    assert {"booking/through_studio", "process-faults/kill_9"} <= {each.name for each in found}
    assert {each.scenario.carrier for each in found} == {"twilio", "vonage"}


def test_a_files_words_are_defaults_of_its_scenarios(tmp_path: Path) -> None:
    text = """
        name: two
        carrier: vonage
        assistant: {}
        turns: [{user: Hello.}]
        scenarios:
          - name: first
          - {name: second, carrier: twilio, turns: [{dtmf: 012}]}
    """
    first, second = load([str(written(tmp_path, text))])
    assert (first.name, first.scenario.carrier) == ("two/first", "vonage")
    assert (second.scenario.carrier, second.scenario.turns[0].dtmf) == ("twilio", "012")


def test_shorthands(tmp_path: Path) -> None:
    loaded = scenario(tmp_path, rest="    tools: {book: table 4}\n    overrides: {name: X}\n")
    turn = loaded.scenario.turns[1]
    assert turn.expect[0].event == "response"
    assert turn.replies[0].text == "One table."
    assert loaded.scenario.tools["book"].result == "table 4"


def test_a_hook_is_on_an_event_and_not_true(tmp_path: Path) -> None:
    (loaded,) = load([str(written(tmp_path, HOOK))])
    assert loaded.scenario.assistant["hooks"] == [{"on": "call.ending"}]


HOOK = """
    name: hook
    scenarios:
      - {name: x, carrier: twilio, assistant: {hooks: [{on: call.ending}]}, turns: [{user: Hi}]}
"""


FAULTS = {
    "    wya: studio\n": (13, "unknown word 'wya'; allowed here: name, carrier, way"),
    "    way: post\n": (13, "way: Input should be 'studio', 'number', 'bypass' or 'dialled'"),
    "    expect: {endedReason: hung-up}\n": (13, "'hung-up' is no endedReason"),
    "    callbacks: stolen\n": (13, "'lost', 'late', 'twice' or 'out_of_order'"),
    "      - {user: Hi, dtmf: '1'}\n": (13, "a turn has one of user, dtmf, audio"),
    "      - fault: earthquake\n": (13, "there is no fault 'earthquake'; there are socket_cut"),
    "      - {fault: model_slow, expect: [response]}\n": (13, "give expect to the turn behind it"),
    "      - expect: [response]\n": (4, "only the first turn may be without"),
    "      - user: Hi\n        expect: [{event: respons}]\n": (14, "'response', 'function_call'"),
    "      - user: Hi\n        expect: [{event: response, within: 3}]\n": (14, "'within'; allowed"),
    "      - user: Hi\n        expect: [{event: response, calls: [x]}]\n": (14, "calls belongs"),
    "      - user: Hi\n        expect: [{event: response, text_matches: '('}]\n": (
        14,
        "expression",
    ),
}


@pytest.mark.parametrize("rest", FAULTS, ids=lambda rest: " ".join(rest.split())[:40])
def test_a_fault_is_named_with_its_line(rest: str, tmp_path: Path) -> None:
    line, sentence = FAULTS[rest]
    with pytest.raises(BadScenario) as caught:
        scenario(tmp_path, rest=rest)
    told = str(caught.value).splitlines()[0]
    assert told.startswith(f"{tmp_path}/talk.yaml:{line}: "), told
    assert sentence in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: [", "talk.yaml:1: "),
        ("- 1", "talk.yaml:1: a file is a mapping"),
        ("scenarios: []", "the file has no name"),
        ("name: x\nscenarios: 3", "talk.yaml:2: scenarios is a list"),
        ("name: x\nscenarios:\n  - {carrier: twilio}", "talk.yaml:3: a scenario is a mapping"),
        ("name: x\nname: y", "talk.yaml:2: name stands here twice"),
        ("name: x\nscenarios:\n- &a\n  tools: *a", "talk.yaml:3: an alias (*) names what it"),
        ("name: x\nscenarios:\n  - {name: y}", "talk.yaml:3: carrier: carrier is missing"),
    ],
)
def test_a_file_that_is_none(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadScenario) as caught:
        load([str(written(tmp_path, text))])
    assert sentence in str(caught.value)


def test_two_scenarios_of_one_name_and_none(tmp_path: Path) -> None:
    written(tmp_path, TALK + "          - response\n", "one.yaml")
    written(tmp_path, TALK + "          - response\n", "two.yaml")
    with pytest.raises(BadScenario) as caught:
        load([str(tmp_path)])
    first, second = tmp_path / "one.yaml", tmp_path / "two.yaml"
    assert str(caught.value) == f"{second}:4: {first}:4 has a scenario 'talk/one' too"
    with pytest.raises(BadScenario, match="no such file"):
        load([str(tmp_path / "three.yaml")])


SERVER = RunningBridge("http://localhost:1", "key", {})
REFUSED = {
    "    carrier: acme\n": (None, "carrier is one of twilio, vonage, not acme"),
    "    carrier: vonage\n    way: studio\n": (None, "vonage has the ways number"),
    "    assistant: {id: as-1}\n": (None, "needs the server that stores it: give --url"),
    "    settings: {QUEUE: wait}\n": (SERVER, "leave --url out"),
    "      - fault: kill_9\n": (SERVER, "leave --url out"),
    "    assistant: nowhere.json\n": (None, "nowhere.json: the assistant cannot be read"),
}


@pytest.mark.parametrize("rest", REFUSED, ids=lambda rest: " ".join(rest.split()))
def test_what_cannot_be_played_is_refused_before_a_call(rest: str, tmp_path: Path) -> None:
    server, sentence = REFUSED[rest]
    text = TALK
    for name in ("carrier", "assistant"):
        if f"{name}:" in rest:
            text = "\n".join(line for line in text.splitlines() if f" {name}:" not in line) + "\n"
    loaded = load([str(written(tmp_path, text + "          - response\n" + rest))])
    with pytest.raises(BadScenario) as caught:
        check(loaded, Options(server=server))
    assert sentence in str(caught.value)
    assert re.match(r"\S+/talk\.yaml:\d+: ", str(caught.value))


def test_the_scenario_on_the_page_can_be_played(tmp_path: Path) -> None:
    text = PAGE.read_text().partition("## A scenario")[2].partition("```yaml\n")[2]
    (tmp_path / "restaurant.json").write_bytes((EXAMPLES / "restaurant.json").read_bytes())
    check(load([str(written(tmp_path, text.partition("```")[0]))]), Options())


def test_every_word_is_on_the_page() -> None:
    page = PAGE.read_text()
    models: list[type[expectations.Words]] = [Scenario]
    seen = set[str]()
    while models:
        fields = models.pop().model_fields
        seen |= fields.keys()
        for each in fields.values():
            text = str(each.annotation)
            models += [m for m in _models() if f".{m.__name__}" in text and m not in models]
        models = [m for m in models if not m.model_fields.keys() <= seen]
    missing = [word for word in sorted(seen) if f"`{word}`" not in page]
    assert not missing


def _models() -> list[type[expectations.Words]]:
    kinds = [*vars(schema).values(), *vars(expectations).values()]
    words = expectations.Words
    return [each for each in kinds if isinstance(each, type) and issubclass(each, words)]
