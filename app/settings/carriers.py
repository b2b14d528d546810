"""The accounts of the carriers: a row of ``Carrier.settings`` for each variable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from app.environment import SettingsError
from app.settings.checked import CheckedReader
from providers.base.carrier import Carrier
from providers.base.setting import API_URL, NUMBER, SIP_DOMAIN, Setting, SettingKind
from providers.common.e164 import EITHER
from providers.common.json_types import JsonObject
from providers.errors import NotConfigured
from providers.registry import PROVIDERS

HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True)
class CarrierSettings:
    """The default organisation's account at one carrier, from the environment."""

    provider: str
    credential: JsonObject = field(repr=False)
    """The body for ``Carrier.config.credential``."""
    number: str | None = None
    api_url: str | None = None
    sip_domain: str | None = None
    """The domain of SIP calls that may join a web call."""


class CarrierReader(CheckedReader):
    """Reads them."""

    def carriers(self) -> tuple[CarrierSettings, ...]:
        found = (self.carrier(carrier) for carrier in PROVIDERS.values())
        return tuple(each for each in found if each is not None)

    def carrier(self, carrier: Carrier) -> CarrierSettings | None:
        """The default account at a carrier; None when neither account nor number is set."""
        needed = {s: self.value_of(s) for s in carrier.settings if s.required}
        number = next((self.text(s.variable) for s in carrier.settings if s.field == NUMBER), None)
        domain = next((s.variable for s in carrier.settings if s.field == SIP_DOMAIN), "")
        if not (number or any(needed.values()) or self.text(domain)):
            return None
        missing = [setting.variable for setting, value in needed.items() if not value]
        if missing:
            raise SettingsError(
                f"{missing[0]} is not set, but others of this carrier are: set it, or unset them"
            )
        values = {s.field: self.value_of(s) for s in carrier.settings}
        body = {name: value for name, value in values.items() if value}
        body.pop(NUMBER, None)
        api_url, sip_domain = body.pop(API_URL, None), body.pop(SIP_DOMAIN, None)
        _check_account(carrier, body)
        _check_number(carrier, number)
        return CarrierSettings(carrier.name, body, number, api_url, sip_domain)

    def value_of(self, setting: Setting) -> Any:
        """The value of a carrier's variable, read by its kind."""
        match setting.kind:
            case SettingKind.TEXT:
                return self.text(setting.variable)
            case SettingKind.SECRET:
                return self.secret(setting.variable)
            case SettingKind.LIST:
                return list(self.words_secret(setting.variable))
            case SettingKind.PEM:
                return (self.secret(setting.variable) or "").replace("\\n", "\n")
            case SettingKind.HOST:
                return self.host(setting.variable)
            case SettingKind.URL:
                return self.url(setting.variable, None, ("http", "https"))

    def host(self, name: str) -> str | None:
        host = (self.text(name) or "").lower()
        if host and not HOST.fullmatch(host):
            raise SettingsError(f"{name} must be the name of a host; it is {host!r}")
        return host or None


def _check_account(carrier: Carrier, body: JsonObject) -> None:
    """Raise the carrier's own sentence about its account, with the variable in front."""
    try:
        ref, _, secrets = carrier.config.credential(body)
        carrier.config.account(ref, secrets)
    except NotConfigured as error:
        raise SettingsError(f"{_variable(carrier, str(error))}: {error}") from error


def _variable(carrier: Carrier, sentence: str) -> str:
    """The variable of the field that a sentence names: ``applicationId`` of ``vonageApplicationId``."""
    for word in re.findall(r"[a-z]+[A-Z]\w*", sentence):
        for setting in carrier.settings:
            if setting.field.lower().endswith(word.lower()):
                return setting.variable
    return ", ".join(setting.variable for setting in carrier.settings if setting.required)


def _check_number(carrier: Carrier, number: str | None) -> None:
    if number and not EITHER.fullmatch(number):
        variable = next(s.variable for s in carrier.settings if s.field == NUMBER)
        raise SettingsError(
            f"{variable} must be a phone number like +14155550100 (E.164); it is {number!r}"
        )
