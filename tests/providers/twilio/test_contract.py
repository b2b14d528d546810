"""Twilio does what every carrier must."""

from __future__ import annotations

from tests.providers.contract import ProviderContract
from tests.providers.twilio.case import TwilioCase


class TestTwilioContract(ProviderContract):
    case = TwilioCase()
