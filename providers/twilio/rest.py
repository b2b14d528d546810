"""Twilio's REST API, through its own SDK, imported at the first use.

Re-sends nothing: Twilio's create-call has no idempotency key, so a call that timed out may be
ringing. Ignores TWILIO_REGION and TWILIO_EDGE, which the SDK would read behind our back: every
request goes to ``Account.api_url``, or to api.twilio.com.
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from providers.base.rest import Account, Dial, Dialed, LegState, NumberSetting
from providers.base.webhook import HookKind
from providers.common import download
from providers.errors import CarrierError, NotConfigured
from providers.twilio import twiml, webhooks
from providers.twilio.config import RECORDING_SID

if TYPE_CHECKING:
    from twilio.http import HttpClient  # type: ignore[import-untyped]
    from twilio.rest import Client as Rest  # type: ignore[import-untyped]

API_URL = "https://api.twilio.com"

GONE = frozenset({"20404", "21220"})
"""No such call; the call is not in progress. To who hangs up both say: it is over."""

MEDIA_HOST = re.compile(r"[a-z0-9.-]+\.twilio\.com")
"""Where Twilio may send us on for a recording's media, without our credentials."""

SDK_NAMES = {"from": "_from"}
"""Fields of the Call resource that are a word of Python's."""

_AGAIN = frozenset({408, 425, 429})
"""Refusals that are about the moment, not the request."""


class TwilioClient:
    """One account's API. Raises ``CarrierError``; ``NotConfigured`` when no secret of it is known."""

    def __init__(self, account: Account, *, timeout: float) -> None:
        self._account = account
        self._timeout = timeout

    def prepare(self, order: Dial) -> None:
        """The login and the request are made, and thrown away."""
        _login(self._account)
        _create(order)

    def dial(self, order: Dial) -> Dialed:
        """Create the call. ``order.max_duration`` is in seconds, as is Twilio's ``TimeLimit``."""
        fields = _create(order)
        with _translated():
            call = self._rest.calls.create(**fields)
        if not call.sid:
            raise CarrierError("Twilio accepted the call and gave it no sid", permanent=False)
        return Dialed(call.sid, call.sid)

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End the leg, ringing or answered. Twilio has one host for all calls: no ``api_url``."""
        with _translated():
            self._rest.calls(leg_ref).update(status="completed")

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """The Call resource. Twilio keeps it for good, so an unknown sid is not this account's."""
        try:
            with _translated():
                call = self._rest.calls(leg_ref).fetch()
        except CarrierError as error:
            if error.gone:
                return None
            raise
        names = ((name, SDK_NAMES.get(name, name)) for name in webhooks.RESOURCE_FIELDS)
        resource = {name: getattr(call, attribute) for name, attribute in names}
        return webhooks.state(resource, datetime.now(UTC))

    def can_record(self) -> bool:
        """Always: the token that checks webhooks is the API's too."""
        return True

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """The caller on the first channel, what the caller hears on the second.

        https://www.twilio.com/docs/voice/api/recording#create-a-recording-resource
        """
        with _translated():
            made = self._rest.calls(leg_ref).recordings.create(
                recording_channels="dual",
                recording_track="both",
                trim="do-not-trim",
                recording_status_callback=twiml.retried(report_url),
                recording_status_callback_event=["completed", "absent"],
                recording_status_callback_method="POST",
            )
        return str(made.sid) if made.sid else None

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """``completed`` is told of it as of one that lasted to the leg's end."""
        with _translated():
            self._rest.calls(leg_ref).recordings(ref).update(status="stopped")

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """At the address the ref has in our own account, whatever ``url`` a request has told.

        https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file
        """
        if not RECORDING_SID.fullmatch(ref):
            raise CarrierError(f"Twilio has no recording {ref!r}", permanent=True)
        base = (self._account.api_url or API_URL).rstrip("/")
        path = f"/2010-04-01/Accounts/{self._account.ref}/Recordings/{ref}.wav"
        pair = ":".join(_login(self._account))
        headers = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        download.save(
            f"{base}{path}?RequestedChannels=2",
            headers,
            file,
            limit=limit,
            timeout=self._timeout,
            trusted=_is_twilios,
        )

    def check(self) -> str:
        """The account's name and status."""
        with _translated():
            found = self._rest.api.v2010.accounts(self._account.ref).fetch()
        return f"Twilio account {found.friendly_name} ({found.status})"

    def number(self, number: str) -> Sequence[NumberSetting]:
        """https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource"""
        with _translated():
            found = self._rest.incoming_phone_numbers.list(phone_number=number, limit=1)
        if not found:
            raise CarrierError(f"no number {number} in this account", permanent=True, gone=True)
        return _number_settings(found[0])

    @cached_property
    def _rest(self) -> Rest:
        from twilio.rest import Client

        name, secret = _login(self._account)
        http = _http_client(self._account.api_url or API_URL, self._timeout)
        return Client(name, secret, self._account.ref, http_client=http)


def _create(order: Dial) -> dict[str, Any]:
    """Arguments of the SDK's create. Raises ``CarrierError`` for what Twilio has no words for."""
    try:
        keys = {"send_digits": twiml.keys(order.extension)} if order.extension else {}
        listening = twiml.detection(order.machine) if order.machine else {}
        return {
            "to": order.to,
            "from_": order.from_,
            "twiml": twiml.document((order.connect,)),
            "time_limit": order.max_duration,
            "timeout": order.ring_seconds,
            "status_callback": twiml.retried(order.status_url),
            "status_callback_event": list(twiml.STATUS_EVENTS),
            "status_callback_method": "POST",
            **keys,
            **{_snake(name): value for name, value in listening.items()},
        }
    except ValueError as error:
        raise CarrierError(f"Twilio: {error}", permanent=True) from error


def _number_settings(number: Any) -> list[NumberSetting]:
    """A trunk or an application takes the number's calls, whatever its own URLs say."""
    elsewhere = number.trunk_sid or number.voice_application_sid
    kind = "SIP trunk" if number.trunk_sid else "TwiML app"
    status_by_get = number.status_callback and number.status_callback_method == "GET"
    return [
        NumberSetting(
            "A call comes in",
            number.voice_url or None,
            HookKind.ARRIVE,
            f"{kind} {elsewhere} takes its calls: choose Webhook instead" if elsewhere else None,
        ),
        NumberSetting(
            "Call status changes",
            number.status_callback or None,
            HookKind.STATUS,
            "it is sent by GET: choose HTTP POST" if status_by_get else None,
        ),
    ]


def _is_twilios(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(MEDIA_HOST.fullmatch(parts.netloc))


def _snake(name: str) -> str:
    """``asyncAmd`` as the SDK spells its arguments."""
    return re.sub("([A-Z])", r"_\1", name).lower()


def _login(account: Account) -> tuple[str, str]:
    """An API key where there is one, else the newest auth token."""
    secrets = account.secrets
    if secrets.get("apiKey") and secrets.get("apiSecret"):
        return secrets["apiKey"], secrets["apiSecret"]
    if not secrets.get("authTokens"):
        raise NotConfigured(f"Twilio account {account.ref} has no authTokens and no apiKey")
    return account.ref, secrets["authTokens"][0]


def _http_client(api_url: str, timeout: float) -> HttpClient:
    """The SDK's HTTP client, held to one address; its default has no timeout at all."""
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]

    base = urlsplit(api_url)

    class Rebased(TwilioHttpClient):  # type: ignore[misc]
        def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
            parts = urlsplit(url)
            path = base.path.rstrip("/") + parts.path
            target = urlunsplit((base.scheme, base.netloc, path, parts.query, ""))
            return super().request(method, target, *args, **more)

    return Rebased(timeout=timeout, max_retries=0)


@contextmanager
def _translated() -> Iterator[None]:
    """The SDK has two unrelated API errors and lets the transport's through."""
    from requests import RequestException
    from twilio.base.exceptions import (  # type: ignore[import-untyped]
        TwilioException,
        TwilioRestException,
        TwilioServiceException,
    )

    try:
        yield
    except TwilioRestException as error:
        raise _refused(error.status, error.code, error.msg) from error
    except TwilioServiceException as error:
        raise _refused(error.status, error.code, error.detail or error.title) from error
    except TwilioException as error:
        raise CarrierError(f"Twilio's SDK refused: {error}", permanent=True) from error
    except RequestException as error:
        kind = type(error).__name__
        raise CarrierError(f"Twilio's API cannot be reached: {kind}", permanent=False) from error
    except (ValueError, TypeError, AttributeError) as error:
        # A proxy's page, or JSON that is no object: the SDK does not look.
        raise CarrierError("Twilio's API answered with no JSON object", permanent=False) from error


def _refused(status: int, code: int | None, message: str) -> CarrierError:
    word = str(code) if code else None
    return CarrierError(
        f"Twilio answered {status}{f' ({word})' if word else ''}: {message}",
        permanent=400 <= status < 500 and status not in _AGAIN,
        gone=status == 404 or word in GONE,
        busy=status == 429,
        code=word,
    )
