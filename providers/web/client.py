"""The API of a carrier that is none: it cannot dial, record or send texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from providers.base.rest import (
    Account,
    LegState,
    NumberSetting,
    OutboundCall,
    PlacedCall,
    Window,
)
from providers.errors import NotConfigured

NO_PHONE = "a call from a browser has no carrier"


class WebClient:
    """Every request is refused with the same sentence, and none is sent."""

    def __init__(self, account: Account, *, timeout: float = 10.0) -> None:
        self.account = account

    def prepare(self, order: OutboundCall) -> None:
        raise NotConfigured(NO_PHONE)

    def dial(self, order: OutboundCall) -> PlacedCall:
        raise NotConfigured(NO_PHONE)

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        raise NotConfigured(NO_PHONE)

    def can_redirect(self) -> bool:
        return False

    def redirect(self, leg_ref: str, url: str, *, api_url: str | None = None) -> None:
        raise NotConfigured(NO_PHONE)

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        raise NotConfigured(NO_PHONE)

    def find_placed(self, to: str, from_: str, window: Window) -> Sequence[LegState]:
        raise NotConfigured(NO_PHONE)

    def can_record(self) -> bool:
        return False

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        raise NotConfigured(NO_PHONE)

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        raise NotConfigured(NO_PHONE)

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        raise NotConfigured(NO_PHONE)

    def press_keys(self, leg_ref: str, keys: str, *, api_url: str | None = None) -> bool:
        return False

    def send_text(self, to: str, from_: str, text: str) -> str:
        raise NotConfigured(NO_PHONE)

    def check(self) -> str:
        raise NotConfigured(NO_PHONE)

    def number(self, number: str) -> Sequence[NumberSetting]:
        raise NotConfigured(NO_PHONE)
