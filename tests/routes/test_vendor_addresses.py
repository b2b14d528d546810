"""A vendor's address is judged when it comes, in credentials, assistants and settings."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings import SettingsError, load
from app.vendors.registry import VENDORS
from tests.routes.api import Api, refused


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


def body(vendor: str, url: str) -> dict[str, Any]:
    fields = VENDORS[vendor].credential
    needed = dict.fromkeys((fields.key, *fields.required), "key") | {fields.url: url}
    return {"provider": vendor, **needed}


REFUSED = [
    ("deepgram", "https://a.example/v1", "must be like https://host.example, without a path"),
    ("gladia", "https://a.example/v2/live", "must be like https://host.example, without a path"),
    ("11labs", "wss://a.example?x=y", "must have no query and no fragment: a path is added to it"),
    ("openai", "wss://a.example", "must be a URL address that begins with https:// or http://"),
    (
        "azure-openai",
        "https://a.example/x?api-version=1",
        "must have no query and no fragment: a path is added to it",
    ),
]


@pytest.mark.parametrize(("vendor", "url", "told"), REFUSED)
def test_a_credential(api: Api, vendor: str, url: str, told: str) -> None:
    field, given = VENDORS[vendor].credential.url, body(vendor, url)
    assert refused(api.post("/credential", given)) == [f"{field} {told}"]
    [message] = refused(api.post("/assistant", {"name": "x", "credentials": [given]}))
    assert message == f"credentials.0.{field} {told}"


@pytest.mark.parametrize(("vendor", "url", "told"), REFUSED)
def test_a_setting(vendor: str, url: str, told: str) -> None:
    part = VENDORS[vendor]
    environ = {"SECRET_KEY": "s" * 16, part.key_variable: "k", part.url_variable: url}
    with pytest.raises(SettingsError, match=part.url_variable):
        load(environ)


@pytest.mark.parametrize("region", ["West Europe", "evil.example/", None])
def test_a_region_that_leads_to_no_server(api: Api, region: str | None) -> None:
    given = {"provider": "azure", "apiKey": "k"} | ({"region": region} if region else {})
    told = "region must be the region of the key, such as westeurope"
    assert refused(api.post("/credential", given)) == [told]
    api.made("/credential", {**given, "apiUrl": "https://a.example"})
    environ = {"SECRET_KEY": "s" * 16, "AZURE_SPEECH_API_KEY": "k"}
    with pytest.raises(SettingsError, match="AZURE_SPEECH_REGION must be the region"):
        load(environ | ({"AZURE_SPEECH_REGION": region} if region else {}))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"model": {"provider": "custom-llm", "url": "wss://a.example"}}, "model.url"),
        ({"model": {"provider": "custom-llm", "url": 7}}, "model.url"),
        ({"model": {"tools": [{"server": {"url": "ws://a.example"}}]}}, "model.tools.0.server.url"),
        ({"voice": {"server": {"url": "wss://a.example"}}}, "voice.server.url"),
    ],
)
def test_an_address_in_an_assistant(api: Api, given: dict[str, Any], path: str) -> None:
    told = f"{path} must be a URL address that begins with https:// or http://"
    assert refused(api.post("/assistant", {"name": "x", **given})) == [told]


@pytest.mark.parametrize("scheme", ["https", "http", "wss", "ws"])
def test_a_transcribers_server_may_be_written_either_way(api: Api, scheme: str) -> None:
    server = {"url": f"{scheme}://a.example/hear?x=y"}
    transcriber = {"provider": "custom-transcriber", "server": server}
    api.made("/assistant", {"name": "x", "transcriber": transcriber})
