"""The operator's accounts at vendors, and the parts that stand in for missing ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.environment import SettingsError
from app.settings.checked import CheckedReader
from app.vendors import registry
from app.vendors.common.account import MODELS_DIR
from app.vendors.common.vendor import Vendor


@dataclass(frozen=True)
class VendorSettings:
    """The operator's account at one vendor of models, voices or transcribers."""

    provider: str
    key: str | None = field(default=None, repr=False)
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)


class VendorReader(CheckedReader):
    """Reads them."""

    def vendors(self) -> tuple[VendorSettings, ...]:
        found = (self.vendor(vendor) for vendor in registry.with_account().values())
        return (*(vendor for vendor in found if vendor.key or vendor.url), *self.local_programs())

    def vendor(self, vendor: Vendor) -> VendorSettings:
        key = self.header(vendor.key_variable)
        url = self.url(vendor.url_variable, None, vendor.form.schemes)
        if url and (problem := vendor.form.problem(url)):
            raise SettingsError(f"{vendor.url_variable} {problem}; it is {url!r}")
        if vendor.key_needs_url and key and not url:
            raise SettingsError(f"{vendor.url_variable} must be set beside {vendor.key_variable}")
        given = {field: self.header_text(name) for field, name in vendor.extra_variables.items()}
        extra = {field: value for field, value in given.items() if value}
        problem = vendor.region_problem(url, extra.get("region")) if key else None
        if problem:
            raise SettingsError(f"{vendor.extra_variables['region']} {problem}")
        return VendorSettings(vendor.name, key, url, extra)

    def local_programs(self) -> tuple[VendorSettings, ...]:
        """The programs of this machine, where they are told which models they have."""
        text = self.text("LOCAL_MODELS_DIR")
        if text is None:
            return ()
        path = Path(text).resolve()
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            kinds = " and ".join(f"{name}/" for name in registry.local_programs())
            raise SettingsError(
                f"LOCAL_MODELS_DIR must be a directory that may be read, with {kinds} in it; "
                f"it is {text!r}"
            )
        extra = {MODELS_DIR: str(path)}
        return tuple(VendorSettings(name, extra=extra) for name in registry.local_programs())

    def fallback_voice(self) -> Mapping[str, str] | None:
        value = self.text("FALLBACK_VOICE")
        return self.voice("FALLBACK_VOICE", value) if value else None

    def fallback_transcriber(self) -> Mapping[str, str] | None:
        """``provider`` or ``provider:model``."""
        value = self.text("FALLBACK_TRANSCRIBER")
        known = registry.fallback_transcribers()
        found = _named_model(value)
        part = known.get(found["provider"])
        if value and (part is None or ("model" in found and "model" not in part.fields)):
            example = registry.FALLBACK_TRANSCRIBER_EXAMPLE
            raise SettingsError(_no_fallback("FALLBACK_TRANSCRIBER", value, example, known))
        return found if value else None

    def fallback_model(self) -> Mapping[str, str] | None:
        """``provider:model``. A provider with a default needs no model."""
        value = self.text("FALLBACK_MODEL")
        known = registry.fallback_models()
        found = _named_model(value)
        part = known.get(found["provider"])
        if value and (part is None or ("model" not in found and part.model is None)):
            example = registry.FALLBACK_MODEL_EXAMPLE
            raise SettingsError(_no_fallback("FALLBACK_MODEL", value, example, known))
        return found if value else None

    def vapi_voices(self) -> Mapping[str, Mapping[str, str]]:
        """``Elliot=provider:voiceId``, each name once, in any case."""
        found = dict[str, Mapping[str, str]]()
        for word in self.words("VAPI_VOICES"):
            name, equals, value = (each.strip() for each in word.partition("="))
            if not name or not equals or name.lower() in found:
                raise SettingsError(
                    "VAPI_VOICES must list Vapi's names, each once, with the voice that speaks: "
                    f"Elliot={registry.FALLBACK_EXAMPLE},*=embedded; it has {word!r}"
                )
            found[name.lower()] = self.voice("VAPI_VOICES", value)
        return found

    def voice(self, variable: str, value: str) -> Mapping[str, str]:
        """``provider:voiceId``. A provider without accounts needs no ``voiceId``."""
        given, _, voice = value.partition(":")
        provider, known = registry.name_of(given), registry.fallback_voices()
        if provider not in known or not (voice or known[provider].speaks_by_itself):
            raise SettingsError(
                f"{variable} must have provider:voiceId, such as "
                f"{registry.FALLBACK_EXAMPLE}, or embedded, with a "
                f"provider of {', '.join(known)}; it has {value!r}"
            )
        return {"provider": provider, **({"voiceId": voice} if voice else {})}


def _named_model(value: str | None) -> dict[str, str]:
    """``provider:model`` as an assistant has it."""
    provider, _, model = (value or "").partition(":")
    return {"provider": provider, **({"model": model} if model else {})}


def _no_fallback(name: str, value: str, example: str, known: Collection[str]) -> str:
    return (
        f"{name} must be provider:model, such as {example}, with a provider of "
        f"{', '.join(known)}; it is {value!r}"
    )
