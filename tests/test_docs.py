"""The pages tell the truth: routes, commands, scenarios, paths, links and examples.

That every setting is documented is tested beside the settings (``test_settings.py``).
"""

from __future__ import annotations

import json
import re
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from flask import Flask

from app import create_app
from app.cli import main as cli
from app.delivery import retry, signing
from app.domain.calls.state import EVIDENCE
from app.domain.reporting.server_messages import END_OF_CALL_REPORT, STATUS_UPDATE
from app.settings import DELIVERY_SCHEDULE, Settings
from providers.base.instructions import Connect
from providers.events import CallStatus, EndedReason
from providers.registry import ALL, PROVIDERS
from providers.twilio import simulator as twilio_simulator
from providers.twilio import studio, twiml
from providers.vonage import ncco
from providers.vonage import simulator as vonage_simulator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob(".github/*.md")])
HOST = "https://bridge.example.com"
SCENARIOS = {"twilio": twilio_simulator.SCENARIOS, "vonage": vonage_simulator.SCENARIOS}
FRAMEWORK_METHODS = {"HEAD", "OPTIONS"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_carrier = pytest.mark.parametrize("carrier", PROVIDERS)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """Fenced examples of one language, at any indentation."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def anchors(text: str) -> set[str]:
    """The headings of a page as GitHub's fragments."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


# ------------------------------------------------------------------ routes and commands


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """(method, path as the pages write it) of everything but the style sheet and the dashboard."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in {"static", "home"} and not rule.rule.startswith("/dashboard"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - FRAMEWORK_METHODS:
                yield method, path


def hook_paths() -> set[str]:
    hooks = [hook for provider in ALL.values() for hook in provider.hooks]
    return {hook.path.replace("<", "{").replace(">", "}") for hook in hooks}


def test_the_api_page_names_every_route_and_no_other(app: Flask) -> None:
    ours = {f"{method} {path}" for method, path in routes(app) if path not in hook_paths()}
    named = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^\s`?]+)[^`]*`", read("docs/api.md"))
    assert set(named) == ours


def test_the_page_of_web_calls_names_every_url_of_theirs() -> None:
    page = read("docs/web-calls.md")
    assert {path for path in hook_paths() if path.startswith("/web/")} <= set(
        re.findall(r"`POST (/web/[^`]+)`", page)
    )


@each_carrier
def test_a_carriers_page_names_every_url_of_its(carrier: str) -> None:
    page = read(f"docs/{carrier}.md")
    for path in hook_paths():
        if path.startswith(f"/{carrier}/"):
            assert f"`{path}`" in page
    assert f"/media/{carrier}/STREAM" in page


@each_carrier
def test_a_carriers_page_names_every_scenario_of_its_simulator(carrier: str) -> None:
    table = read(f"docs/{carrier}.md").partition(f"## Without {carrier.capitalize()}")[2]
    assert set(re.findall(r"`([a-z][a-z-]*)`", table)) == set(SCENARIOS[carrier])


def commands(group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {below}" for below in commands(command))
        else:
            yield name


def test_every_command_is_documented_and_no_other() -> None:
    ours = set(commands(cli.main))
    pages = "\n".join(page.read_text() for page in PAGES)
    for command in ours:
        assert f"patchbay {command}" in pages
    named = set(re.findall(r"`patchbay ([a-z-]+(?: [a-z-]+)?)", pages))
    for words in named:
        assert words in ours or words.split()[0] in ours, f"`patchbay {words}` is no command"


# ------------------------------------------------------------------ words


def test_the_readme_explains_every_status() -> None:
    table = read("README.md").partition("## What a call's status means")[2]
    named = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert named == [str(status) for status in CallStatus]


def test_the_readmes_reasons_exist() -> None:
    section = read("README.md").partition("## What ends how")[2].partition("\n## ")[0]
    cells = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")]
    named = {word for cell in cells[1:] for word in re.findall(r"`([^`]+)`", cell)}
    assert named
    assert named <= {str(reason) for reason in EndedReason}


def test_the_evidence_is_the_documented_one() -> None:
    page = read("docs/architecture.md").partition("### Evidence")[2].partition("### ")[0]
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE)
    documented = {word: int(row) for row, cell in rows for word in re.findall(r"`([^`]+)`", cell)}
    assert documented == {str(kind): row for kind, row in EVIDENCE.items()}


# ------------------------------------------------------------------ server messages


def test_both_types_of_messages_have_an_example() -> None:
    examples = [json.loads(block) for block in blocks(read("docs/server-messages.md"), "json")]
    types = {each["message"]["type"] for each in examples if "message" in each}
    assert types == {STATUS_UPDATE, END_OF_CALL_REPORT}


def test_the_documented_schedule_is_the_one_in_force() -> None:
    page = read("docs/server-messages.md")
    row = next(line for line in page.splitlines() if line.startswith("| after |"))
    units = {"s": 1, "min": 60, "h": 3600}
    waits = [cell.split() for cell in row.split("|")[2:-1]]
    assert [int(n) * (units[unit[0]] if unit else 1) for n, *unit in waits] == list(
        DELIVERY_SCHEDULE
    )
    minutes, seconds = divmod(int(sum(DELIVERY_SCHEDULE)), 60)
    assert f"{minutes // 60} h {minutes % 60} m {seconds} s" in page
    assert f"±{retry.JITTER:.0%}".replace("%", " %") in page


@pytest.mark.parametrize(
    "secret",
    ["a plain secret", "whsec_bXkgc2VydmVyJ3Mgc2VjcmV0IQ=="],  # the key itself; base64 of it
)
def test_the_documented_check_takes_what_we_sign_and_nothing_else(secret: str) -> None:
    (source,) = blocks(read("docs/server-messages.md"), "python")
    names: dict[str, Any] = {}
    exec(source, names)
    body, now = b'{"message":{}}', int(time.time())
    headers = {"X-Vapi-Secret": secret, **signing.headers("id", now, body, secret)}
    names["verify"](headers, body, secret)
    for wrong_headers, wrong_body in (
        (headers, body + b" "),
        ({**headers, "X-Vapi-Secret": "another"}, body),
        ({**headers, "webhook-id": "another"}, body),
        ({**headers, **signing.headers("id", now - 3600, body, secret)}, body),
    ):
        with pytest.raises(PermissionError):
            names["verify"](wrong_headers, wrong_body, secret)


# ------------------------------------------------------------------ Studio


def test_the_importable_flow_is_the_printed_one() -> None:
    kept = json.loads(read("docs/studio-flow.json"))
    assert kept == studio.flow(HOST, "ASSISTANT_ID")


def test_the_flow_is_whole() -> None:
    flow = json.loads(read("docs/studio-flow.json"))
    names = [state["name"] for state in flow["states"]]
    ways = [way for state in flow["states"] for way in state["transitions"]]
    assert len(set(names)) == len(names)
    assert flow["initial_state"] in names
    assert {way["next"] for way in ways if "next" in way} == set(names) - {flow["initial_state"]}
    used = set(re.findall(r"\{\{widgets\.(\w+)\.", json.dumps(flow)))
    assert used <= set(names)


# ------------------------------------------------------------------ examples


def connect(carrier: str) -> Connect:
    """What the examples on the pages show. One carrier has no URL for the stream alone."""
    reports = {"twilio": "stream", "vonage": "event"}[carrier]
    return Connect(
        call_id="CALL",
        media_url=f"wss://bridge.example.com/media/{carrier}/STREAM",
        stream_url=f"{HOST}/{carrier}/{reports}/TOKEN",
        continue_url=f"{HOST}/{carrier}/after/TOKEN",
        number="+15550100002",
    )


def test_the_documented_twiml_is_what_twilio_gets() -> None:
    (example,) = blocks(read("docs/twilio.md"), "xml")
    shown, ours = (
        ElementTree.fromstring(re.sub(r">\s+<", "><", text))
        for text in (example, twiml.document((connect("twilio"),)))
    )
    parameter = shown.find(".//Parameter")
    assert parameter is not None
    parameter.set("value", "CALL")
    assert ElementTree.tostring(shown) == ElementTree.tostring(ours)


def test_the_documented_ncco_is_what_vonage_gets() -> None:
    (example,) = (
        found
        for block in blocks(read("docs/vonage.md"), "json")
        if isinstance(found := json.loads(block), list)
    )
    example[0]["endpoint"][0]["headers"]["callId"] = "CALL"
    assert example == ncco.actions((connect("vonage"),))


@each_page
def test_examples_can_be_read(page: Path) -> None:
    text = page.read_text()
    for block in blocks(text, "json"):
        json.loads(block)
    for block in blocks(text, "python"):
        compile(block, page.name, "exec")


# ------------------------------------------------------------------ links and paths


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if fragment:
            assert fragment in anchors(file.read_text()), f"{page.name}: {target}"


@each_page
def test_paths_exist(page: Path) -> None:
    """Whatever is written as a path of this tree. ``NAME`` and ``*`` stand for many."""
    tops = r"(?:app|providers|tests|docs|bench)"
    for path in re.findall(rf"`({tops}/[\w./-]*)`", page.read_text()):
        if "NAME" not in path:
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_page_is_linked_from_the_readme() -> None:
    readme = read("README.md")
    for page in DOCS.glob("*.md"):
        assert f"docs/{page.name}" in readme
