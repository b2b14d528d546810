"""Acme: a whole carrier in one file. It exists only here, and is registered by one line.

Its webhooks are JSON signed with HMAC, its markup is a JSON list of verbs, its sound is base64
in JSON messages. ``docs/extending.md`` joins the same parts in a distribution of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3

from providers.base.carrier import Carrier, NumberFields
from providers.base.instructions import (
    Answer,
    Connect,
    Details,
    Forward,
    HangUp,
    Instruction,
    Return,
    Say,
)
from providers.base.media import (
    Audio,
    Cleared,
    Digit,
    Frame,
    MarkPlayed,
    StreamStart,
    StreamStop,
    UnknownFrame,
)
from providers.base.rest import (
    Account,
    LegState,
    NumberSetting,
    OperatorCall,
    OutboundCall,
    PlacedCall,
    SignedProbe,
    Window,
)
from providers.base.setting import API_URL, NUMBER, Setting, SettingKind
from providers.base.webhook import Hook, HookKind, InboundParams, Leg, WebhookReport, WebhookRequest
from providers.common import foreign_json
from providers.common.e164 import E164
from providers.errors import (
    BadRequest,
    CarrierError,
    InvalidSignature,
    MissingSignature,
    NoSecret,
    NotConfigured,
    Refused,
)
from providers.events import CallEvent, EndedReason, EventKind

HEADER = "x-acme-signature"
JSON = "application/json"
MAX_MESSAGE = 64 * 1024

HOOKS = (
    Hook(HookKind.ARRIVE, "/acme/answer", ("GET", "POST")),
    Hook(HookKind.STATUS, "/acme/status", ("POST",)),
    Hook(HookKind.STATUS, "/acme/status/<token>", ("POST",)),
    Hook(HookKind.CONTINUE, "/acme/continue/<token>", ("POST",)),
    Hook(HookKind.FORWARD, "/acme/forward/<token>", ("POST",)),
)
SETTINGS = (
    Setting("ACME_ACCOUNT", "account", "account of the default Acme number", required=True),
    Setting("ACME_KEYS", "keys", "its signing keys", SettingKind.LIST, required=True),
    Setting("ACME_PHONE_NUMBER", NUMBER, "E.164"),
    Setting("ACME_API_URL", API_URL, "another address of its API", SettingKind.URL),
)
WORDS: Mapping[tuple[HookKind, str], tuple[EventKind, EndedReason | None]] = {
    (HookKind.ARRIVE, "incoming"): (EventKind.LEG_FETCHED, None),
    (HookKind.STATUS, "ringing"): (EventKind.LEG_RINGING, None),
    (HookKind.STATUS, "picked-up"): (EventKind.LEG_ANSWERED, None),
    (HookKind.STATUS, "engaged"): (EventKind.LEG_ENDED, EndedReason.CUSTOMER_BUSY),
    (HookKind.STATUS, "hung-up"): (EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL),
    (HookKind.CONTINUE, "stream-over"): (EventKind.LEG_CONTINUED, None),
    (HookKind.FORWARD, "engaged"): (EventKind.FORWARD_FAILED, None),
    (HookKind.FORWARD, "hung-up"): (
        EventKind.FORWARD_ENDED,
        EndedReason.ASSISTANT_FORWARDED_CALL,
    ),
}
"""Acme's words, by the URL they come to."""
ASKS = {HookKind.ARRIVE, HookKind.CONTINUE, HookKind.FORWARD}


class Config:
    def account(self, ref: str, secrets: Mapping[str, Any]) -> Account:
        if unknown := sorted(set(secrets) - {"keys"}):
            raise NotConfigured(f"Acme has no secret {unknown[0]}")
        keys = secrets.get("keys")
        if not isinstance(keys, list) or not keys:
            raise NotConfigured("Acme keys: a list of at least one")
        if not all(isinstance(key, str) and key for key in keys):
            raise NotConfigured("Acme keys: each is a non-empty text")
        return Account(ref, {"keys": keys})

    def credential(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        ref = body.get("account")
        if not isinstance(ref, str) or not re.fullmatch(r"[a-z0-9]{4,20}", ref):
            raise NotConfigured("account: 4 to 20 lower-case letters and digits")
        return ref, {"account": ref}, dict(self.account(ref, {"keys": body.get("keys")}).secrets)


def sign(key: str, ref: str, url: str, body: bytes) -> str:
    """The header's value: the account, and an HMAC over account, URL and body."""
    signed = b"\n".join([ref.encode(), url.encode("utf-8", "replace"), body])
    return f"{ref}:{hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


class Signature:
    def claimed_account(self, request: WebhookRequest) -> str | None:
        if request.header(HEADER) is None:
            raise MissingSignature("Acme: no signature")
        return str(request.header(HEADER)).partition(":")[0]

    def verify(self, request: WebhookRequest, account: Account) -> None:
        self.claimed_account(request)
        if not account.secrets.get("keys"):
            raise NoSecret("Acme: no signing key")
        given = str(request.header(HEADER)).encode("utf-8", "replace")
        made = [
            sign(key, account.ref, request.url, request.body) for key in account.secrets["keys"]
        ]
        if not sum(hmac.compare_digest(given, each.encode()) for each in made):
            raise InvalidSignature("Acme: the signature does not hold")

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        self.verify(WebhookRequest("GET", url, headers, b"", datetime.now(UTC)), account)

    def probe(self, url: str, account: Account, now: datetime) -> SignedProbe:
        if not account.secrets.get("keys"):
            raise NotConfigured("Acme: no signing key")
        body = json.dumps({"event": "ringing", "leg": f"probe-{now.timestamp()}"}).encode()
        return SignedProbe({HEADER: sign(account.secrets["keys"][0], account.ref, url, body)}, body)


class Webhooks:
    def parse(self, hook: HookKind, request: WebhookRequest) -> WebhookReport:
        ours, fields = _fields(request)
        word, leg = fields["event"], _leg(fields)
        kind, reason = WORDS.get((hook, word), (EventKind.NOTE, None))
        parts = json.dumps([hook, word, leg.leg_ref, fields.get("seq")])
        key = hashlib.sha256(parts.encode()).hexdigest()[:32]
        event = CallEvent(kind, _at(fields, request), key, source="acme", reason=reason, raw=fields)
        return WebhookReport(
            leg,
            (event,),
            asks=hook in ASKS,
            visit=_visit(ours) if hook is HookKind.ARRIVE else None,
            unknown=() if (hook, word) in WORDS else (word,),
        )


def _fields(request: WebhookRequest) -> tuple[dict[str, str], dict[str, Any]]:
    """Our own query, and Acme's fields: of a GET what is not ours."""
    query = {str(foreign_json.clean(k)): str(foreign_json.clean(v)) for k, v in _query(request)}
    ours = {k: v for k, v in query.items() if re.match(r"(assistantId|returnUrl|metadata\.)", k)}
    if request.method == "GET":
        fields: Any = {name: value for name, value in query.items() if name not in ours}
    else:
        try:
            fields = foreign_json.parse(request.body)
        except ValueError as error:
            raise BadRequest("Acme: not JSON") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise BadRequest("Acme: an event without a name")
    return ours, fields


def _query(request: WebhookRequest) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.query, keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise BadRequest("Acme: too many parameters") from error


def _leg(fields: Mapping[str, Any]) -> Leg:
    ref = fields.get("leg")
    if not isinstance(ref, str) or not re.fullmatch(r"[\w-]{1,64}", ref, re.ASCII):
        raise BadRequest("Acme: an event without its leg")
    ends = [str(fields[name])[:100] if fields.get(name) else None for name in ("from", "to")]
    return Leg(ref, ref, *ends, inbound=fields.get("direction", "in") == "in")


def _at(fields: Mapping[str, Any], request: WebhookRequest) -> datetime:
    try:
        return datetime.fromisoformat(str(fields.get("at"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return request.received_at


def _visit(ours: Mapping[str, str]) -> InboundParams:
    return InboundParams(
        ours.get("assistantId"),
        ours.get("returnUrl"),
        {k.removeprefix("metadata."): v for k, v in ours.items() if k.startswith("metadata.")},
    )


class Markup:
    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        return Answer(json.dumps({"do": [_verb(each) for each in instructions]}).encode(), JSON)

    def acknowledge(self) -> Answer:
        return Answer(b"", JSON, 204)

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        status = 503 if transient else 401 if isinstance(error, Refused) else 400
        return Answer(b"{}", JSON, status)

    def details(self, details: Details) -> dict[str, Any]:
        ends = {"to": details.to, "from": details.from_}
        made = {"do": [_verb(details.connect)], "statusUrl": details.status_url}
        return {**{name: value for name, value in ends.items() if value}, **made}


def _verb(instruction: Instruction) -> dict[str, Any]:
    match instruction:
        case Connect():
            media = _absolute(instruction.media_url, "ws", "wss")
            if urlsplit(media).query:
                raise ValueError("Acme drops the query of a media URL")
            report, after = _absolute(instruction.stream_url), _absolute(instruction.continue_url)
            names = {"callId": instruction.call_id}
            return {"verb": "stream", "url": media, "report": report, "then": after, "with": names}
        case Forward():
            if not (E164.fullmatch(instruction.destination) or ":" in instruction.destination):
                raise ValueError("Acme calls numbers and SIP URIs")
            then = _absolute(instruction.outcome_url)
            return {"verb": "call", "to": instruction.destination, "then": then}
        case Return():
            url, more = _absolute(instruction.url), urlencode(instruction.params)
            return {"verb": "fetch", "url": f"{url}{'&' if '?' in url else '?'}{more}"}
        case Say():
            return {"verb": "say", "text": instruction.text}
        case HangUp():
            return {"verb": "hang-up"}
        case _:
            raise ValueError(f"Acme has no rooms: {type(instruction).__name__}")


def _absolute(url: str, *schemes: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in (schemes or ("http", "https")) or not parts.hostname:
        raise ValueError(f"Acme cannot go to {url!r}")
    return url


class Serializer:
    """Sound as base64 PCM in JSON."""

    sample_rate = 16000

    def decode(self, message: str | bytes) -> Frame:
        try:
            fields = foreign_json.parse(message) if len(message) <= MAX_MESSAGE else None
            return _frame(fields)
        except (ValueError, TypeError, KeyError) as error:
            raise BadRequest("Acme: not a message of a media socket") from error

    def audio(self, pcm: bytes) -> list[str | bytes]:
        return [_message("sound", pcm=base64.b64encode(pcm).decode())] if pcm else []

    def flush(self) -> list[str | bytes]:
        return []

    def mark(self, name: str) -> list[str | bytes]:
        return [_message("mark", name=name)]

    def clear(self) -> list[str | bytes]:
        return [_message("clear")]


def _message(kind: str, **fields: str) -> str:
    return json.dumps({"type": kind, **fields})


def _frame(fields: Mapping[str, Any]) -> Frame:
    match fields["type"]:
        case "start":
            parameters = dict(fields["with"])
            return StreamStart(None, str(fields["leg"]), None, Serializer.sample_rate, parameters)
        case "sound":
            pcm = base64.b64decode(fields["pcm"], validate=True)
            if len(pcm) % 2:
                raise ValueError("half a sample")
            return Audio(pcm)
        case "key":
            return Digit(re.fullmatch(r"[0-9*#]", fields["key"])[0])  # type: ignore[index]
        case "played":
            return MarkPlayed(str(fields["name"]))
        case "cleared":
            return Cleared()
        case "stop":
            return StreamStop()
        case str(word):
            return UnknownFrame(word[:100])
    raise ValueError("a message without a type")


class Client:
    """Acme's API: one POST per action, answered by a JSON object."""

    def __init__(self, account: Account, *, timeout: float = 10.0) -> None:
        self._base = account.api_url or "https://api.acme.example"
        self._timeout = timeout

    def prepare(self, order: OutboundCall) -> None:
        _verb(order.connect)

    def dial(self, order: OutboundCall) -> PlacedCall:
        ends = {"to": order.to, "from": order.from_, "statusUrl": order.status_url}
        made = self._ask("/calls", {**ends, "do": [_verb(order.connect)]})
        return PlacedCall(made["leg"], made["leg"])

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        self._ask(f"/calls/{leg_ref}/hang-up", {})

    def dial_operator(self, order: OperatorCall) -> PlacedCall:
        raise CarrierError("Acme has no rooms", permanent=True)

    def replace_document(
        self, leg_ref: str, instructions: Sequence[Instruction], *, api_url: str | None = None
    ) -> None:
        raise CarrierError("Acme has no rooms", permanent=True)

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        return None

    def find_placed(self, to: str, from_: str, window: Window) -> Sequence[LegState]:
        raise CarrierError("Acme lists no calls", permanent=True)

    def can_record(self) -> bool:
        return False

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        raise CarrierError("Acme does not record", permanent=True)

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        raise CarrierError("Acme does not record", permanent=True)

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        raise CarrierError("Acme does not record", permanent=True)

    def press_keys(self, leg_ref: str, keys: str, *, api_url: str | None = None) -> bool:
        return False

    def send_text(self, to: str, from_: str, text: str) -> str:
        return str(self._ask("/texts", {"to": to, "from": from_, "text": text})["id"])

    def check(self) -> str:
        return str(self._ask("/me", {})["name"])

    def number(self, number: str) -> Sequence[NumberSetting]:
        return ()

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = urllib3.request(
                "POST", self._base + path, json=body, timeout=self._timeout, retries=False
            )
            if answer.status >= 400:
                gone, final = answer.status == 404, answer.status < 500
                raise CarrierError(f"Acme: {answer.status}", permanent=final, gone=gone)
            return cast("dict[str, Any]", answer.json())
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise CarrierError(f"Acme: {type(error).__name__}", permanent=False) from error


ACME = Carrier(
    name="acme",
    hooks=HOOKS,
    settings=SETTINGS,
    number_fields=NumberFields("acmePhoneNumber", None),
    config=Config(),
    signature=Signature(),
    webhooks=Webhooks(),
    markup=Markup(),
    serializer=Serializer,
    client=Client,
)
