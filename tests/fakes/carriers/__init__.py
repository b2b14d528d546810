"""A fake per carrier, by the carrier's name: another carrier joins the tests with a line here."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE

FAKES: Mapping[str, CarrierFake] = {fake.name: fake for fake in (TWILIO, VONAGE)}
