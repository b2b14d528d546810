"""Twilio's REST API. Every request is sent once and has a timeout.

No request is repeated. Twilio's create-call has no idempotency key, so a call that timed out may be
ringing. The official SDK sends the requests; ``sdk.py`` sets its limits.
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

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
from providers.common.json_types import JsonDict
from providers.errors import CarrierError
from providers.twilio import create_call, leg_state, number_settings, sdk, twiml
from providers.twilio.config import RECORDING_SID

if TYPE_CHECKING:
    from twilio.rest import Client as Rest  # type: ignore[import-untyped]

API_URL = "https://api.twilio.com"

# Hosts that Twilio may redirect to for a recording's media. They get no credentials.
MEDIA_HOST = re.compile(r"[a-z0-9.-]+\.twilio\.com")

# The calls that one look for a placed call reads: one page.
LISTED = 50

# Fields of the Call resource whose names are Python keywords.
SDK_NAMES = {"from": "_from"}


class TwilioClient:
    """One account's API.

    Raises ``CarrierError``, and ``NotConfigured`` when the account has no secret.
    """

    def __init__(self, account: Account, *, timeout: float = 10.0) -> None:
        self._account = account
        self._timeout = timeout

    def prepare(self, order: OutboundCall) -> None:
        """Build the login and the request, without sending it, to raise its errors early."""
        sdk.login(self._account)
        create_call.to_customer(order)

    def dial(self, order: OutboundCall) -> PlacedCall:
        """Create the call. ``order.max_duration`` is in seconds, as is Twilio's ``TimeLimit``."""
        return self._placed(create_call.to_customer(order))

    def dial_operator(self, order: OperatorCall) -> PlacedCall:
        """Create the operator's call. With machine detection Twilio asks for the document after it.

        https://www.twilio.com/docs/voice/answering-machine-detection
        """
        return self._placed(create_call.to_operator(order))

    def _placed(self, fields: JsonDict) -> PlacedCall:
        with sdk.translated():
            call = self._rest.calls.create(**fields)
        if not call.sid:
            raise CarrierError("Twilio accepted the call and gave it no sid", permanent=False)
        return PlacedCall(call.sid, call.sid)

    def replace_document(
        self, leg_ref: str, instructions: Sequence[Instruction], *, api_url: str | None = None
    ) -> None:
        """Replace the TwiML of a call that is in progress. It leaves its conference or stream.

        https://www.twilio.com/docs/voice/tutorials/how-to-modify-calls-in-progress
        """
        document = twiml.document(instructions)
        with sdk.translated():
            self._rest.calls(leg_ref).update(twiml=document)

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End the leg, ringing or answered.

        Twilio has one host for all calls, so ``api_url`` is not used.
        """
        with sdk.translated():
            self._rest.calls(leg_ref).update(status="completed")

    def can_redirect(self) -> bool:
        """Always true: the auth token that verifies webhooks is valid for the API too."""
        return True

    def redirect(self, leg_ref: str, url: str, *, api_url: str | None = None) -> None:
        """Give the leg another URL, which Twilio asks at once.

        https://www.twilio.com/docs/voice/api/call-resource#update-a-call-resource
        """
        with sdk.translated():
            self._rest.calls(leg_ref).update(url=twiml.absolute(url), method="POST")

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """Fetch the Call resource.

        Twilio keeps it for good, so an unknown sid is not this account's.
        """
        try:
            with sdk.translated():
                call = self._rest.calls(leg_ref).fetch()
        except CarrierError as error:
            if error.gone:
                return None
            raise
        if not call.sid or not call.status:
            raise CarrierError("Twilio's answer is not about a call", permanent=False)
        return _state(call)

    def find_placed(self, to: str, from_: str, window: Window) -> Sequence[LegState]:
        """List the calls between two parties, newest first.

        ``StartTime`` would hide calls that still ring, so the time is compared here.
        https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
        """
        with sdk.translated():
            listed = self._rest.calls.list(to=to, from_=from_, limit=LISTED, page_size=LISTED)
        if len(listed) == LISTED and not _is_before(listed[-1], window):
            raise CarrierError("Twilio: too many calls between the two parties", permanent=False)
        return [_state(call) for call in listed if _is_placed(call, window)]

    def can_record(self) -> bool:
        """Always true: the auth token that verifies webhooks is valid for the API too."""
        return True

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Record the caller on the first channel, and what the caller hears on the second.

        https://www.twilio.com/docs/voice/api/recording#create-a-recording-resource
        """
        with sdk.translated():
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
        """Stop the recording.

        The ``completed`` callback comes as for one that lasted to the leg's end.
        """
        with sdk.translated():
            self._rest.calls(leg_ref).recordings(ref).update(status="stopped")

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """Download from our own account's address, never from the webhook's ``url``.

        https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file
        """
        if not RECORDING_SID.fullmatch(ref):
            raise CarrierError(f"Twilio has no recording {ref!r}", permanent=True)
        base = (self._account.api_url or API_URL).rstrip("/")
        path = f"/2010-04-01/Accounts/{self._account.ref}/Recordings/{ref}.wav"
        pair = ":".join(sdk.login(self._account))
        headers = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        download.save(
            f"{base}{path}?RequestedChannels=2",
            headers,
            file,
            limit=limit,
            timeout=self._timeout,
            trusted=_is_twilios,
        )

    def press_keys(self, leg_ref: str, keys: str, *, api_url: str | None = None) -> bool:
        """Return False: Twilio's API presses no keys in a call whose media are streamed.

        https://www.twilio.com/docs/voice/media-streams/websocket-messages
        """
        return False

    def send_text(self, to: str, from_: str, text: str) -> str:
        """Send a message.

        https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
        """
        with sdk.translated():
            made = self._rest.messages.create(to=to, from_=from_, body=text)
        if not made.sid:
            raise CarrierError("Twilio accepted the message and gave it no sid", permanent=False)
        return str(made.sid)

    def check(self) -> str:
        """The account's name and status."""
        with sdk.translated():
            found = self._rest.api.v2010.accounts(self._account.ref).fetch()
        return f"Twilio account {found.friendly_name} ({found.status})"

    def number(self, number: str) -> Sequence[NumberSetting]:
        """The number's settings.

        https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
        """
        with sdk.translated():
            found = self._rest.incoming_phone_numbers.list(phone_number=number, limit=1)
        if not found:
            raise CarrierError(f"no number {number} in this account", permanent=True, gone=True)
        return number_settings.settings(found[0])

    @cached_property
    def _rest(self) -> Rest:
        return sdk.client(self._account, self._account.api_url or API_URL, self._timeout)


def _state(call: Any) -> LegState:
    names = ((name, SDK_NAMES.get(name, name)) for name in leg_state.RESOURCE_FIELDS)
    resource = {name: getattr(call, attribute) for name, attribute in names}
    return leg_state.state(resource, datetime.now(UTC))


def _is_before(call: Any, window: Window) -> bool:
    return isinstance(call.date_created, datetime) and call.date_created < window.after


def _is_placed(call: Any, window: Window) -> bool:
    """Whether the API created this call in this time."""
    created = call.date_created
    in_time = isinstance(created, datetime) and window.after <= created <= window.before
    return bool(call.sid and call.status and call.direction == "outbound-api" and in_time)


def _is_twilios(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(MEDIA_HOST.fullmatch(parts.netloc))
