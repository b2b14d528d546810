"""``patchbay doctor`` beside a running bridge, with both carriers' APIs played: what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import settings as settings_module
from app.doctor.examination import examine
from app.settings import Settings, VendorSettings
from app.store import clock
from app.wiring import Services
from providers.simulation.config import own_port
from providers.simulation.stage import Stage
from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage
from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.fakes.carriers.accounts import ACCOUNT, API_KEY, TWILIO_NUMBER, VONAGE_NUMBER
from tests.fakes.client_server import Receiver

RIME = {"provider": "rime-ai", "voiceId": "a"}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    directory: Path = tmp_path_factory.mktemp("doctor")
    with (
        fresh_database(directory) as url,
        Bridge(url, directory, VONAGE_API_SECRET="the api secret") as running,
    ):
        yield running


@pytest.fixture
def carriers(bridge: Bridge) -> Iterator[Mapping[str, Stage]]:
    """Both APIs, at the addresses the bridge was given."""
    with ExitStack() as stack:
        stages: dict[str, Stage] = {}
        for name, simulator in (("twilio", twilio), ("vonage", vonage)):
            settings = simulator.config_from_environment(bridge.environ)
            port = own_port(bridge.environ[f"{name.upper()}_API_URL"])
            stages[name] = stack.enter_context(simulator.serve_api(settings, port=port))
        yield stages


def found(bridge: Bridge, **changes: Any) -> list[str]:
    """The doctor's lines, for the bridge's own settings or others."""
    settings: Settings = replace(settings_module.load(bridge.environ), **changes)
    services = Services(settings)
    try:
        return [str(finding) for finding in examine(services.context)]
    finally:
        services.store.close()


def about(lines: list[str], *words: str) -> str:
    """The one line that holds all of these words."""
    (line,) = [line for line in lines if all(word in line for word in words)]
    return line


def test_a_machine_whose_clock_is_wrong(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(minutes=2))
    lines = [line for line in found(bridge) if "clock" in line]
    on_sqlite = bridge.environ["DATABASE_URL"].startswith("sqlite")  # it has no other clock
    assert [line[:3] for line in lines] == ([] if on_sqlite else ["not"])


def test_all_is_well(bridge: Bridge, carriers: Mapping[str, Stage]) -> None:
    lines = found(bridge)
    assert [line for line in lines if line.startswith("ERROR")] == []
    for account, number in ((ACCOUNT, TWILIO_NUMBER), (API_KEY, VONAGE_NUMBER)):
        assert about(lines, account, "signatures").startswith("ok ")
        assert [line[:3] for line in lines if f"  {number} at" in line]
        assert {line[:3] for line in lines if f"  {number} at" in line} == {"ok "}
    assert bridge.api("GET", "/call") == []  # trying the signatures has changed nothing


def test_every_url_of_a_number_is_told_and_offline_nothing_is_asked(bridge: Bridge) -> None:
    """No carrier is played here, so a request to one would be an error or a note."""
    services = Services(settings_module.load(bridge.environ))
    lines = [str(finding) for finding in examine(services.context, offline=True)]
    services.store.close()
    assert [line for line in lines if line.startswith("ERROR")] == []
    for path in ("twilio/inbound_call", "twilio/status", "vonage/answer", "vonage/event"):
        assert about(lines, f"{bridge.url}/{path}").startswith("note     ")
    assert about(lines, f"{bridge.url}/vonage/fallback").endswith("?assistantId=ID")
    words = ("signatures", "API", "healthz", "recordings", "SERVER_URL")
    assert [line for line in lines if any(word in line for word in words)] == [
        about(lines, "API keys in force")
    ]


def test_a_carrier_that_is_not_reached_is_a_note(bridge: Bridge) -> None:
    for carrier in ("Twilio", "Vonage"):
        told = [line for line in found(bridge) if carrier in line and "reached" in line]
        assert told
        assert {line[:4] for line in told} == {"note"}


def test_what_others_may_read(bridge: Bridge, tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    directory.mkdir(mode=0o700)
    assert not [line for line in found(bridge, recordings_dir=str(directory)) if "chmod" in line]
    directory.chmod(0o755)
    line = about(found(bridge, recordings_dir=str(directory)), "chmod")
    assert line == f"note   other users may read {directory}: chmod 700 {directory}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "each is one of embedded's"),
        ({"fallback_voice": RIME}, "each is one of rime-ai's"),
        ({"vapi_voices": {"elliot": RIME}}, "elliot is rime-ai:a, any other is one of embedded's"),
        ({"vapi_voices": {"elliot": RIME, "*": {"provider": "embedded"}}}, "* is embedded"),
    ],
)
def test_who_speaks_for_vapis_voices(bridge: Bridge, changes: dict[str, Any], told: str) -> None:
    line = about(found(bridge, vendors=(VendorSettings("rime-ai", "k"),), **changes), "vapi")
    assert line.startswith("ok     voices of provider vapi: ")
    assert line.endswith(told)


def test_last_resorts_without_a_key_are_told(bridge: Bridge) -> None:
    lines = found(
        bridge,
        vendors=(VendorSettings("rime-ai", "k"),),
        fallback_voice=RIME,
        fallback_transcriber={"provider": "gladia"},
        fallback_model={"provider": "groq", "model": "a"},
    )
    told = [line for line in lines if "FALLBACK_" in line]
    assert [line.split()[:2] for line in told] == [
        ["note", "FALLBACK_TRANSCRIBER"],
        ["note", "FALLBACK_MODEL"],
    ]
    assert "gladia has no key: set GLADIA_API_KEY" in told[0]
    assert "groq has no key" in told[1]


def test_another_address_than_the_bridges(bridge: Bridge, carriers: Mapping[str, Stage]) -> None:
    """The bridge that answers there was started with another PUBLIC_URL: what is signed differs."""
    lines = found(bridge, public_url=f"http://127.0.0.1:{bridge.port}")
    line = about(lines, ACCOUNT, "is answered 4")  # 429 after many forged ones of other tests
    assert line.startswith("ERROR")
    assert "PUBLIC_URL" in line


def test_something_else_answers_at_the_public_url(
    bridge: Bridge, carriers: Mapping[str, Stage]
) -> None:
    """It lets everything in."""
    with Receiver() as stranger:
        lines = found(bridge, public_url=stranger.url.rstrip("/"))
    for account in (ACCOUNT, API_KEY):
        line = about(lines, account, "forged")
        assert line.startswith("ERROR")
        assert "PUBLIC_URL" in line


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # carrier, what it was told, how the line begins, what stands in it
    ("twilio", {"voice_url": ""}, "note", "A call comes in: not set; for calls"),
    ("twilio", {"voice_url": "https://flow.example.com"}, "note", "/twilio/inbound_call"),
    ("twilio", {"voice_url": "{url}/twilio/inbound"}, "ERROR", "; set {url}/twilio/inbound_call"),
    ("twilio", {"voice_application_sid": "AP1"}, "ERROR", "TwiML app AP1 takes its calls"),
    ("twilio", {"trunk_sid": "TK1"}, "ERROR", "SIP trunk TK1 takes its calls"),
    ("twilio", {"status_callback_method": "GET"}, "ERROR", "choose HTTP POST"),
    ("twilio", {"status_callback": None}, "note", "{url}/twilio/status"),
    ("vonage", {"app_id": None}, "ERROR", "link the number to your application"),
    ("vonage", {"app_id": "other"}, "ERROR", "other; the number is linked to another application"),
    ("vonage", {"signed_callbacks": False}, "ERROR", "Use signed webhooks: off"),
    ("vonage", {"answer_url": "https://flow.example.com"}, "note", "{url}/vonage/answer"),
    ("vonage", {"event_url": "{url}/vonage/events"}, "ERROR", "; set {url}/vonage/event"),
    ("vonage", {"fallback_answer_url": ""}, "note", "Fallback URL: not set; for calls"),
]


@pytest.mark.parametrize(
    ("carrier", "told", "mark", "words"), WRONG, ids=lambda each: str(each)[:40]
)
def test_what_the_carrier_was_told(
    bridge: Bridge,
    carriers: Mapping[str, Stage],
    carrier: str,
    told: dict[str, Any],
    mark: str,
    words: str,
) -> None:
    url = bridge.url
    carriers[carrier].number.update(
        {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in told.items()}
    )
    line = about(found(bridge), f"at {carrier}", words.replace("{url}", url))
    assert line.startswith(mark)


def test_an_owners_url_that_gets_nothing(
    bridge: Bridge, carriers: Mapping[str, Stage], receiver: Receiver
) -> None:
    path = f"/phone-number/{bridge.number_id('twilio')}"
    carriers["twilio"].number["status_callback"] = "https://flow.example.com/status"
    bridge.api("PATCH", path, {"ownerCallbackUrl": receiver.url}, expect=200)
    try:
        lines = found(bridge)
    finally:
        bridge.api("PATCH", path, {"ownerCallbackUrl": None}, expect=200)
    line = about(lines, f"set {bridge.url}/twilio/status: ownerCallbackUrl gets only")
    assert line.startswith("ERROR")
    assert about(lines, f"ownerCallbackUrl of {TWILIO_NUMBER} at").startswith("note")
    assert receiver.requests == []


def test_a_number_of_nobodys(bridge: Bridge, carriers: Mapping[str, Stage]) -> None:
    stage = carriers["twilio"]
    stage.config = replace(stage.config, number="+15550109999")
    line = about(found(bridge), "no number +15550100001 in this account")
    assert line.startswith("ERROR")


def test_without_its_api_the_number_is_not_looked_up(
    bridge: Bridge, carriers: Mapping[str, Stage]
) -> None:
    accounts = settings_module.load({**bridge.environ, "VONAGE_API_SECRET": ""}).carriers
    line = about(found(bridge, carriers=accounts), "not looked up", "apiSecret")
    assert line.startswith("note")
