"""One request, read: its fields, the leg it names, what our own query asks for."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base.webhook import HookKind
from providers.errors import BadRequest
from providers.vonage.webhooks import parse
from tests.providers.vonage.cases import (
    get,
    only,
    parsed,
    post,
    recorded,
)

# ------------------------------------------------------------------ a leg arrives


def test_what_our_url_asks_for() -> None:
    query = "assistantId=a1&returnUrl=https%3A%2F%2Fflow.example%2Fon%3Fx%3D1&metadata.ticket=T-12&metadata.=x"
    for name in ("answer", "fallback"):
        visit = parsed(name, query=query).visit
        assert visit is not None
        assert visit.assistant_id == "a1"
        assert visit.return_url == "https://flow.example/on?x=1"
        assert visit.metadata == {"ticket": "T-12"}


def test_an_answer_webhook_by_get() -> None:
    by_get, by_post = parsed("answer_get"), parsed("answer")
    assert by_get.leg == by_post.leg
    assert by_get.visit is not None
    assert by_get.visit.assistant_id == "asst_1"
    assert by_get.visit.metadata == {"ticket": "T-12"}
    raw = by_get.events[0].raw
    assert raw["custom_data"] == {"ticket": "T-12"}
    assert not {"assistantId", "metadata.ticket"} & set(raw)


def test_our_parameters_count_only_in_the_url() -> None:
    visit = parsed("answer", {"assistantId": "forged", "metadata.a": "b"}).visit
    assert visit is not None
    assert (visit.assistant_id, visit.metadata) == (None, {})


def test_a_caller_without_a_number() -> None:
    assert [getattr(parsed("answer_app_user").leg, "from_", "")] == ["alice"]
    assert [getattr(parsed("answer_sip").leg, "from_", "")] == ["sip:alice@pbx.example.com"]


def test_sip_headers_are_kept() -> None:
    assert only("answer_sip").raw["SipHeader_X-Tenant"] == "blue"


@pytest.mark.parametrize(
    ("region", "kept"),
    [
        ("https://api-us-3.vonage.com", "https://api-us-3.vonage.com"),
        ("https://api-ap-4.vonage.com/", "https://api-ap-4.vonage.com"),
        ("https://api.nexmo.com", "https://api.nexmo.com"),
        ("http://api-us-3.vonage.com", None),  # our token in clear
        ("https://evil.example", None),
        ("https://api-us-3.vonage.com.evil.example", None),
        ("https://evilapi-us-3.vonage.com", None),
        ("https://api-us-3.vonage.com@evil.example", None),
        ("https://evil.example/api.vonage.com", None),
        ("https://evil.example#api.vonage.com", None),
        ("https://api.vonage.com:8443", None),
        ("https://API.vonage.com", None),  # never seen so
        ("https://api.vonage.com\n", None),
        ("https://[", None),
        ("", None),
        (7, None),
    ],
)
def test_only_vonages_hosts_are_kept(region: Any, kept: str | None) -> None:
    leg = parsed("answer", {"region_url": region}).leg
    assert leg is not None
    assert leg.api_url == kept


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("447700900123", "+447700900123"),
        ("+447700900123", "+447700900123"),
        ("12345", "12345"),  # a short code has no country
        ("anonymous", "anonymous"),
        ("٤٤٧٧٠٠٩٠٠١٢٣", "٤٤٧٧٠٠٩٠٠١٢٣"),  # digits, but not those of a phone
        ("", None),
        ({"number": "1"}, None),
    ],
)
def test_numbers(number: Any, kept: str | None) -> None:
    leg = parsed("answer", {"from": number}).leg
    assert leg is not None
    assert leg.from_ == kept


# ------------------------------------------------------------------ what Vonage cannot have sent


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"completed"',
        b"{",
        b'{"a":1} {"a":2}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b"[" * 60_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,  # deeper than any payload of Vonage's
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"status":"ringing","uuid":{"a":1}}',
        b'{"status":"ringing","uuid":"a b"}',
        b'{"status":"ringing","uuid":"a\\r\\nX-Evil: 1"}',
        b'{"status":"ringing","conversation_uuid":"\\u0000"}',
        b'{"status":"ringing","conversation_uuid":"' + b"x" * 129 + b'"}',
    ],
)
@pytest.mark.parametrize("hook", [HookKind.ARRIVE, HookKind.STATUS])
def test_bad_bodies(hook: HookKind, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(hook, post(body))


@pytest.mark.parametrize("missing", ["uuid", "conversation_uuid"])
def test_an_answer_webhook_without_its_leg(missing: str) -> None:
    with pytest.raises(BadRequest):
        parse(HookKind.ARRIVE, recorded("answer", {missing: None}))


@pytest.mark.parametrize(
    "query",
    ["assistantId=a&assistantId=b", "&".join(f"metadata.{number}=x" for number in range(300))],
)
def test_bad_queries(query: str) -> None:
    with pytest.raises(BadRequest):
        parsed("answer", query=query)
    with pytest.raises(BadRequest):
        parse(HookKind.STATUS, get(query))


def test_a_bad_nested_value_of_a_get() -> None:
    with pytest.raises(BadRequest):
        parse(HookKind.STATUS, get("uuid=a&dtmf=%7Bnope"))


def test_text_no_store_takes_is_replaced() -> None:
    raw = only("unknown_word", {"note": "a\x00b\ud800c", "k\x00": "v"}).raw
    assert (raw["note"], raw["k\ufffd"]) == ("a\ufffdb\ufffdc", "v")
