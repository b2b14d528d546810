"""Vonage's REST API. Every request is sent once and has a timeout.

The official SDK sends the requests; ``sdk.py`` sets its limits.
https://developer.vonage.com/en/api/voice
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from providers.base.instructions import Instruction
from providers.base.rest import (
    Account,
    LegState,
    NumberSetting,
    OperatorCall,
    OutboundCall,
    PlacedCall,
    Window,
)
from providers.common import download
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import BadRequest, CarrierError
from providers.events import EventKind
from providers.vonage import create_call, leg_state, ncco, number_settings, sdk, statuses
from providers.vonage.config import API_HOST

API_URL = "https://api.nexmo.com"
NUMBERS_URL = "https://rest.nexmo.com"
# Keys that its API plays, before ``w`` is written as its own pause.
PRESSED = re.compile(r"[0-9*#w]+", re.ASCII)
# The largest page of legs, and how many of them one look for a placed call reads.
LISTED, MOST_LISTED = 100, 1000
# Statuses of a leg that cannot be hung up any more.
OVER = {word for word, row in statuses.PHONE.items() if row.kind is EventKind.LEG_ENDED} | {
    "completed",
    "disconnected",
}


class VonageClient:
    """One account's API. ``account.api_url`` overrides every host; plain http is allowed there."""

    def __init__(self, account: Account, *, timeout: float = 10.0) -> None:
        self._account = account
        self._timeout = max(1, math.ceil(timeout))  # the SDK accepts whole seconds only

    def prepare(self, order: OutboundCall) -> None:
        """Read the key and build the request, without sending it, to raise their errors early."""
        sdk.application(self._account)
        create_call.to_customer(order)

    def dial(self, order: OutboundCall) -> PlacedCall:
        """Create the call. Raises ``CarrierError`` and ``NotConfigured``."""
        return self._placed(create_call.to_customer(order))

    def dial_operator(self, order: OperatorCall) -> PlacedCall:
        """Create the operator's leg. The verdict of machine detection is an event of the leg."""
        return self._placed(create_call.to_operator(order))

    def replace_document(
        self, leg_ref: str, instructions: Sequence[Instruction], *, api_url: str | None = None
    ) -> None:
        """Let the leg run another NCCO, in a conversation of its own.

        https://developer.vonage.com/en/api/voice#updateCall
        """
        destination = {"type": "ncco", "ncco": ncco.actions(instructions)}
        self._modify(leg_ref, {"action": "transfer", "destination": destination}, api_url)

    def _placed(self, fields: JsonDict) -> PlacedCall:
        made = self._send("POST", "/v1/calls", fields)
        refs = [made.get("conversation_uuid"), made.get("uuid")]
        if not all(isinstance(ref, str) and ref for ref in refs):
            raise CarrierError("Vonage accepted the call and did not name it", permanent=False)
        return PlacedCall(*map(str, refs))

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End one leg, at the region that owns it. ``CarrierError.gone`` when it is over already.

        Vonage answers 400 for a leg that is over, and for one created a second ago. Try the latter
        again.
        """
        self._modify(leg_ref, {"action": "hangup"}, api_url)

    def _modify(self, leg_ref: str, fields: JsonDict, api_url: str | None) -> None:
        path = f"/v1/calls/{quote(leg_ref, safe='')}"
        try:
            self._send("PUT", path, fields, api_url)
        except CarrierError as error:
            if error.code not in ("400", "404"):
                raise
            over = error.code == "404" or self._is_over(path, api_url)
            raise CarrierError(str(error), permanent=over, gone=over, code=error.code) from error

    def can_redirect(self) -> bool:
        """Whether the account may use the API, which takes the application's token."""
        return self.can_record()

    def redirect(self, leg_ref: str, url: str, *, api_url: str | None = None) -> None:
        """Give the leg an NCCO that asks this URL, at the region that owns it.

        The request of a notify is signed. Vonage does not say so of the one for an NCCO's URL.
        https://developer.vonage.com/en/api/voice#updateCall
        """
        destination = {"type": "ncco", "ncco": [ncco.ask(url)]}
        self._modify(leg_ref, {"action": "transfer", "destination": destination}, api_url)

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """Fetch the leg, at the region that owns it."""
        try:
            leg = self._send("GET", f"/v1/calls/{quote(leg_ref, safe='')}", None, api_url)
        except CarrierError as error:
            if error.code == "404":
                return None
            raise
        return _state(leg)

    def find_placed(self, to: str, from_: str, window: Window) -> Sequence[LegState]:
        """List the application's legs of this time, and keep those of the parties.

        https://developer.vonage.com/en/api/voice#getCalls
        """
        times = {"date_start": _utc(window.after), "date_end": _utc(window.before)}
        ends = {"to": ncco.endpoint(to), "from": ncco.endpoint(from_)}
        found = list[LegState]()
        for first in range(0, MOST_LISTED, LISTED):
            query = {**times, "page_size": LISTED, "record_index": first, "order": "asc"}
            listed = _legs(self._send("GET", "/v1/calls", query))
            found += (_state(leg) for leg in listed if _is_placed(leg, ends))
            if len(listed) < LISTED:
                return found
        raise CarrierError("Vonage: too many legs of that time to look through", permanent=False)

    def can_record(self) -> bool:
        """Whether recordings can be fetched, which takes the application's token."""
        secrets = self._account.secrets
        return bool(secrets.get("applicationId") and secrets.get("privateKey"))

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Return None: Vonage's API starts no recording. The ``record`` action of the NCCO does."""
        return None

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """Do nothing: Vonage's API stops no recording. It ends with the conversation."""

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """Download from Vonage's hosts only: the URL came in a webhook.

        Our token is sent with the request.
        https://developer.vonage.com/en/voice/voice-api/guides/recording
        """
        host, path = _place(url)
        base = (self._account.api_url or f"https://{host}").rstrip("/")
        download.save(
            base + path,
            {"Authorization": f"Bearer {sdk.bearer(self._account)}"},
            file,
            limit=limit,
            timeout=self._timeout,
            trusted=_is_vonages,
        )

    def press_keys(self, leg_ref: str, keys: str, *, api_url: str | None = None) -> bool:
        """Play the tones to the leg, at the region that owns it. Its pause is ``p``.

        https://developer.vonage.com/en/api/voice#startDTMF
        """
        if not PRESSED.fullmatch(keys):
            return False
        path = f"/v1/calls/{quote(leg_ref, safe='')}/dtmf"
        self._send("PUT", path, {"digits": keys.replace("w", "p")}, api_url)
        return True

    def send_text(self, to: str, from_: str, text: str) -> str:
        """Send an SMS by the Messages API. https://developer.vonage.com/en/api/messages"""
        numbers = {"to": to.removeprefix("+"), "from": from_.removeprefix("+")}
        body = {"channel": "sms", "message_type": "text", "text": text, **numbers}
        ref = self._send("POST", "/v1/messages", body).get("message_uuid")
        if not isinstance(ref, str) or not ref:
            raise CarrierError("Vonage accepted the message and did not name it", permanent=False)
        return ref

    def check(self) -> str:
        """Read one page of calls with the application's token. A wrong key or application fails."""
        self._send("GET", "/v1/calls", {"page_size": 1})
        application = self._account.secrets["applicationId"]
        return f"Vonage account {self._account.ref}, application {application}: token accepted"

    def number(self, number: str) -> Sequence[NumberSetting]:
        """The number's link, and the URLs of the application it is linked to.

        https://developer.vonage.com/en/api/numbers#getOwnedNumbers
        https://developer.vonage.com/en/api/application.v2#getApplication
        """
        digits = number.removeprefix("+")
        asked = {"pattern": digits, "search_pattern": 0}
        answer = self._ask_account(NUMBERS_URL, "/account/numbers", asked)
        found = number_settings.owned(answer, digits)
        if found is None:
            raise CarrierError(f"no number {number} in this account", permanent=True, gone=True)
        linked, ours = found.get("app_id"), self._account.secrets.get("applicationId")
        link, application = number_settings.link(linked, ours), linked or ours
        if application is None or application != (ours or linked):
            return [link]
        path = f"/v2/applications/{quote(str(application), safe='')}"
        return [link, *number_settings.webhooks(self._ask_account(API_URL, path))]

    def _ask_account(self, base: str, path: str, query: JsonObject | None = None) -> JsonObject:
        """Read once with the account's own key and secret."""
        url = (self._account.api_url or base).rstrip("/") + path
        return sdk.ask(self._account_http, "GET", url, query, "basic")

    def _is_over(self, path: str, api_url: str | None) -> bool:
        try:
            leg = self._send("GET", path, None, api_url)
        except CarrierError as error:
            return error.code == "404"
        return leg.get("status") in OVER

    def _send(
        self, method: str, path: str, body: JsonObject | None, api_url: str | None = None
    ) -> JsonObject:
        """Send one request with the application's token, to the region that owns the call."""
        base = self._account.api_url or _region(api_url) or API_URL
        return sdk.ask(self._http, method, base.rstrip("/") + path, body, "jwt")

    @cached_property
    def _http(self) -> Any:
        return sdk.as_application(self._account, self._timeout, self._plain)

    @cached_property
    def _account_http(self) -> Any:
        return sdk.as_account(self._account, self._timeout, self._plain)

    @property
    def _plain(self) -> bool:
        return urlsplit(self._account.api_url or API_URL).scheme == "http"


def _state(leg: JsonObject) -> LegState:
    try:
        return leg_state.state(leg, datetime.now(UTC))
    except BadRequest as error:
        raise CarrierError(f"Vonage: no leg in the answer: {error}", permanent=False) from error


def _legs(answer: JsonObject) -> list[JsonObject]:
    """The legs of one page. Raises ``CarrierError`` if the answer is no page."""
    embedded = answer.get("_embedded")
    listed = embedded.get("calls") if isinstance(embedded, dict) else None
    if not isinstance(listed, list) or not all(isinstance(leg, dict) for leg in listed):
        raise CarrierError("Vonage: no list of legs in the answer", permanent=False)
    return listed


def _is_placed(leg: JsonObject, ends: Mapping[str, JsonObject]) -> bool:
    """Whether this is an outbound leg between these endpoints."""
    names = ("number", "uri")
    shown = {end: leg[end] if isinstance(leg.get(end), dict) else {} for end in ends}
    same = (shown[end].get(name) == ends[end].get(name) for end in ends for name in names)
    return leg.get("direction") == "outbound" and all(same)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(url: str) -> tuple[str, str]:
    """Host and path of a recording. Raises ``CarrierError`` unless the host is Vonage's."""
    if not _is_vonages(url):
        raise CarrierError(
            "Vonage: the recording lies at a host which is not Vonage's", permanent=True
        )
    parts = urlsplit(url)
    return parts.netloc, parts.path


def _is_vonages(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as "https://[": a webhook may bring any text
        return False
    return parts.scheme == "https" and bool(API_HOST.fullmatch(parts.netloc))


def _region(api_url: str | None) -> str | None:
    """The region's base URL. Our token goes to Vonage's hosts only, whatever the store holds."""
    if api_url is None:
        return None
    if not _is_vonages(api_url):
        raise CarrierError("Vonage: the call's region is not one of Vonage's hosts", permanent=True)
    return f"https://{urlsplit(api_url).netloc}"
