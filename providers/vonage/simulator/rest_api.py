"""The simulated Vonage's Voice API, version 1, and its account's numbers.

A created call is played at once, and its events go to the requested URL. The stage's ``Callee``
says how the dialled phone behaves. https://developer.vonage.com/en/api/voice
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.common.e164 import DIGITS
from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.api_server import ApiReply, ApiRequest, serve_stage
from providers.simulation.recording import wav
from providers.simulation.stage import Callee
from providers.vonage.simulator.call import FILES, OUTBOUND, RATE, Call, EventUrl, Leg, Ncco, Source
from providers.vonage.simulator.config import VonageConfig, VonageStage
from providers.vonage.simulator.ncco_player import dial

PATH = re.compile(r"/v1/calls(?:/([^/]+))?")
KEYS_PATH = re.compile(r"/v1/calls/([^/]+)/dtmf")
KEYS = re.compile(r"[0-9*#p]{1,50}", re.ASCII)
MOST_RECORDS = 10_000
# Actions on a leg without an effect in the simulation.
LIVE_ACTIONS = ("mute", "unmute", "earmuff", "unearmuff")
UNAUTHORIZED = {
    "type": "https://developer.vonage.com/en/api-errors#unauthorized",
    "title": "Unauthorized",
    "detail": "You did not provide correct credentials.",
}
FORBIDDEN = {
    "type": "https://developer.vonage.com/en/api-errors#forbidden",
    "title": "Forbidden",
    "detail": "Your account does not have permission to perform this action.",
}
INTERNAL_ERROR = {
    "type": "https://developer.vonage.com/en/api-errors#internal-error",
    "title": "Internal Error",
    "detail": "There was an unexpected error.",
}
NOT_FOUND = {
    "type": "https://developer.vonage.com/en/api-errors#not-found",
    "title": "Not Found",
    "detail": "Call does not exist, or it has ended.",
}


class VonageApi:
    """The API of one application."""

    def __init__(self, stage: VonageStage[Leg]) -> None:
        self.stage = stage

    def answer(self, request: ApiRequest) -> ApiReply:
        """Answer one request of the API."""
        reply = self._routed(request)
        line = f"{request.method} {request.path}  {reply.status}"
        self.stage.timeline.add("rest -> vonage", line)
        return reply

    def _routed(self, request: ApiRequest) -> ApiReply:
        config = self.stage.config
        told = {
            "/account/numbers": self._numbers,
            f"/v2/applications/{config.application_id}": self._application,
        }.get(request.path)
        if told is not None:
            known = is_account(request.authorization, config)
            return ApiReply(200, told()) if known else ApiReply(401, UNAUTHORIZED)
        if not authorized(request.authorization, self.stage.config):
            return ApiReply(401, UNAUTHORIZED)
        if request.path.removeprefix(FILES) in self.stage.files and request.method == "GET":
            return ApiReply(200, wav())
        if more := self._more(request):
            return more
        match = PATH.fullmatch(request.path)
        route = (request.method, bool(match and match[1]))
        if match is None or route not in ROUTES:
            return ApiReply(404, NOT_FOUND)
        try:
            return ROUTES[route](self, request, match[1] or "")
        except BadFields as error:
            return error.reply

    def _more(self, request: ApiRequest) -> ApiReply | None:
        """The requests beside those for calls; None for another one."""
        keys = KEYS_PATH.fullmatch(request.path)
        try:
            if keys and request.method == "PUT":
                return self._press(request, keys[1])
            if (request.method, request.path) == ("POST", "/v1/messages"):
                return self._text(request)
        except BadFields as error:
            return error.reply
        return None

    def _press(self, request: ApiRequest, uuid: str) -> ApiReply:
        """Play keys to a leg. A media socket gets an event for each of them."""
        leg, digits = self.stage.legs.get(uuid), parsed(request).get("digits")
        if leg is None or leg.over.is_set():
            return ApiReply(404, NOT_FOUND)
        if not isinstance(digits, str) or not KEYS.fullmatch(digits):
            raise BadFields("digits", "must be keys of a phone")
        leg.hear_keys(digits)
        return ApiReply(200, {"message": "DTMF sent", "uuid": uuid})

    def _text(self, request: ApiRequest) -> ApiReply:
        fields = parsed(request)
        for name, wanted in {"channel": "sms", "message_type": "text"}.items():
            if fields.get(name) != wanted:
                raise BadFields(name, f"must be {wanted}")
        for name in ("to", "from"):
            if not DIGITS.fullmatch(str(fields.get(name, ""))):
                raise BadFields(name, "must be 7 to 15 digits without +")
        if not isinstance(fields.get("text"), str) or not fields["text"]:
            raise BadFields("text", "must be a text")
        self.stage.texts.append((f"+{fields['to']}", fields["text"]))
        return ApiReply(202, {"message_uuid": str(uuid4())})

    def _numbers(self) -> JsonDict:
        config, number = self.stage.config, self.stage.number
        linked = {"app_id": config.application_id, "voiceCallbackType": "app"}
        names = {"country": "US", "type": "mobile-lvn", "features": ["VOICE"]}
        given = {name: number[name] for name in linked if name in number}
        msisdn = config.number.removeprefix("+")
        return {"count": 1, "numbers": [{**names, "msisdn": msisdn, **linked, **given}]}

    def _application(self) -> JsonDict:
        config, number = self.stage.config, self.stage.number
        paths = {"answer_url": "answer", "event_url": "event", "fallback_answer_url": "fallback"}
        urls = {name: f"{config.bridge_url}/vonage/{path}" for name, path in paths.items()}
        webhooks = {
            name: {"address": number.get(name, url), "http_method": "POST"}
            for name, url in urls.items()
        }
        signed = number.get("signed_callbacks", True)
        voice = {"webhooks": webhooks, "signed_callbacks": signed}
        names = {"id": config.application_id, "name": "Simulated application"}
        return {**names, "capabilities": {"voice": voice}}

    def _list(self, request: ApiRequest, _: str) -> ApiReply:
        wanted = dict(parse_qsl(request.query))
        size, first = whole("page_size", wanted, 10, 1, 100), whole("record_index", wanted, 0)
        begin, end = moment("date_start", wanted), moment("date_end", wanted)
        found = [
            resource(leg)
            for leg in list(self.stage.legs.values())
            if wanted.get("conversation_uuid", leg.conversation) == leg.conversation
            and wanted.get("status", leg.status) == leg.status
            and (begin is None or begin <= leg.created)
            and (end is None or leg.created <= end)
        ]
        if wanted.get("order") == "desc":
            found.reverse()
        page = {"count": len(found), "page_size": size, "record_index": first}
        links = {"self": {"href": request.path}}
        shown = {"calls": found[first : first + size]}
        return ApiReply(200, {**page, "_embedded": shown, "_links": links})

    def _get(self, _: ApiRequest, uuid: str) -> ApiReply:
        leg = self.stage.legs.get(uuid)
        return ApiReply(200, resource(leg)) if leg else ApiReply(404, NOT_FOUND)

    def _modify(self, request: ApiRequest, uuid: str) -> ApiReply:
        leg, fields = self.stage.legs.get(uuid), parsed(request)
        if leg is None or leg.over.is_set():
            return ApiReply(404, NOT_FOUND)
        action = fields.get("action")
        if action == "hangup":
            leg.hang_up()
        elif action == "transfer":
            self._transfer(leg, fields.get("destination"))
        elif action not in LIVE_ACTIONS:
            raise BadFields("action", "is none of those a call can take")
        return ApiReply(204)

    def _transfer(self, leg: Leg, destination: Any) -> None:
        if not isinstance(destination, dict) or leg.call is None:
            raise BadFields("destination", "must be an object")
        source = _source(
            leg.call, {"ncco": destination.get("ncco"), "answer_url": destination.get("url")}
        )
        leg.transfer(source() or [])

    def _create(self, request: ApiRequest, _: str) -> ApiReply:
        fields = parsed(request)
        to = one("to", fields.get("to"))
        callee = self.stage.phone(party("to", to))
        if callee.refused:
            self.stage.moments.transfer_failed()
            self.stage.placed.set()
            return ApiReply(403, FORBIDDEN)
        leg = Leg(
            self.stage,
            conversation(),
            party("from", fields.get("from")),
            party("to", to),
            OUTBOUND,
            EventUrl(
                str(one("event_url", fields["event_url"])) if "event_url" in fields else None,
                str(fields.get("event_method", "POST")),
            ),
        )
        limit = fields.get("length_timer")
        speed = self.stage.config.speed
        call = Call(leg, callee.acts, float(limit) * speed if limit else None)
        call.verdict = verdict(fields, machine=callee.machine)
        source = _source(call, fields)
        self.stage.legs[leg.uuid] = leg
        self.stage.keys = str(to.get("dtmfAnswer", ""))
        self.stage.spawn(partial(dial, call, source, callee))
        self.stage.placed.set()
        if callee.unconfirmed:
            return ApiReply(500, INTERNAL_ERROR)
        names = {"uuid": leg.uuid, "conversation_uuid": leg.conversation}
        return ApiReply(201, {**names, "status": "started", "direction": OUTBOUND})


# (method, names a leg) -> the handler.
ROUTES: Mapping[tuple[str, bool], Callable[[VonageApi, ApiRequest, str], ApiReply]] = {
    ("GET", False): VonageApi._list,
    ("POST", False): VonageApi._create,
    ("GET", True): VonageApi._get,
    ("PUT", True): VonageApi._modify,
}


def serve_api(
    config: VonageConfig,
    port: int = 0,
    *,
    callee: Callee | None = None,
    out: Callable[[str], object] = print,
) -> AbstractContextManager[VonageStage[Leg]]:
    """Serve the API on a loopback port (``api_url``) until the end of the block.

    Its calls are played.
    """
    stage = VonageStage[Leg](config, out)
    return serve_stage(stage, VonageApi(stage).answer, port, callee)


class BadFields(Exception):
    """400, with the name of the field."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.reply = ApiReply(
            400,
            {
                "type": "https://developer.vonage.com/api-errors/voice#invalid-parameters",
                "title": "Bad Request",
                "invalid_parameters": [{"name": name, "reason": reason}],
            },
        )


def authorized(header: str, config: VonageConfig) -> bool:
    """Whether the bearer token is this application's: RS256, ``iat``, ``jti``, not expired.

    The signature is checked when the application's key is known.
    """
    scheme, _, token = header.partition(" ")
    key = public_key(config.private_key) if config.private_key else ""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            options={
                "require": ["application_id", "iat", "jti"],
                "verify_signature": bool(config.private_key),
                "verify_exp": True,
            },
        )
        algorithm = jwt.get_unverified_header(token)["alg"]
    except jwt.PyJWTError:
        return False
    named = claims["application_id"] == config.application_id
    return scheme.lower() == "bearer" and algorithm == "RS256" and named


def is_account(header: str, config: VonageConfig) -> bool:
    """Whether the header is HTTP basic with the account's own key and secret."""
    scheme, _, token = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
    except ValueError:
        return False
    right = secret == config.api_secret if config.api_secret else bool(secret)
    return scheme.lower() == "basic" and name == config.account_key and right


@cache
def public_key(private_key: str) -> rsa.RSAPublicKey:
    """The public key of a PEM private key. Raises ``ValueError`` for another kind of key."""
    key = serialization.load_pem_private_key(private_key.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("Vonage's applications have RSA keys")
    return key.public_key()


def parsed(request: ApiRequest) -> JsonDict:
    """The JSON body. Raises ``BadFields``."""
    try:
        fields = json.loads(request.body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or request.content_type != "application/json":
        raise BadFields("body", "must be a JSON object")
    return fields


def whole(
    name: str, wanted: Mapping[str, str], default: int, low: int = 0, high: int = MOST_RECORDS
) -> int:
    """A whole number of a query. Raises ``BadFields``."""
    text = wanted.get(name, str(default))
    if not (text.isdecimal() and low <= int(text) <= high):
        raise BadFields(name, f"must be a number from {low} to {high}")
    return int(text)


def moment(name: str, wanted: Mapping[str, str]) -> datetime | None:
    """A time of a query, such as ``2016-11-14T07:45:14Z``. Raises ``BadFields``."""
    if name not in wanted:
        return None
    try:
        return datetime.fromisoformat(wanted[name]).astimezone(UTC)
    except ValueError as error:
        raise BadFields(name, "must be a time") from error


def one(name: str, values: Any) -> Any:
    """The one member of an array, as Vonage's API wants it. Raises ``BadFields``."""
    if not isinstance(values, list) or len(values) != 1:
        raise BadFields(name, "must be an array of one")
    return values[0]


def party(name: str, endpoint: Any) -> str:
    """Number or URI of an endpoint. Raises ``BadFields``."""
    if not isinstance(endpoint, dict):
        raise BadFields(name, "must be an endpoint")
    if endpoint.get("type") == "phone" and DIGITS.fullmatch(str(endpoint.get("number", ""))):
        return str(endpoint["number"])
    if endpoint.get("type") in ("sip", "websocket") and endpoint.get("uri"):
        return str(endpoint["uri"])
    raise BadFields(name, "is no endpoint: a phone's number is 7 to 15 digits without +")


def verdict(fields: JsonObject, *, machine: bool) -> str:
    """The verdict of machine detection; empty unless it was requested. Raises ``BadFields``."""
    asked = fields.get("advanced_machine_detection")
    if asked is None:
        return ""
    modes = ("default", "detect", "detect_beep")
    if not isinstance(asked, dict) or asked.get("mode", "detect") not in modes:
        raise BadFields("advanced_machine_detection", "must name a mode there is")
    if asked.get("behavior", "continue") not in ("continue", "hangup"):
        raise BadFields("advanced_machine_detection", "must continue or hangup")
    return "machine" if machine else "human"


def conversation() -> str:
    return f"CON-{uuid4()}"


def _source(call: Call, fields: JsonObject) -> Source:
    """Where the NCCO comes from: given or at a URL, not both. Raises ``BadFields``."""
    ncco, url = fields.get("ncco"), fields.get("answer_url")
    if (ncco is None) == (url is None):
        raise BadFields("ncco", "or answer_url is required, and not both")
    if url is not None:
        return partial(call.fetch, str(one("answer_url", url)), fields.get("answer_method", "GET"))
    if not isinstance(ncco, list):
        raise BadFields("ncco", "must be an array")
    return partial(given, call.stage, ncco)


def given(stage: VonageStage[Leg], ncco: Ncco) -> Ncco:
    """An NCCO that the caller of the API has already."""
    stage.received(json.dumps(ncco))
    return ncco


def resource(leg: Leg) -> JsonDict:
    """The leg as the API shows it."""
    return {
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation,
        "status": leg.status,
        "direction": leg.direction,
        "from": endpoint(leg.from_),
        "to": endpoint(leg.to),
        "network": None,
        "rate": RATE if leg.price else None,
        "price": leg.price,
        **times(leg),
        "_links": {"self": {"href": f"/v1/calls/{leg.uuid}"}},
    }


def times(leg: Leg) -> JsonDict:
    """The times of a leg: only of a completed one, as the API's description says."""
    if leg.began is None or leg.ended is None:
        return {"duration": None, "start_time": None, "end_time": None}
    shown = {"start_time": leg.began, "end_time": leg.ended}
    texts = {name: at.strftime("%Y-%m-%d %H:%M:%S") for name, at in shown.items()}
    return {"duration": str(leg.seconds), **texts}


def endpoint(party: str) -> dict[str, str]:
    if party.startswith(("ws://", "wss://")):
        return {"type": "websocket", "uri": party}
    return {"type": "phone", "number": party}
