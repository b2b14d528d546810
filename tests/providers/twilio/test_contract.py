"""Twilio does what every carrier must."""

from __future__ import annotations

from providers.testing.contract import ProviderContract
from tests.providers.twilio.case import TwilioCase


class TestTwilioContract(ProviderContract):
    case = TwilioCase()
