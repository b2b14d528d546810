"""A simulated recording of a Twilio call.

https://www.twilio.com/docs/voice/api/recording
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import uuid4

from providers.common.json_types import JsonDict


@dataclass
class Recording:
    """Runs until it is stopped or its call ends, and then can be fetched."""

    account_sid: str
    call_sid: str
    callback: Callable[[Mapping[str, str]], None] | None
    """Called with the report of the complete recording; None: the end is not reported."""
    sid: str = field(default_factory=lambda: f"RE{uuid4().hex}")

    def __post_init__(self) -> None:
        self.began = datetime.now(UTC)
        self.over = False
        self._lock = threading.Lock()

    def complete(self) -> None:
        """End the recording. The first end counts, and it is reported once."""
        with self._lock:
            if self.over:
                return
            self.over = True
        if self.callback is not None:
            self.callback(self._report())

    def resource(self) -> JsonDict:
        """The recording as the API shows it."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "channels": 2,
            "status": "completed" if self.over else "in-progress",
            "source": "StartCallRecordingAPI",
            "track": "both",
        }

    def _report(self) -> dict[str, str]:
        path = f"/2010-04-01/Accounts/{self.account_sid}/Recordings/{self.sid}"
        return {
            "AccountSid": self.account_sid,
            "CallSid": self.call_sid,
            "RecordingSid": self.sid,
            "RecordingUrl": f"https://api.twilio.com{path}",
            "RecordingStatus": "completed",
            "RecordingDuration": "1",
            "RecordingChannels": "2",
            "RecordingStartTime": format_datetime(self.began),
            "RecordingSource": "StartCallRecordingAPI",
            "RecordingTrack": "both",
        }
