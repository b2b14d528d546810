"""docs/extending.md, run as it stands: its distribution is installed, named, and used."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.plugins import GROUPS
from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.fakes.carriers.acme_leg import ENVIRON, SOUND, Leg
from tests.fakes.distribution import install
from tests.vendors.test_adding_a_vendor import HumServer

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text()
ECHO = {"name": "echo", "transport": {"provider": "echo"}}
PARTS = (ROOT / "tests" / "fakes" / "carriers" / "acme.py").read_text()


def files() -> dict[str, str]:
    """The page's examples that name their file in the first line."""
    found = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return dict(found)


def project() -> Any:
    return tomllib.loads(files()["pyproject.toml"])["project"]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A whole bridge with the page's distribution installed and named."""
    directory = tmp_path_factory.mktemp("extending")
    site = directory / "site"
    code = {name: text for name, text in files().items() if name.endswith(".py")}
    parts = {"acme_patchbay/parts.py": PARTS}
    install(site, project()["name"], project()["entry-points"], code | parts, project()["version"])
    environ = {
        **ENVIRON,
        "PYTHONPATH": f"{site}:{ROOT}",
        "PLUGINS": project()["name"],
    }
    with fresh_database(directory) as url, Bridge(url, directory, **environ) as running:
        yield running


def leg(bridge: Bridge, ref: str) -> Leg:
    return Leg(f"127.0.0.1:{bridge.port}", bridge.url, ref)


def test_every_entry_point_is_explained() -> None:
    for group in project()["entry-points"]:
        assert f"| `{group}` |" in PAGE
    assert set(project()["entry-points"]) == set(GROUPS)


def test_the_doctor_lists_what_was_loaded(bridge: Bridge) -> None:
    found = bridge.run("doctor", check=False)
    for group, points in project()["entry-points"].items():
        for name in points:
            assert f"plugin: {group} {name} of acme-patchbay 1.0" in found


def test_the_carrier_brings_a_call_that_the_backend_answers(bridge: Bridge) -> None:
    body = {"name": "parrot", "transport": {"provider": "parrot"}}
    assistant = bridge.api("POST", "/assistant", body, expect=201)
    said = asyncio.run(leg(bridge, "leg-1").whole_call(assistant["id"]))
    assert said == SOUND + SOUND
    (call,) = bridge.api("GET", "/call?phoneCallProviderId=leg-1", expect=200)
    assert call["phoneCallProvider"] == "acme"
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-ended-call"


def test_the_reaction_is_told_of_the_end(bridge: Bridge) -> None:
    assistant = bridge.api("POST", "/assistant", ECHO, expect=201)
    asyncio.run(leg(bridge, "leg-2").whole_call(assistant["id"]))
    (call,) = bridge.api("GET", "/call?phoneCallProviderId=leg-2", expect=200)
    bridge.until(call["id"], "ended")
    assert f"call {call['id']} ended: customer-ended-call" in bridge.log.read_text()


def test_the_vendor_speaks_in_a_call(bridge: Bridge) -> None:
    asyncio.run(_hear(bridge))


async def _hear(bridge: Bridge) -> None:
    transport = {"provider": "local"}
    voice = {"provider": "hum", "voiceId": "low"}
    async with HumServer() as server:
        account = {"provider": "hum", "apiKey": "the key", "apiUrl": server.url}
        body = {"firstMessage": "Hello there.", "voice": voice, "transport": transport}
        await asyncio.to_thread(bridge.api, "POST", "/credential", account, 201)
        assistant = await asyncio.to_thread(bridge.api, "POST", "/assistant", body, 201)
        assert await leg(bridge, "leg-3").whole_call(assistant["id"])
    assert server.asked[0].headers["X-Hum-Key"] == "the key"


def test_the_api_knows_the_carrier(bridge: Bridge) -> None:
    body = {"provider": "acme", "account": "other42", "keys": ["a key"]}
    credential = bridge.api("POST", "/credential", body, expect=201)
    number = {"provider": "acme", "number": "+15005550007", "credentialId": credential["id"]}
    assert bridge.api("POST", "/phone-number", number, expect=201)["provider"] == "acme"
    carriers_own = {"acmePhoneNumber": "+15005550008", "credentialId": credential["id"]}
    assert bridge.api("POST", "/phone-number", carriers_own, expect=201)["provider"] == "acme"
