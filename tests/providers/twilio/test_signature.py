"""X-Twilio-Signature: what holds, and a table of forgeries none of which does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import InvalidSignature, MissingSignature, NoSecret, NotConfigured, Refused
from providers.events import EventKind
from providers.testing.contract import MEDIA_URL, NOW, ORIGIN, TOKEN, hook_url
from providers.twilio import TWILIO, cut, signature, webhooks
from tests.providers.twilio.case import (
    ACCOUNT_SID,
    CALL_SID,
    CHILD_SID,
    FORM,
    NEW_TOKEN,
    RECORDED,
    REQUESTS,
    STREAM_SID,
    holding,
    load,
    recorded,
    signed,
)
from tests.providers.twilio.case import TOKEN as AUTH_TOKEN

ACCOUNT = holding(AUTH_TOKEN)
URL = hook_url(TWILIO, HookKind.STATUS)
AFTER = hook_url(TWILIO, HookKind.CONTINUE)
LEAST = (("AccountSid", ACCOUNT_SID), ("CallSid", CALL_SID), ("CallStatus", "ringing"))
"""The smallest request of a call."""


def verify(request: WebhookRequest) -> None:
    signature.verify(request, ACCOUNT)


def with_headers(request: WebhookRequest, *headers: tuple[str, str]) -> WebhookRequest:
    """These headers instead of those of the same names."""
    names = {name for name, _ in headers}
    rest = [header for header in request.headers if header[0] not in names]
    return replace(request, headers=[*rest, *headers])


def held_for(request: WebhookRequest) -> str:
    return request.header(signature.HEADER) or ""


def recut(*pairs: tuple[str, str], of: tuple[tuple[str, str], ...] = LEAST) -> WebhookRequest:
    """The signature of one form over another one that runs together to the same text."""
    honest = signed(URL, of)
    text = "".join(name + value for name, value in sorted(pairs))
    assert text == "".join(name + value for name, value in sorted(of)), "no re-cut"
    return replace(honest, body=urlencode(pairs).encode())


def json_request(
    body: bytes, *, hashed: bytes | None = None, query: str | None = None
) -> WebhookRequest:
    digest = hashlib.sha256(body if hashed is None else hashed).hexdigest()
    url = f"{URL}?{f'bodySHA256={digest}' if query is None else query}"
    request = replace(signed(url, ()), body=body)
    return with_headers(request, ("content-type", "application/json"))


def as_url(url: str, pairs: tuple[tuple[str, str], ...]) -> WebhookRequest:
    """A form's signature on a GET: its URL is the text that was signed."""
    text = url + "".join(name + value for name, value in sorted(pairs))
    return replace(signed(url, pairs), method="GET", url=text, body=b"")


JSON_BODY = json.dumps(dict(LEAST)).encode()

# ------------------------------------------------------------------ known answers


def test_the_known_answer_of_twilios_page() -> None:
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signature.compute("12345", url, params.items()) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


class Many(dict[str, list[str]]):
    """A form with repeated names, as the SDK's validator wants it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


VALUES = st.text(st.characters(codec="utf-8"), max_size=12)
FORMS = st.dictionaries(VALUES.filter(bool), st.lists(VALUES, min_size=1, max_size=3), max_size=6)


@given(
    params=FORMS,
    token=VALUES.filter(bool),
    query=st.from_regex(r"[a-z0-9=&%+.-]{0,20}", fullmatch=True),
)
def test_we_sign_as_the_sdk_does(params: Mapping[str, list[str]], token: str, query: str) -> None:
    url = f"https://example.com/path?{query}x"
    pairs = [(name, value) for name, values in params.items() for value in values]
    theirs = RequestValidator(token).compute_signature(url, Many(params))
    assert signature.compute(token, url, pairs) == theirs


def test_the_signed_text_of_a_request_is_made_once() -> None:
    request = signed(URL, LEAST)
    assert signature.signed_text(request) is signature.signed_text(request)


@pytest.mark.parametrize("name", sorted(path.stem for path in REQUESTS.glob("*.json")))
def test_every_recorded_request_holds_for_us_and_for_the_sdk(name: str) -> None:
    request = load(name, query="assistantId=a%2Bb")
    verify(request)
    fields = recorded(name)["fields"]
    assert RequestValidator(AUTH_TOKEN).validate(request.url, fields, held_for(request))


@pytest.mark.parametrize(
    ("received", "sent"),
    [
        ("https://h.example/p", "https://h.example/p"),  # the same
        ("https://h.example:8443/p", "https://h.example/p"),  # Twilio drops the port of https
        ("https://h.example:8443/p", "https://h.example:8443/p"),  # or does not
        ("https://h.example/p", "https://h.example:443/p"),  # or spells it out
        ("https://h.example:443/p", "https://h.example/p"),
        ("http://h.example:8000/p", "http://h.example:8000/p"),  # http keeps it
        ("http://h.example/p", "http://h.example:80/p"),
        ("https://user:pass@h.example/p", "https://h.example/p"),  # userinfo is never signed
        ("https://h.example/p#rc=3&rp=all", "https://h.example/p"),  # nor is the fragment
        ("https://h.example/p?", "https://h.example/p?"),  # an empty query stands as it came
        ("https://h.example/%C3%A9?a=%2B&b=+", "https://h.example/%C3%A9?a=%2B&b=+"),  # raw
        ("https://[::1]:8443/p", "https://[::1]/p"),
        ("https://h.example", "https://h.example"),
    ],
)
def test_the_spellings_of_one_url(received: str, sent: str) -> None:
    verify(replace(signed(sent, LEAST), url=received))


# ------------------------------------------------------------------ forms that hold

SOUND: Mapping[str, Callable[[], WebhookRequest]] = {
    "the parameters in another order": lambda: replace(
        signed(URL, LEAST), body=urlencode(LEAST[::-1]).encode()
    ),
    "a space as + or as %20": lambda: replace(
        signed(URL, (*LEAST, ("CallerName", "A B"))),
        body=urlencode(LEAST).encode() + b"&CallerName=A%20B",
    ),
    "an empty value": lambda: signed(URL, (*LEAST, ("CallerName", ""))),
    "an emoji and an accent": lambda: signed(URL, (*LEAST, ("CallerName", "Zo\u00e9 \U0001f4de"))),
    "a parameter nobody knows": lambda: signed(URL, (*LEAST, ("NewIn2031", "a=b&c"))),
    "a status nobody knows": lambda: load("status_ringing", {"CallStatus": "levitating"}),
    "a dial without the leg's own status": lambda: load("dial_busy", {"CallStatus": None}),
    "a dial that lasted": lambda: load("dial_completed", {"CallDuration": None}),
    # A PBX passes the ids of its own Twilio account on, under the names it knows them by.
    "a SIP header named like a parameter": lambda: load(
        "inbound_sip", {"SipHeader_X-ParentCallSid": CHILD_SID, "SipHeader_X-AnsweredBy": "human"}
    ),
    "a SIP header of the forward's leg": lambda: load(
        "dial_sip_failed", {"DialSipHeader_X-CallbackSource": "pbx"}
    ),
    # What separates the parameters of a URL or of JSON is signed: nothing can be cut anew.
    "metadata named like a parameter, by GET": lambda: signed(
        f"{URL}?metadata.ParentCallSid={CHILD_SID}&metadata.a%20b=c", LEAST, method="GET"
    ),
    "JSON with a name like a parameter": lambda: json_request(
        json.dumps({**dict(LEAST), "X-AnsweredBy": "human"}).encode()
    ),
    "no charset": lambda: with_headers(
        signed(URL, LEAST), ("content-type", "application/x-www-form-urlencoded")
    ),
    "JSON with the hash of its body": lambda: json_request(JSON_BODY),
    "JSON with its hash beside a query of ours": lambda: json_request(
        JSON_BODY, query=f"flow=x&bodySHA256={hashlib.sha256(JSON_BODY).hexdigest()}"
    ),
    "a GET": lambda: signed(URL, LEAST, method="GET"),
    "a GET after a query of ours": lambda: signed(f"{URL}?flow=x", LEAST, method="GET"),
}


@pytest.mark.parametrize("make", SOUND.values(), ids=SOUND)
def test_an_unusual_but_honest_request_is_let_in(make: Callable[[], WebhookRequest]) -> None:
    verify(make())


# ------------------------------------------------------------------ forgeries

FORGERIES: Mapping[str, Callable[[], WebhookRequest]] = {
    # the header
    "an empty signature": lambda: with_headers(signed(URL, LEAST), (signature.HEADER, "")),
    "two signatures, one right": lambda: with_headers(
        signed(URL, LEAST),
        (signature.HEADER, held_for(signed(URL, LEAST))),
        (signature.HEADER, "x"),
    ),
    "a signature with a space after it": lambda: with_headers(
        signed(URL, LEAST), (signature.HEADER, held_for(signed(URL, LEAST)) + " ")
    ),
    "a signature without its padding": lambda: with_headers(
        signed(URL, LEAST), (signature.HEADER, held_for(signed(URL, LEAST)).rstrip("="))
    ),
    "a signature that is not ASCII": lambda: with_headers(
        signed(URL, LEAST), (signature.HEADER, "\u00e9" * 28)
    ),
    "the token itself": lambda: with_headers(signed(URL, LEAST), (signature.HEADER, AUTH_TOKEN)),
    # the secret
    "another token": lambda: signed(URL, LEAST, token=NEW_TOKEN),
    "an empty token": lambda: signed(URL, LEAST, token=""),
    "the token in upper case": lambda: signed(URL, LEAST, token=AUTH_TOKEN.upper()),
    # the URL
    "another path": lambda: replace(signed(URL, LEAST), url=f"{URL}/x"),
    "another call's token": lambda: replace(
        signed(AFTER, LEAST), url=AFTER.replace(TOKEN, TOKEN[::-1])
    ),
    "another host": lambda: replace(
        signed(URL, LEAST), url=URL.replace("patchbay.example", "evil.example")
    ),
    "the host in upper case": lambda: replace(
        signed(URL, LEAST), url=URL.replace("patchbay", "PATCHBAY")
    ),
    "a dot after the host": lambda: replace(
        signed(URL, LEAST), url=URL.replace("example/", "example./")
    ),
    "http for https": lambda: replace(signed(URL, LEAST), url=URL.replace("https", "http")),
    "a slash at the end": lambda: replace(signed(URL, LEAST), url=f"{URL}/"),
    "a slash as %2F": lambda: replace(signed(URL, LEAST), url=URL.replace("/status", "%2Fstatus")),
    "a query added": lambda: replace(signed(URL, LEAST), url=f"{URL}?flow=x"),
    "a query in another order": lambda: replace(
        signed(f"{URL}?a=1&b=2", LEAST), url=f"{URL}?b=2&a=1"
    ),
    "a query encoded otherwise": lambda: replace(signed(f"{URL}?a=%20", LEAST), url=f"{URL}?a=+"),
    "a port with letters": lambda: replace(
        signed(URL, LEAST), url=URL.replace("example/", "example:abc/")
    ),
    "no absolute URL": lambda: replace(signed(URL, LEAST), url="/twilio/status"),
    # the body
    "a value changed": lambda: replace(
        signed(URL, LEAST), body=signed(URL, LEAST).body.replace(b"ringing", b"busy")
    ),
    "a parameter added": lambda: replace(
        signed(URL, LEAST), body=signed(URL, LEAST).body + b"&From=x"
    ),
    "a parameter removed": lambda: replace(signed(URL, LEAST), body=urlencode(LEAST[:2]).encode()),
    # Twilio counts equal pairs once, so this one's signature holds.
    "a parameter said twice": lambda: replace(
        signed(URL, LEAST), body=signed(URL, LEAST).body + b"&CallStatus=ringing"
    ),
    "a parameter with two values": lambda: signed(URL, (*LEAST, ("CallStatus", "busy"))),
    "no body": lambda: replace(signed(URL, LEAST), body=b""),
    "a body that is not UTF-8": lambda: replace(
        signed(URL, LEAST), body=signed(URL, LEAST).body + b"&x=%ff"
    ),
    "a body that is not ASCII": lambda: replace(signed(URL, LEAST), body=b"\xff\xfe"),
    # cut anew: the signature holds for each of these
    "the status in the call's id": lambda: recut(
        ("AccountSid", ACCOUNT_SID), ("CallSid", f"{CALL_SID}CallStatusringing")
    ),
    "all in one name": lambda: recut(
        (f"AccountSid{ACCOUNT_SID}CallSid{CALL_SID}CallStatusringing", "")
    ),
    "the call in a name": lambda: recut(
        ("AccountSid", ACCOUNT_SID), (f"CallSid{CALL_SID}", ""), ("CallStatus", "ringing")
    ),
    "a name cut short": lambda: recut(
        ("AccountSid", ACCOUNT_SID), ("CallSi", f"d{CALL_SID}"), ("CallStatus", "ringing")
    ),
    "the status with its neighbour": lambda: recut(
        *LEAST[:2],
        ("CallStatus", "ringingDirectioninbound"),
        of=(*LEAST, ("Direction", "inbound")),
    ),
    "a child leg made its own": lambda: recut(
        *LEAST,
        ("FromZip", f"94105ParentCallSid{CHILD_SID}"),
        of=(*LEAST, ("FromZip", "94105"), ("ParentCallSid", CHILD_SID)),
    ),
    "a child leg made its own, by a name": lambda: recut(
        *LEAST,
        ("FromZip94105ParentCallSid", CHILD_SID),
        of=(*LEAST, ("FromZip", "94105"), ("ParentCallSid", CHILD_SID)),
    ),
    # A SIP header's name may be anything, but what sorts after it cannot hide in it.
    "a stream in a SIP header's name": lambda: recut(
        *LEAST,
        (f"SipHeader_X-AbStreamSid{STREAM_SID}", ""),
        of=(*LEAST, ("SipHeader_X-A", "b"), ("StreamSid", STREAM_SID)),
    ),
    "a child leg in the name of a forward's SIP header": lambda: recut(
        *LEAST,
        (f"DialSipHeader_X-AbParentCallSid{CHILD_SID}", ""),
        of=(*LEAST, ("DialSipHeader_X-A", "b"), ("ParentCallSid", CHILD_SID)),
    ),
    "a child leg in a SIP header's value": lambda: recut(
        *LEAST,
        ("SipHeader_X-A", f"ParentCallSid{CHILD_SID}"),
        of=(*LEAST, ("SipHeader_X-AParentCallSid", CHILD_SID)),
    ),
    "a name with a separator": lambda: recut(*LEAST, ("From=", "x"), of=(*LEAST, ("From", "=x"))),
    "the first parameter at the URL's end": lambda: replace(
        signed(URL, LEAST),
        url=f"{URL}AccountSid{ACCOUNT_SID}",
        body=urlencode(LEAST[1:]).encode(),
    ),
    "all parameters at the URL's end": lambda: replace(
        signed(URL, LEAST),
        url=URL + "".join(name + value for name, value in LEAST),
        body=b"",
    ),
    # one method for the other
    "a POST's signature on a GET": lambda: replace(
        signed(URL, LEAST), method="GET", url=f"{URL}?{urlencode(LEAST)}", body=b""
    ),
    # A caller chose this header's value, and so the parameters of the URL it is made the end of.
    "a POST's signature on a GET of all that was signed": lambda: as_url(
        f"{URL}?metadata.a=b",
        (*LEAST, ("SipHeader_X-A", f"&AccountSid={ACCOUNT_SID}&CallSid={CALL_SID}&assistantId=x")),
    ),
    "a GET's signature on a POST without parameters": lambda: replace(
        signed(URL, LEAST, method="GET"), method="POST"
    ),
    "a GET with a body": lambda: replace(signed(URL, LEAST, method="GET"), body=b"CallStatus=busy"),
    "a GET's parameter said twice": lambda: signed(f"{URL}?CallSid=x", LEAST, method="GET"),
    "neither GET nor POST": lambda: replace(signed(URL, LEAST), method="PUT"),
    # another account
    "an account that is not ours": lambda: signed(
        URL, (("AccountSid", "AC" + "00" * 16), *LEAST[1:])
    ),
    "no account": lambda: signed(URL, LEAST[1:]),
    "no call": lambda: signed(URL, (LEAST[0], LEAST[2])),
    "a call in upper case": lambda: signed(
        URL, (LEAST[0], ("CallSid", "CA" + "AB" * 16), LEAST[2])
    ),
    "a call with a line end": lambda: signed(
        URL, (LEAST[0], ("CallSid", f"{CALL_SID}\n"), LEAST[2])
    ),
    # the content type
    "no content type": lambda: replace(
        signed(URL, LEAST),
        headers=[header for header in signed(URL, LEAST).headers if header != FORM],
    ),
    "two content types": lambda: replace(
        signed(URL, LEAST), headers=[*signed(URL, LEAST).headers, FORM]
    ),
    "a multipart form": lambda: with_headers(
        signed(URL, LEAST), ("content-type", "multipart/form-data; boundary=x")
    ),
    "another charset": lambda: with_headers(
        signed(URL, LEAST), ("content-type", "application/x-www-form-urlencoded; charset=utf-7")
    ),
    "text": lambda: with_headers(signed(URL, LEAST), ("content-type", "text/plain")),
    # JSON, of which Twilio signs the URL only
    "JSON without a hash": lambda: json_request(JSON_BODY, query="a=b"),
    "JSON without a query": lambda: json_request(JSON_BODY, query=""),
    "JSON with the hash of another body": lambda: json_request(JSON_BODY, hashed=b"{}"),
    "JSON with two hashes": lambda: json_request(
        JSON_BODY,
        query="&".join([f"bodySHA256={hashlib.sha256(JSON_BODY).hexdigest()}"] * 2),
    ),
    "JSON with a hash that is not ASCII": lambda: json_request(
        JSON_BODY, query="bodySHA256=%C3%A9"
    ),
    "JSON that is an array": lambda: json_request(b'[["CallSid", "x"]]'),
    "JSON with a number": lambda: json_request(b'{"CallSid": 5}'),
    "JSON with a name twice": lambda: json_request(JSON_BODY[:-1] + b', "CallSid": "x"}'),
    "JSON nested deeper than any parser": lambda: json_request(b"[" * 50_000),
    "JSON cut off": lambda: json_request(JSON_BODY[:-1]),
}


@pytest.mark.parametrize("make", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused(make: Callable[[], WebhookRequest]) -> None:
    with pytest.raises(InvalidSignature):
        verify(make())


def test_the_sdks_validator_would_let_a_recut_in() -> None:
    """Why ``SHAPES`` is there."""
    request = recut(("AccountSid", ACCOUNT_SID), ("CallSid", f"{CALL_SID}CallStatusringing"))
    params = {"AccountSid": ACCOUNT_SID, "CallSid": f"{CALL_SID}CallStatusringing"}
    assert RequestValidator(AUTH_TOKEN).validate(request.url, params, held_for(request))


@given(
    at=st.integers(0, 10_000),
    other=st.integers(0, 255),
    name=st.sampled_from(sorted(RECORDED.values())),
)
def test_no_byte_of_the_body_can_be_changed(at: int, other: int, name: str) -> None:
    request = load(name)
    at %= len(request.body)
    body = request.body[:at] + bytes([other]) + request.body[at + 1 :]
    try:
        verify(replace(request, body=body))
    except Refused:
        return
    # Only another spelling of the same parameters: + for a space, %2b for %2B, the byte itself.
    assert signature.fields(replace(request, body=body)) == signature.fields(request)


@given(
    header=st.text(max_size=40),
    url=st.text(max_size=60),
    body=st.binary(max_size=100),
    kind=st.sampled_from(["", "application/json", FORM[1], "text/plain;;"]),
)
def test_rubbish_is_refused_and_nothing_worse(
    header: str, url: str, body: bytes, kind: str
) -> None:
    headers = [("content-type", kind), (signature.HEADER, header)]
    for method in ("GET", "POST", "HEAD"):
        request = WebhookRequest(method, url, headers, body, load("after").received_at)
        with pytest.raises(Refused):
            verify(request)


# ------------------------------------------------------------------ secrets


@pytest.mark.parametrize("tokens", [(), ("",), ("", "")], ids=str)
def test_an_account_without_a_token_lets_nothing_in(tokens: tuple[str, ...]) -> None:
    for signer in ("", AUTH_TOKEN):
        with pytest.raises(NoSecret):
            signature.verify(signed(URL, LEAST, token=signer), holding(*tokens))


def test_an_api_key_is_no_token() -> None:
    with pytest.raises(NoSecret):
        signature.verify(
            signed(URL, LEAST, token="s3cret"), holding(apiKey="SK1", apiSecret="s3cret")
        )


@pytest.mark.parametrize("name", ["inbound", "amd_human", "stream_started"])
def test_the_claimed_account_is_read_before_any_check(name: str) -> None:
    request = load(name, token="not the token")
    assert signature.claimed_account(request) == ACCOUNT_SID


@pytest.mark.parametrize(
    "pairs",
    [
        (),  # none
        (("AccountSid", "AC1"),),  # not one
        (("AccountSid", ACCOUNT_SID), ("AccountSid", "AC" + "00" * 16)),  # which?
    ],
)
def test_a_claim_that_names_no_account(pairs: tuple[tuple[str, str], ...]) -> None:
    assert signature.claimed_account(signed(URL, pairs)) is None


def test_a_request_without_a_signature_claims_nothing() -> None:
    request = signed(URL, LEAST)
    unsigned = replace(request, headers=[h for h in request.headers if h[0] != signature.HEADER])
    with pytest.raises(MissingSignature):
        signature.claimed_account(unsigned)


# ------------------------------------------------------------------ the media socket


def handshake(url: str, token: str = AUTH_TOKEN) -> list[tuple[str, str]]:
    return [(signature.HEADER, signature.compute(token, url))]


@pytest.mark.parametrize(
    ("given_out", "sent"),
    [
        (MEDIA_URL, MEDIA_URL),
        (MEDIA_URL, f"{MEDIA_URL}/"),  # Twilio's page: try with a slash
        (f"{MEDIA_URL}/", MEDIA_URL),
        ("wss://h.example:8443/media/x", "wss://h.example/media/x"),
        ("wss://h.example/media/x", "wss://h.example:443/media/x"),
        ("ws://localhost:8000/media/x", "ws://localhost:8000/media/x"),  # development
        ("ws://localhost/media/x", "ws://localhost:80/media/x"),
    ],
)
def test_a_handshake_holds(given_out: str, sent: str) -> None:
    signature.verify_socket(given_out, handshake(sent), ACCOUNT)


def test_header_names_are_read_in_any_case() -> None:
    headers = [("X-Twilio-Signature", signature.compute(AUTH_TOKEN, MEDIA_URL))]
    signature.verify_socket(MEDIA_URL, headers, ACCOUNT)


@pytest.mark.parametrize(
    ("given_out", "headers"),
    [
        (MEDIA_URL, handshake(MEDIA_URL.replace("wss", "https"))),  # the scheme is signed
        (MEDIA_URL.replace("wss", "https"), handshake(MEDIA_URL.replace("wss", "https"))),
        (MEDIA_URL, handshake(MEDIA_URL, NEW_TOKEN)),
        (MEDIA_URL, handshake(f"{MEDIA_URL}x")),  # another stream
        (MEDIA_URL, handshake(f"{MEDIA_URL}?a=b")),
        (MEDIA_URL, handshake(MEDIA_URL) * 2),
        (MEDIA_URL, [(signature.HEADER, "")]),
        ("wss:///", handshake(f"{ORIGIN}/")),
        ("wss://h.example:x/", handshake(f"{ORIGIN}/")),
    ],
)
def test_a_forged_handshake_is_refused(given_out: str, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidSignature):
        signature.verify_socket(given_out, headers, ACCOUNT)


def test_a_handshake_without_a_signature_is_refused() -> None:
    with pytest.raises(MissingSignature):
        signature.verify_socket(MEDIA_URL, [("host", "h.example")], ACCOUNT)


def test_compute_wants_an_absolute_url() -> None:
    with pytest.raises(ValueError, match="absolute"):
        signature.compute(AUTH_TOKEN, "/twilio/status")


@pytest.mark.parametrize("body", [b'[["CallSid", "x"]]', b'{"CallSid": 5}', b"[]", b'"x"'])
def test_json_is_an_object_of_strings(body: bytes) -> None:
    """Else it is refused for that, before its parameters are looked at."""
    with pytest.raises(InvalidSignature, match="JSON other than an object of strings"):
        verify(json_request(body))


def test_a_signature_of_half_characters_is_refused() -> None:
    with pytest.raises(InvalidSignature, match="does not hold"):
        verify(with_headers(signed(URL, LEAST), (signature.HEADER, "\ud800")))


# ------------------------------------------------------------------ every byte counts


@given(
    at=st.integers(0, 10_000),
    other=st.characters(min_codepoint=0x21, max_codepoint=0x7E),
    name=st.sampled_from(sorted(path.stem for path in REQUESTS.glob("*.json"))),
)
def test_no_character_of_the_signature_can_be_changed(at: int, other: str, name: str) -> None:
    request = load(name)
    held = held_for(request)
    at %= len(held)
    changed = held[:at] + other + held[at + 1 :]
    if changed == held:
        return
    with pytest.raises(InvalidSignature):
        verify(with_headers(request, (signature.HEADER, changed)))


@given(
    at=st.integers(0, 10_000),
    other=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#@:"),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_character_of_the_url_can_be_changed(at: int, other: str, method: str) -> None:
    """But for what no client sends: fragment, userinfo and port are no part of what is signed."""
    request = load("inbound", method=method, query="assistantId=a1")
    at %= len(request.url)
    changed = request.url[:at] + other + request.url[at + 1 :]
    if changed == request.url:
        return
    with pytest.raises(Refused):
        verify(replace(request, url=changed))


@given(cut=st.integers(1, 27))
def test_no_part_of_the_signature_is_enough(cut: int) -> None:
    request = signed(URL, LEAST)
    for part in (held_for(request)[:cut], held_for(request)[cut:]):
        with pytest.raises(InvalidSignature):
            verify(with_headers(request, (signature.HEADER, part)))


SHAPED = {
    # parameter: (a value Twilio sends, values that it cannot)
    "ParentCallSid": (CHILD_SID, ["CA1", CHILD_SID.lower(), f"{CHILD_SID}x", f"x{CHILD_SID}"]),
    "CallStatus": ("in-progress", ["In-Progress", "ringing ", "a=b", "x" * 41, "ring\u00efng"]),
    "Direction": ("outbound-dial", ["Inbound", "inbound&x", "inbound\n"]),
    "SequenceNumber": ("17", ["-1", "1.0", "1" * 10, "one", "\u0661"]),
    "CallDuration": ("37", ["37s", "3" * 10]),
    "CallbackSource": ("call-progress-events", ["Call", "a b"]),
    "AnsweredBy": ("machine_end_beep", ["Human", "human;"]),
    "StreamSid": (STREAM_SID, ["MZ1", CALL_SID, f"{STREAM_SID}\n"]),
    "StreamEvent": ("stream-started", ["Stream", "stream started"]),
    "DialCallSid": (CHILD_SID, ["CA1", STREAM_SID]),
    "DialCallStatus": ("no-answer", ["No", "no answer"]),
    "ReferCallStatus": ("in-progress", ["In", "in progress"]),
    "ReferSipResponseCode": ("202", ["202s", "2" * 10]),
    "RecordingSid": ("RE" + "00" * 16, ["RE1", "re" + "00" * 16]),
    "RecordingStatus": ("in-progress", ["In", "in progress"]),
    "StatusCallbackEvent": ("participant-join", ["Join", "participant join"]),
}


def test_no_shape_is_left_out() -> None:
    assert set(SHAPED) == set(cut.SHAPES)


@pytest.mark.parametrize("name", SHAPED)
def test_a_parameter_has_its_shape(name: str) -> None:
    """The signature holds for each of them: what is cut anew is told by its shape alone."""
    good, bad = SHAPED[name]
    rest = [pair for pair in LEAST if pair[0] != name]
    verify(signed(URL, [*rest, (name, good)]))
    verify(signed(URL, [*rest, (name, "")]))  # Twilio sends some of them empty
    for value in bad:
        with pytest.raises(InvalidSignature, match=f"{name} is not of the shape"):
            verify(signed(URL, [*rest, (name, value)]))


@pytest.mark.parametrize("name", SHAPED)
def test_a_parameter_is_not_hidden_in_another(name: str) -> None:
    good, _ = SHAPED[name]
    rest = [pair for pair in LEAST if pair[0] != name]
    for hiding in ((f"Aa{name}{good}", ""), ("Aa", f"b{name}{good}")):
        with pytest.raises(InvalidSignature, match=f"{name} is hidden"):
            verify(signed(URL, [*rest, hiding]))


def test_the_newer_signatures_settings_choose_nothing() -> None:
    """A header of the request's must not pick the algorithm it is checked by."""
    settings = ("x-twilio-webhooks-signature-settings", "key=k1,algorithm=HMAC_SHA256")
    verify(with_headers(signed(URL, LEAST), settings))
    forged = with_headers(signed(URL, LEAST, token="k1"), settings)
    with pytest.raises(InvalidSignature):
        verify(forged)


# ------------------------------------------------------------------ the doctor's probe


def test_a_probe_is_a_request_that_we_let_in() -> None:
    """As Twilio would send it, about a call that there is not."""
    made = signature.probe(URL, holding(AUTH_TOKEN, NEW_TOKEN), NOW)
    headers = [(name.lower(), value) for name, value in made.headers.items()]
    request = WebhookRequest("POST", URL, headers, made.body, NOW + timedelta(seconds=7))
    verify(request)
    report = TWILIO.webhooks.parse(HookKind.STATUS, request)
    assert [event.kind for event in report.events] == [EventKind.LEG_RINGING]
    assert report.events[0].at == NOW
    assert report.leg is not None
    assert report.leg.leg_ref != CALL_SID


def test_no_two_probes_are_about_the_same_call() -> None:
    bodies = {signature.probe(URL, ACCOUNT, NOW).body for _ in range(3)}
    assert len(bodies) == 3


@pytest.mark.parametrize("account", [holding(), holding(apiKey="SK1", apiSecret="s")], ids=str)
def test_a_probe_needs_a_token(account: Account) -> None:
    with pytest.raises(NotConfigured, match="authTokens"):
        signature.probe(URL, account, NOW)


# ------------------------------------------------------------------ parameters


QUERIES = st.lists(
    st.sampled_from(
        ["a", "b=", "=", "&", "&&", "=x", "+", "%2B", "%", "%4", "%zz", "%C3%A9", "%C3"]
    )
    | st.text(st.characters(codec="latin-1"), max_size=3),
    max_size=8,
).map("".join)


@given(QUERIES)
def test_parameters_are_decoded_as_the_standard_library_decodes_them(query: str) -> None:
    try:
        wanted = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            signature.decode(query)
        return
    assert signature.decode(query) == wanted


def test_a_form_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, decode = list[str](), signature.decode
    monkeypatch.setattr(signature, "decode", lambda query: parsed.append(query) or decode(query))
    request = signed(URL, LEAST)
    signature.claimed_account(request)
    verify(request)
    webhooks.parse(HookKind.STATUS, request)
    assert parsed == [request.body.decode()]


def test_another_body_is_parsed_anew() -> None:
    request = signed(URL, LEAST)
    verify(request)
    with pytest.raises(InvalidSignature):
        verify(replace(request, body=request.body.replace(b"ringing", b"busy")))
