"""One request, read: its fields, the leg it names, what our own query asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import HookKind
from providers.common.foreign_json import MAX_DEPTH
from providers.errors import BadRequest
from providers.vonage import payload
from providers.vonage.payload import NESTED
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


# ------------------------------------------------------------------ field by field


@pytest.mark.parametrize("name", sorted(NESTED))
def test_an_object_of_a_get_is_read(name: str) -> None:
    request = get(urlencode({"uuid": "a", name: '{"b": [1, "c"]}'}))
    assert payload.read(request)[name] == {"b": [1, "c"]}
    for text in ("", "plain", "42", '"text"'):  # only what looks like one
        assert payload.read(get(urlencode({"uuid": "a", name: text})))[name] == text


@pytest.mark.parametrize("name", ["to", "from", "status", "detail", "reason"])
def test_nothing_else_of_a_get_is(name: str) -> None:
    """A display name may be any text, one that begins with a brace too."""
    assert payload.read(get(urlencode({name: '{"b": 1}'})))[name] == '{"b": 1}'


@pytest.mark.parametrize("name", ["assistantId", "returnUrl", "metadata.a", "metadata."])
def test_what_is_ours_in_a_get_is_none_of_vonages_fields(name: str) -> None:
    assert payload.read(get(urlencode({name: "x", "uuid": "a"}))) == {"uuid": "a"}


WORDS: list[tuple[dict[str, Any], str]] = [
    # fields -> what they are about, in the order of Vonage's SDKs: first one first
    ({"status": "busy", "type": "transfer", "reason": "x"}, "busy"),  # a status says it all
    ({"type": "transfer"}, "transfer"),
    ({"type": "transfer", "dtmf": {}}, "transfer"),
    ({"conversation_uuid_from": "CON-1"}, "transfer"),  # older, without a type
    ({"conversation_uuid_from": None}, "transfer"),
    ({"speech": {}, "recording_url": "x"}, "input"),
    ({"dtmf": {}, "reason": "x"}, "input"),
    ({"recording_url": "x", "reason": "x"}, "record"),
    ({"reason": "x", "payload": {}}, "error"),
    ({"payload": {}}, "notify"),
    ({"payload": None}, "notify"),
    ({"type": "sip:hold"}, "sip:hold"),  # a type of tomorrow's
    ({"type": "x" * 200}, "x" * 100),
    ({"type": 7}, "7"),
    ({"status": ""}, "without a status"),
    ({"status": None, "type": None}, "without a status"),
    ({"status": ["busy"]}, "without a status"),
    ({}, "without a status"),
]


@pytest.mark.parametrize(("fields", "word"), WORDS, ids=str)
def test_what_a_payload_is_about(fields: dict[str, Any], word: str) -> None:
    assert payload.word(fields) == word


def test_no_class_is_left_out() -> None:
    assert {word for _, word in payload.CLASSES} <= {word for _, word in WORDS}


LEGS: list[tuple[dict[str, Any], tuple[str, str] | None]] = [
    # fields -> (the conversation, the leg)
    ({"conversation_uuid": "CON-1", "uuid": "a"}, ("CON-1", "a")),
    ({"conversation_uuid": "CON-1", "call_uuid": "a"}, ("CON-1", "a")),  # human, machine
    ({"conversation_uuid": "CON-1", "uuid": "a", "call_uuid": "b"}, ("CON-1", "a")),
    ({"conversation_uuid_from": "CON-1", "uuid": "a"}, ("CON-1", "a")),  # a transfer
    ({"conversation_uuid": "CON-1"}, ("CON-1", "CON-1")),  # error, record, notify
    ({"uuid": "a"}, ("a", "a")),
    ({"conversation_uuid": "", "uuid": None}, None),
    ({}, None),
    # Ids are opaque: with dashes, without, and not always hexadecimal.
    ({"uuid": "0A0000000123ABCD1"}, ("0A0000000123ABCD1", "0A0000000123ABCD1")),
    ({"uuid": "x" * 128}, ("x" * 128, "x" * 128)),
]


@pytest.mark.parametrize(("fields", "refs"), LEGS, ids=str)
def test_which_leg_is_named(fields: dict[str, Any], refs: tuple[str, str] | None) -> None:
    leg = payload.leg(fields)
    assert (None if leg is None else (leg.call_ref, leg.leg_ref)) == refs


@pytest.mark.parametrize("name", ["uuid", "call_uuid", "conversation_uuid"])
@pytest.mark.parametrize("value", ["a b", "a\n", "x" * 129, "\u00e9", 7, ["a"], {"a": 1}, True])
def test_what_is_no_id(name: str, value: Any) -> None:
    with pytest.raises(BadRequest, match="is not an id"):
        payload.leg({name: value})


@pytest.mark.parametrize(
    ("direction", "inbound"),
    [
        ("inbound", True),
        ("outbound", False),
        ("Inbound", None),
        ("", None),
        (None, None),
        (1, None),
    ],
)
def test_the_direction(direction: Any, inbound: bool | None) -> None:
    assert payload.inbound({"direction": direction}) is inbound


@pytest.mark.parametrize(
    ("to", "is_media"),
    [
        ("wss://patchbay.example/media/vonage/t", True),
        ("ws://localhost:8000/media/vonage/t", True),
        ("WSS://patchbay.example/x", False),  # Vonage writes it as we did
        ("447700900123", False),
        ("sip:a@b.example", False),
        ("", False),
        (None, False),
        (["wss://x"], False),
    ],
)
def test_which_leg_is_our_media_sockets(to: Any, is_media: bool) -> None:
    fields = {"uuid": "a", "to": to}
    assert (payload.media_url(fields) == to) is (is_media or to is None)
    leg = payload.leg(fields)
    assert leg is not None
    assert not (is_media and leg.to), "its address is a secret, and no party"


def test_a_party_of_any_length_is_cut() -> None:
    leg = payload.leg({"uuid": "a", "from": "x" * 300, "to": "y" * 256})
    assert leg is not None
    assert (leg.from_, leg.to) == ("x" * 256, "y" * 256)


@pytest.mark.parametrize(("depth", "good"), [(1, True), (MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")], ids=["list", "object"])
def test_how_deep_a_payload_may_be(opened: str, closed: str, depth: int, good: bool) -> None:
    value = opened * (depth - 1) + "1" + closed * (depth - 1)
    request = post(f'{{"uuid":{value}}}'.encode())
    if good:
        assert payload.read(request)
        return
    with pytest.raises(BadRequest, match="too deeply"):
        payload.read(request)


@pytest.mark.parametrize(("count", "good"), [(200, True), (201, False)])
def test_how_many_parameters_a_query_may_have(count: int, good: bool) -> None:
    request = get("&".join(f"n{number}=1" for number in range(count)))
    if good:
        assert len(payload.read(request)) == count
        return
    with pytest.raises(BadRequest, match="too many"):
        payload.read(request)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_no_store_takes(text: str) -> None:
    with pytest.raises(BadRequest, match="not JSON"):
        payload.read(post(f'{{"price": {text}}}'.encode()))


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6))
def test_a_get_and_a_post_carry_the_same_texts(fields: dict[str, str]) -> None:
    theirs = {
        name: text
        for name, text in fields.items()
        if name not in NESTED and not name.startswith("metadata.") and name not in payload.OURS
    }
    assert payload.read(get(urlencode(theirs))) == payload.read(post(theirs))
