"""The simulated Twilio's REST API, version 2010-04-01: accounts, numbers and calls.

A created call is played at once, with the requested callbacks. The stage's ``Callee`` says how the
dialled phone behaves. https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from email.utils import format_datetime
from functools import partial
from urllib.parse import parse_qs, parse_qsl
from uuid import uuid4

from providers.common.e164 import E164
from providers.common.json_types import JsonDict
from providers.simulation.api_server import ApiReply, ApiRequest, serve_stage
from providers.simulation.recording import wav
from providers.simulation.stage import Callee
from providers.twilio.config import ACCOUNT_SID, CALL_SID, RECORDING_SID
from providers.twilio.signature import FORM
from providers.twilio.simulator.call import Detection, Document, Source, StatusCallback, TwilioCall
from providers.twilio.simulator.config import TwilioConfig, TwilioStage
from providers.twilio.simulator.recording import Recording
from providers.twilio.simulator.twiml_player import MAX_TWIML, dial

# Twilio's code -> HTTP status and message.
ERRORS: dict[int, tuple[int, str]] = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20004: (405, "Method not allowed"),
    20500: (500, "An internal server error has occurred"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url is not a valid URL"),
    21211: (400, "The phone number you are attempting to call is not valid"),
    21212: (400, "The 'From' number is not valid"),
    21213: (400, "No 'From' number is specified"),
    21214: (400, "The phone number you are attempting to call cannot be reached"),
    21215: (400, "Account not authorized to call this number: check its geo permissions"),
    21216: (400, "Account not allowed to call this number"),
    21217: (400, "Phone number does not appear to be valid"),
    21218: (400, "Invalid ApplicationSid, or none of Url, Twiml and ApplicationSid"),
    21602: (400, "Message body is required"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    32018: (400, "Twiml is longer than 4000 characters"),
}
# Numbers that Twilio refuses to dial. https://www.twilio.com/docs/iam/test-credentials
MAGIC = {
    "+15005550001": 21217,
    "+15005550002": 21214,
    "+15005550003": 21215,
    "+15005550004": 21216,
}
PLACE = re.compile(rf"{E164.pattern}|sip:.+|client:.+")
CALLER = re.compile(rf"{PLACE.pattern}|[0-9]{{3,8}}")
# MachineDetection -> the verdict about a machine.
VERDICTS = {"Enable": "machine_start", "DetectMessageEnd": "machine_end_beep"}
WEB = re.compile(r"https?://[^/_?#]+([/?#].*)?")
_ACCOUNT = rf"/2010-04-01/Accounts/({ACCOUNT_SID.pattern})"
PATH = re.compile(rf"{_ACCOUNT}(?:/Calls(?:/({CALL_SID.pattern}))?)?\.json")
RECORDINGS = re.compile(
    rf"(/.+/Calls/{CALL_SID.pattern})/Recordings(?:/({RECORDING_SID.pattern}))?\.json"
)
MEDIA = re.compile(rf"{_ACCOUNT}/Recordings/({RECORDING_SID.pattern})\.wav")


MESSAGES = re.compile(rf"{_ACCOUNT}/Messages\.json")
NUMBERS = re.compile(rf"{_ACCOUNT}/IncomingPhoneNumbers\.json")


class ApiError(Exception):
    """A refusal, by Twilio's code."""

    def __init__(self, code: int) -> None:
        super().__init__(ERRORS[code][1])
        self.code = code

    @property
    def reply(self) -> ApiReply:
        status, message = ERRORS[self.code]
        link = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": message, "more_info": link, "status": status}
        return ApiReply(status, body)


class TwilioApi:
    """The API of one account. ``stage.callee`` says how the next dialled phone behaves."""

    def __init__(self, stage: TwilioStage[TwilioCall]) -> None:
        self.stage = stage

    def answer(self, request: ApiRequest) -> ApiReply:
        """Answer one request of the API."""
        try:
            reply = self._routed(request)
        except ApiError as error:
            reply = error.reply
        line = f"{request.method} {request.path}  {reply.status}"
        self.stage.timeline.add("rest -> twilio", line)
        return reply

    def _routed(self, request: ApiRequest) -> ApiReply:
        config = self.stage.config
        if not authorized(request.authorization, config.account_sid, config.auth_token):
            raise ApiError(20003)
        numbers = NUMBERS.fullmatch(request.path)
        if numbers and numbers[1] == config.account_sid and request.method == "GET":
            return self._numbers(request)
        messages = MESSAGES.fullmatch(request.path)
        if messages and messages[1] == config.account_sid and request.method == "POST":
            return self._text(form(request))
        if media := MEDIA.fullmatch(request.path):
            return self._media(media[1], media[2])
        recordings = RECORDINGS.fullmatch(request.path)
        match = PATH.fullmatch(f"{recordings[1]}.json" if recordings else request.path)
        if match is None or match[1] != config.account_sid:
            raise ApiError(20404)
        if "/Calls" not in request.path:
            return self._account()
        if request.method not in ("GET", "POST"):
            raise ApiError(20004)
        if recordings:
            return self._record(request, match[2], recordings[2])
        if match[2]:
            return self._one(request, match[2])
        return self._create(form(request)) if request.method == "POST" else self._list(request)

    def _account(self) -> ApiReply:
        names = {"friendly_name": "Simulated account", "status": "active", "type": "Full"}
        return ApiReply(200, {"sid": self.stage.config.account_sid, **names})

    def _numbers(self, request: ApiRequest) -> ApiReply:
        config = self.stage.config
        number = {
            "sid": f"PN{'0' * 32}",
            "phone_number": config.number,
            "voice_url": f"{config.bridge_url}/twilio/inbound_call",
            "voice_method": "POST",
            "status_callback": f"{config.bridge_url}/twilio/status",
            "status_callback_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": None,
            **self.stage.number,
        }
        wanted = dict(parse_qsl(request.query)).get("PhoneNumber", config.number)
        found = [number] if wanted == config.number else []
        page = {"page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path}
        return ApiReply(200, {"incoming_phone_numbers": found, **page})

    def _text(self, fields: Mapping[str, list[str]]) -> ApiReply:
        """Send a message: only its numbers and its text are looked at."""
        to, from_, text = (first(fields, name) for name in ("To", "From", "Body"))
        check_numbers(to, from_)
        if not text:
            raise ApiError(21602)
        self.stage.texts.append((to, text))
        made = {"sid": f"SM{uuid4().hex}", "status": "queued", "error_code": None}
        names = {"to": to, "from": from_, "body": text, "direction": "outbound-api"}
        return ApiReply(201, {**made, **names, "account_sid": self.stage.config.account_sid})

    def _list(self, request: ApiRequest) -> ApiReply:
        wanted = dict(parse_qsl(request.query))
        filters = {"To": "to", "From": "from_", "Status": "status"}
        found = [
            resource(call)
            for call in reversed(self.stage.calls.values())
            if all(getattr(call, filters[key]) == wanted[key] for key in filters if key in wanted)
        ]
        size = int(wanted.get("PageSize", "50"))
        page = {"page": 0, "page_size": size, "next_page_uri": None, "uri": request.path}
        return ApiReply(200, {"calls": found[:size], **page})

    def _one(self, request: ApiRequest, sid: str) -> ApiReply:
        if sid not in self.stage.calls:
            raise ApiError(20404)
        call = self.stage.calls[sid]
        if request.method == "POST":
            self._update(call, form(request))
        elif self.stage.price is not None:
            call.looks += 1
        return ApiReply(200, resource(call))

    def _record(self, request: ApiRequest, call_sid: str, sid: str | None) -> ApiReply:
        """Start or stop a recording of a call that is up."""
        call = self.stage.calls.get(call_sid)
        if call is None or request.method != "POST" or (sid and sid not in call.recordings):
            raise ApiError(20404)
        if call.status != "in-progress":
            raise ApiError(21220)
        fields = form(request)
        if sid:
            if first(fields, "Status") == "stopped":
                call.recordings[sid].complete()
            return ApiReply(200, call.recordings[sid].resource())
        account, callback = call.stage.config.account_sid, recording_callback(call, fields)
        recording = Recording(account, call.sid, callback)
        call.recordings[recording.sid] = recording
        self.stage.recording.set()
        return ApiReply(201, recording.resource())

    def _media(self, account: str, sid: str) -> ApiReply:
        """Both channels of a complete recording."""
        found = [
            each.recordings[sid] for each in self.stage.calls.values() if sid in each.recordings
        ]
        if account != self.stage.config.account_sid or not found or not found[0].over:
            raise ApiError(20404)
        return ApiReply(200, wav())

    def _update(self, call: TwilioCall, fields: Mapping[str, list[str]]) -> None:
        if call.over.is_set():
            raise ApiError(21220)
        if status := first(fields, "Status"):
            call.hang_up(status)
            return
        document = self._source(call, fields)()
        if document is not None:
            call.redirect(document)

    def _create(self, fields: Mapping[str, list[str]]) -> ApiReply:
        callee = self.stage.phone(first(fields, "To"))
        if callee.refused:
            self.stage.moments.transfer_failed()
            self.stage.placed.set()
            raise ApiError(21215)
        check_numbers(first(fields, "To"), first(fields, "From"))
        limit = first(fields, "TimeLimit")
        call = TwilioCall(
            self.stage,
            from_=first(fields, "From"),
            to=first(fields, "To"),
            direction="outbound-api",
            acts=callee.acts,
            callback=status_callback(fields),
            time_limit=float(limit) * self.stage.config.speed if limit else None,
        )
        call.detection = detection(fields, machine=callee.machine)
        source = self._source(call, fields)
        self.stage.calls[call.sid] = call
        created = ApiReply(201, resource(call))
        self.stage.keys = first(fields, "SendDigits")
        self.stage.spawn(partial(dial, call, source, callee))
        self.stage.placed.set()
        return ApiError(20500).reply if callee.unconfirmed else created

    def _source(self, call: TwilioCall, fields: Mapping[str, list[str]]) -> Source:
        """Where the call's TwiML comes from. With both, ``Url`` wins and ``Twiml`` is ignored."""
        url, twiml = first(fields, "Url"), first(fields, "Twiml")
        if url:
            if not WEB.fullmatch(url):
                raise ApiError(21205)
            return partial(call.fetch, url, first(fields, "Method") or "POST")
        if not twiml:
            raise ApiError(21218)
        if len(twiml) > MAX_TWIML:
            raise ApiError(32018)
        return partial(self._given, twiml)

    def _given(self, twiml: str) -> Document:
        self.stage.received(twiml)
        return Document(twiml)


def serve_api(
    config: TwilioConfig,
    port: int = 0,
    *,
    callee: Callee | None = None,
    out: Callable[[str], object] = print,
) -> AbstractContextManager[TwilioStage[TwilioCall]]:
    """Serve the API on a loopback port (``api_url``) until the end of the block.

    Its calls are played.
    """
    stage = TwilioStage[TwilioCall](config, out)
    return serve_stage(stage, TwilioApi(stage).answer, port, callee)


def authorized(header: str, user: str, password: str) -> bool:
    """Whether the header is HTTP basic with exactly this account."""
    scheme, _, value = header.partition(" ")
    try:
        given = base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, f"{user}:{password}".encode())


def form(request: ApiRequest) -> dict[str, list[str]]:
    """The body's fields. A body of another type has none, as at Twilio."""
    if request.content_type != FORM:
        return {}
    return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def first(fields: Mapping[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def check_numbers(to: str, from_: str) -> None:
    """Check both numbers. Raises ``ApiError``."""
    for missing, code in ((to, 21201), (from_, 21213)):
        if not missing:
            raise ApiError(code)
    if to in MAGIC:
        raise ApiError(MAGIC[to])
    if not PLACE.fullmatch(to):
        raise ApiError(21211)
    if not CALLER.fullmatch(from_):
        raise ApiError(21212)


def status_callback(
    fields: Mapping[str, list[str]], name: str = "StatusCallback"
) -> StatusCallback | None:
    """The requested status callback. Each event is a field of its own: a joined list names none."""
    url = first(fields, name)
    if not url:
        return None
    if not WEB.fullmatch(url):
        raise ApiError(21205)
    events = tuple(fields.get(f"{name}Event", ("completed",)))
    return StatusCallback(url, events, first(fields, f"{name}Method") or "POST")


def recording_callback(
    call: TwilioCall, fields: Mapping[str, list[str]]
) -> Callable[[Mapping[str, str]], None] | None:
    """The callback for the end of a recording, if one was requested."""
    found = status_callback(fields, "RecordingStatusCallback")
    if found is None or "completed" not in found.events:
        return None
    return partial(call.post, found.method, found.url, label="recording")


def detection(fields: Mapping[str, list[str]], *, machine: bool) -> Detection | None:
    """The requested detection, and its verdict. ``AsyncAmd`` must be the text ``true``."""
    mode = first(fields, "MachineDetection")
    if mode not in VERDICTS:
        return None
    verdict = VERDICTS[mode] if machine else "human"
    if first(fields, "AsyncAmd") != "true":
        return Detection(verdict)
    url = first(fields, "AsyncAmdStatusCallback")
    if not WEB.fullmatch(url):
        raise ApiError(21205)
    return Detection(verdict, url, first(fields, "AsyncAmdStatusCallbackMethod") or "POST")


def resource(call: TwilioCall) -> JsonDict:
    """The call as the API shows it."""
    uri = f"/2010-04-01/Accounts/{call.stage.config.account_sid}/Calls/{call.sid}.json"
    return {
        "sid": call.sid,
        "account_sid": call.stage.config.account_sid,
        "api_version": "2010-04-01",
        "status": call.status,
        "direction": call.direction,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "date_created": format_datetime(call.created),
        "date_updated": format_datetime(call.created),
        "start_time": format_datetime(call.answered_at) if call.answered_at else None,
        "end_time": format_datetime(call.ended_at) if call.ended_at else None,
        "duration": str(call.seconds) if call.ended_at else None,
        "price": call.price,
        "price_unit": "USD",
        "answered_by": None,
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": "",
        "queue_time": "0",
        "trunk_sid": None,
        "annotation": None,
        "uri": uri,
        "subresource_uris": {},
    }
