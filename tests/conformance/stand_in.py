"""A small Vapi-like server that is honest, or lies in one way.

It knows Twilio's status callbacks, and no media sockets.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from urllib.request import Request, urlopen
from uuid import uuid4

from patchbay_conformance.carriers.twilio import HEADER, signature
from providers.simulation.api_server import ApiReply, ApiRequest, serve

KEY = "the key of the stand-in"
RANKS = ("queued", "ringing", "ended")
REASONS = {"busy": "customer-busy", "no-answer": "customer-did-not-answer", "completed": "x"}
KNOWN = {
    "phoneNumberId",
    "assistant",
    "customer",
    "phoneCallProviderBypassEnabled",
    "metadata",
    "maxDurationSeconds",
    "type",
}


class StandIn:
    def __init__(self, lie: str) -> None:
        self.lie = lie
        self.calls: dict[str, dict[str, Any]] = {}
        self.numbers: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, tuple[str, str]] = {}
        self.lock = threading.RLock()
        self.url = ""

    def reply(self, request: ApiRequest) -> ApiReply:
        with self.lock:
            if request.path.startswith("/status/"):
                fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
                given = request.headers.get(HEADER.lower(), "")
                return ApiReply(self.callback(request.target, given, fields))
            if request.authorization != f"Bearer {KEY}" and self.lie != "needs no key":
                return ApiReply(*self.error(401, "Unauthorized", "Invalid Key."))
            try:
                body = json.loads(request.body or b"null")
                return ApiReply(*self.api(request.method, request.path, body))
            except (ValueError, KeyError, TypeError):
                return ApiReply(*self.error(400, "Bad Request", ["not a call"]))

    # -- the API

    def api(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["call"]:
                return 200, list(reversed(self.calls.values()))
            case "GET", ["phone-number"]:
                return 200, list(self.numbers.values())
            case "POST", ["phone-number"]:
                made = {"id": str(uuid4()), **body}
                if self.lie != "shows secrets":
                    del made["twilioAuthToken"]
                self.numbers[made["id"]] = made
                self.accounts[made["id"]] = body["twilioAccountSid"], body["twilioAuthToken"]
                return 201, made
            case "POST", ["call"]:
                return self.create(body)
            case "GET", ["call", call_id] if call_id in self.calls:
                return 200, self.calls[call_id]
            case "DELETE", ["call", call_id] if call_id in self.calls:
                return 200, self.calls.pop(call_id)
        return self.error(404, "Not Found", "no such thing")

    def create(self, body: Any) -> tuple[int, Any]:
        if unknown := set(body) - KNOWN:
            return self.error(
                400, "Bad Request", [f"property {each} should not exist" for each in unknown]
            )
        number, call_id = self.numbers[body["phoneNumberId"]], str(uuid4())
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        stream = f'<Connect><Stream url="ws{self.url[4:]}/media/{call_id}"/></Connect>'
        details = {
            "from": number["number"],
            "to": body["customer"]["number"],
            "twiml": f"<Response>{stream}</Response>",
            "statusCallback": f"{self.url}/status/{call_id}#rc=3",
        }
        ids = {"id": call_id, "orgId": str(uuid4()), "createdAt": now, "updatedAt": now}
        rest = {
            "type": "outboundPhoneCall",
            "status": "queued",
            "phoneCallProvider": "twilio",
            "phoneCallTransport": "pstn",
            "phoneCallProviderDetails": details,
        }
        self.calls[call_id] = call = {**body, **ids, **rest}
        self.say(call, "status-update", status="queued")
        return 201, {**call, "status": "in-progress"} if self.lie == "wrong status" else call

    def error(self, status: int, phrase: str, message: Any) -> tuple[int, Any]:
        if self.lie == "errors of its own":
            return status, {"detail": message}
        return status, {"message": message, "error": phrase, "statusCode": status}

    # -- the carrier

    def callback(self, path: str, signed: str, fields: dict[str, str]) -> int:
        call = self.calls.get(path.rpartition("/")[2])
        if call is None:
            return 403
        account, token = self.accounts[call["phoneNumberId"]]
        good = signature(token, self.url + path, fields)
        if fields.get("AccountSid") != account:
            return 403
        if signed != good and not (self.lie == "takes the unsigned" and not signed):
            return 403
        self.apply(call, fields["CallStatus"])
        return 204

    def apply(self, call: dict[str, Any], word: str) -> None:
        status = "ended" if word in REASONS else "ringing" if word == "ringing" else "queued"
        goes_back = RANKS.index(status) < RANKS.index(call["status"])
        late = call["status"] == "ended"
        is_news = status != call["status"] and (not goes_back or self.lie == "goes back")
        if not is_news and not (late and self.lie == "changes its mind"):
            return
        call["status"] = status
        if status != "ended":
            self.say(call, "status-update", status=status)
            return
        call |= {"endedReason": REASONS[word], "endedAt": call["createdAt"]}
        ended = (("status-update", {"status": "ended"}), ("end-of-call-report", {}))
        for kind, more in reversed(ended) if self.lie == "reports first" else ended:
            if kind != "end-of-call-report" or self.lie != "never reports":
                self.say(call, kind, **more)
        if self.lie == "reports twice":
            self.say(call, "end-of-call-report")

    def say(self, call: dict[str, Any], kind: str, **more: Any) -> None:
        """A server message, delivered before the callback is answered."""
        server = call["assistant"].get("server")
        if not server or kind not in call["assistant"].get("serverMessages", [kind]):
            return
        now = datetime.now(UTC).timestamp() * 1000
        about = {"timestamp": now, "call": dict(call), "customer": call["customer"], "artifact": {}}
        message = {"type": kind, "endedReason": call.get("endedReason"), **about, **more}
        headers = {"Content-Type": "application/json", "webhook-id": str(uuid4())}
        data = json.dumps({"message": message}).encode()
        with suppress(OSError):
            urlopen(Request(server["url"], data, headers), timeout=20).close()


@contextmanager
def serving(lie: str = "") -> Iterator[StandIn]:
    """``url`` answers until the end of the block. Without a lie it tells the truth."""
    stand_in = StandIn(lie)
    with serve(stand_in.reply) as stand_in.url:
        yield stand_in
