"""A simulated recording of a Twilio call.

https://www.twilio.com/docs/voice/api/recording
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from providers.twilio.simulator.call import StatusCallback, TwilioCall


@dataclass
class Recording:
    """Runs until it is stopped or its call ends, and then can be fetched."""

    call: TwilioCall
    callback: StatusCallback | None
    sid: str = field(default_factory=lambda: f"RE{uuid4().hex}")

    def __post_init__(self) -> None:
        self.began = datetime.now(UTC)
        self.over = False
        self._lock = threading.Lock()

    def complete(self) -> None:
        """The first end counts; it is reported once."""
        with self._lock:
            if self.over:
                return
            self.over = True
        if self.callback is not None and "completed" in self.callback.events:
            self.call.post(self.callback.method, self.callback.url, self._report(), "recording")

    def resource(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "sid": self.sid,
            "account_sid": self.call.stage.config.account_sid,
            "call_sid": self.call.sid,
            "channels": 2,
            "status": "completed" if self.over else "in-progress",
            "source": "StartCallRecordingAPI",
            "track": "both",
        }

    def _report(self) -> dict[str, str]:
        account = self.call.stage.config.account_sid
        path = f"/2010-04-01/Accounts/{account}/Recordings/{self.sid}"
        return {
            "AccountSid": account,
            "CallSid": self.call.sid,
            "RecordingSid": self.sid,
            "RecordingUrl": f"https://api.twilio.com{path}",
            "RecordingStatus": "completed",
            "RecordingDuration": "1",
            "RecordingChannels": "2",
            "RecordingStartTime": format_datetime(self.began),
            "RecordingSource": "StartCallRecordingAPI",
            "RecordingTrack": "both",
        }
