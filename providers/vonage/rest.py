"""Vonage's REST API: place a call, hang a leg up. Every request is sent once and has a timeout.

The official SDK does the work. It is imported on first use (over a second), and two of its
habits are switched off: a dropped connection made it send a create up to ten times, and it
logs our tokens at debug level.
https://developer.vonage.com/en/api/voice
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from providers.base.rest import Account, Dial, Dialed, LegState, NumberSetting
from providers.base.webhook import HookKind
from providers.common import download
from providers.errors import BadRequest, CarrierError, NotConfigured
from providers.vonage import ncco, webhooks
from providers.vonage.config import API_HOST

API_URL = "https://api.nexmo.com"
NUMBERS_URL = "https://rest.nexmo.com"
WEBHOOKS = {
    "answer_url": ("Answer URL", HookKind.ARRIVE),
    "event_url": ("Event URL", HookKind.STATUS),
    "fallback_answer_url": ("Fallback URL", HookKind.FALLBACK),
}
"""Of an application's Voice capability: field -> its name in the dashboard, and ours."""
MAX_DURATION = 86_400
"""Seconds, the most ``length_timer`` takes; counted from the answer."""
RINGING_SECONDS = range(1, 121)
CONNECTIONS = 10

OVER = frozenset(
    {
        "completed",
        "busy",
        "cancelled",
        "failed",
        "rejected",
        "timeout",
        "unanswered",
        "disconnected",
    }
)
"""Statuses of a leg that cannot be hung up any more."""

TRANSIENT = frozenset({408, 425, 429})
"""Beside 5xx, refusals that may not be repeated later. 429: three creates in a second."""


class VonageClient:
    """One account's API. ``account.api_url`` overrides every host; plain http is allowed there."""

    def __init__(self, account: Account, *, timeout: float) -> None:
        self._account = account
        self._timeout = max(1, math.ceil(timeout))  # the SDK takes whole seconds only

    def prepare(self, order: Dial) -> None:
        """The key is read and the request is made, and thrown away."""
        self._application()
        _create(order)

    def dial(self, order: Dial) -> Dialed:
        """Create the call. Raises ``CarrierError`` and ``NotConfigured``."""
        made = self._send("POST", "/v1/calls", _create(order))
        refs = [made.get("conversation_uuid"), made.get("uuid")]
        if not all(isinstance(ref, str) and ref for ref in refs):
            raise CarrierError("Vonage accepted the call and did not name it", permanent=False)
        return Dialed(*map(str, refs))

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End one leg, at the region that owns it. ``CarrierError.gone`` when it is over already.

        400 is said of a leg that is over, and of one created a second ago: for that, try again.
        """
        path = f"/v1/calls/{quote(leg_ref, safe='')}"
        try:
            self._send("PUT", path, {"action": "hangup"}, api_url)
        except CarrierError as error:
            if error.code not in ("400", "404"):
                raise
            over = error.code == "404" or self._is_over(path, api_url)
            raise CarrierError(str(error), permanent=over, gone=over, code=error.code) from error

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """The leg as the API shows it, at the region that owns it."""
        try:
            leg = self._send("GET", f"/v1/calls/{quote(leg_ref, safe='')}", None, api_url)
        except CarrierError as error:
            if error.code == "404":
                return None
            raise
        try:
            return webhooks.state(leg, datetime.now(UTC))
        except BadRequest as error:
            raise CarrierError(f"Vonage: no leg in the answer: {error}", permanent=False) from error

    def can_record(self) -> bool:
        """The media is fetched with the application's token."""
        return bool(self._account.secrets.get("applicationId")) and bool(
            self._account.secrets.get("privateKey")
        )

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Vonage's API starts none: the ``record`` action of the NCCO has."""
        return None

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """Vonage's API stops none either: it ends with the conversation."""

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """From Vonage's hosts only: the URL has come in a webhook, and our token goes with it.

        https://developer.vonage.com/en/voice/voice-api/guides/recording
        """
        from vonage_jwt import JwtClient  # type: ignore[import-untyped]

        parts = urlsplit(url)
        if not _is_vonages(url):
            raise CarrierError(
                f"Vonage: the recording lies at {parts.hostname}, which is not Vonage's",
                permanent=True,
            )
        base = (self._account.api_url or f"https://{parts.netloc}").rstrip("/")
        token = JwtClient(*self._application()).generate_application_jwt()
        text = token.decode() if isinstance(token, bytes) else str(token)
        download.save(
            base + parts.path,
            {"Authorization": f"Bearer {text}"},
            file,
            limit=limit,
            timeout=self._timeout,
            trusted=_is_vonages,
        )

    def check(self) -> str:
        """One read with the application's token, which a wrong key or application fails."""
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
        owned = self._ask_account(NUMBERS_URL, "/account/numbers", asked).get("numbers", [])
        found = next((each for each in owned if each.get("msisdn") == digits), None)
        if found is None:
            raise CarrierError(f"no number {number} in this account", permanent=True, gone=True)
        linked, ours = found.get("app_id"), self._account.secrets.get("applicationId")
        application, link = linked or ours, _link(linked, ours)
        if application is None or application != (ours or linked):
            return [link]
        path = f"/v2/applications/{quote(str(application), safe='')}"
        return [link, *_webhooks(self._ask_account(API_URL, path))]

    def _ask_account(
        self, base: str, path: str, query: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """One read with the account's own key and secret."""
        url = urlsplit(self._account.api_url or base)
        http, target = self._account_http, url.path.rstrip("/") + path
        try:
            answer = http.make_request("GET", url.netloc, target, query, "basic", "query_params")
        except Exception as error:
            raise _translated(error) from error
        return answer if isinstance(answer, dict) else {}

    @cached_property
    def _account_http(self) -> Any:
        secret = self._account.secrets.get("apiSecret")
        if not secret:
            raise NotConfigured(
                f"Vonage account {self._account.ref}: apiSecret is needed to look numbers up"
            )
        plain = urlsplit(self._account.api_url or API_URL).scheme == "http"
        return _http_client(
            {"api_key": self._account.ref, "api_secret": secret}, self._timeout, plain
        )

    def _is_over(self, path: str, api_url: str | None) -> bool:
        try:
            leg = self._send("GET", path, None, api_url)
        except CarrierError as error:
            return error.code == "404"
        return leg.get("status") in OVER

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, api_url: str | None = None
    ) -> Mapping[str, Any]:
        """One request; an answer without a JSON object counts as an empty one."""
        url = urlsplit(self._account.api_url or _region(api_url) or API_URL)
        kind = "query_params" if method == "GET" else "json"
        http = self._http
        try:
            answer = http.make_request(
                method, url.netloc, url.path.rstrip("/") + path, body, "jwt", kind
            )
        except Exception as error:
            raise _translated(error) from error
        return answer if isinstance(answer, dict) else {}

    @cached_property
    def _http(self) -> Any:
        plain = urlsplit(self._account.api_url or API_URL).scheme == "http"
        application, key = self._application()
        named = {"application_id": application, "private_key": key}
        return _http_client(named, self._timeout, plain)

    def _application(self) -> tuple[str, str]:
        """(id, private key as PKCS#8). Raises ``NotConfigured``."""
        secrets = self._account.secrets
        if not secrets.get("applicationId") or not secrets.get("privateKey"):
            raise NotConfigured(
                f"Vonage account {self._account.ref}: vonageApplicationId and"
                " vonageApplicationPrivateKey are needed to place and end calls"
            )
        return secrets["applicationId"], _pkcs8(secrets["privateKey"])


def _create(order: Dial) -> dict[str, Any]:
    try:
        if order.ring_seconds not in RINGING_SECONDS:
            raise ValueError(f"Vonage rings for 1 to 120 seconds, not {order.ring_seconds}")
        return {
            "to": [ncco.endpoint(order.to, order.extension)],
            "from": ncco.endpoint(order.from_),
            "ncco": ncco.actions([order.connect]),
            "event_url": [order.status_url],
            "event_method": "POST",
            "length_timer": min(order.max_duration, MAX_DURATION),
            "ringing_timer": order.ring_seconds,
            **(
                {"advanced_machine_detection": ncco.detection(order.machine)}
                if order.machine
                else {}
            ),
        }
    except ValueError as error:
        raise CarrierError(str(error), permanent=True) from error


def _link(linked: str | None, ours: str | None) -> NumberSetting:
    problem = None
    if linked is None:
        problem = "link the number to your application, or no call of it reaches anybody"
    elif ours is not None and linked != ours:
        problem = f"the number is linked to another application than ours, {ours}"
    return NumberSetting("Linked application", linked, problem=problem)


def _webhooks(application: Mapping[str, Any]) -> list[NumberSetting]:
    """The Voice capability; without signed webhooks nothing of it is let in here."""
    voice = application.get("capabilities", {}).get("voice", {})
    urls = voice.get("webhooks", {})
    signed = voice.get("signed_callbacks") is True
    unsigned = "switch on 'Use signed webhooks', or every request is refused here"
    return [
        *(
            NumberSetting(name, urls.get(field, {}).get("address") or None, kind)
            for field, (name, kind) in WEBHOOKS.items()
        ),
        NumberSetting(
            "Use signed webhooks", "on" if signed else "off", problem=None if signed else unsigned
        ),
    ]


def _is_vonages(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(API_HOST.fullmatch(parts.netloc))


def _region(api_url: str | None) -> str | None:
    """Our token goes to Vonage's hosts only, whatever the store holds."""
    if api_url is None:
        return None
    parts = urlsplit(api_url)
    if parts.scheme != "https" or not API_HOST.fullmatch(parts.netloc):
        raise CarrierError("Vonage: the call's region is not one of Vonage's hosts", permanent=True)
    return f"https://{parts.netloc}"


def _pkcs8(pem: str) -> str:
    """The SDK takes a key as text only when it is PKCS#8; Vonage's own files are, others' are not."""
    from cryptography.hazmat.primitives import serialization as keys
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        key = keys.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise NotConfigured("Vonage vonageApplicationPrivateKey: not a readable PEM key") from error
    if not isinstance(key, RSAPrivateKey):
        raise NotConfigured("Vonage vonageApplicationPrivateKey: an RSA key is wanted")
    return key.private_bytes(
        keys.Encoding.PEM, keys.PrivateFormat.PKCS8, keys.NoEncryption()
    ).decode()


def _http_client(named: Mapping[str, str], timeout: int, plain: bool) -> Any:
    """``named``: who asks, in the words of the SDK's ``Auth``."""
    from vonage import Auth, HttpClientOptions, Vonage

    logging.getLogger("vonage").setLevel(logging.ERROR)
    auth = Auth(**named)
    # ``pool_maxsize`` is, in the SDK, also how often a dropped request is sent.
    options = HttpClientOptions(timeout=timeout, max_retries=0, pool_maxsize=1)
    http = Vonage(auth, options).http_client
    session = http._session
    session.mount("https://", _adapter(plain))
    session.max_redirects = 0
    return http


def _adapter(plain: bool) -> Any:
    """Requests' adapter without retries; ``plain`` undoes the https the SDK writes into every URL."""
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if plain and request.url:
                request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    return Adapter(pool_maxsize=CONNECTIONS, max_retries=0)


def _translated(error: Exception) -> CarrierError:
    """The SDK's and Requests' errors in our words."""
    from requests import RequestException, TooManyRedirects
    from vonage_http_client.errors import HttpRequestError

    if isinstance(error, HttpRequestError):
        return _refused(error.response)
    if isinstance(error, TooManyRedirects):
        return CarrierError("Vonage: the API answered with a redirect", permanent=True)
    if isinstance(error, RequestException):
        return CarrierError(f"Vonage not reached: {type(error).__name__}", permanent=False)
    return CarrierError(f"Vonage SDK: {type(error).__name__}: {error}", permanent=True)


def _refused(response: Any) -> CarrierError:
    status = int(response.status_code)
    return CarrierError(
        f"Vonage answered {status}: {_explained(response)}",
        permanent=status < 500 and status not in TRANSIENT,
        busy=status == 429,
        code=str(status),
    )


def _explained(response: Any) -> str:
    """Vonage's error bodies come in three shapes; the texts of any of them, at most 300 characters."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    names = ("title", "error_title", "detail", "invalid_parameters")
    texts = [str(fields[name]) for name in names if fields.get(name)]
    return ("; ".join(texts) or "no explanation")[:300]
