"""The vendor's voice that speaks in place of one of Vapi's own. Pure.

The operator's table is asked first (``VAPI_VOICES``), then the vendors of ``SIMILAR_VOICES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pkgutil import resolve_name
from typing import TypeAlias

from app.vendors import registry, vapi
from app.vendors.common.similar_voice import Similar, Wish
from app.vendors.common.vendor import Config

# A name of Vapi's in lower case, or ``ANY`` -> a vendor's ``voice``.
Table: TypeAlias = Mapping[str, Config]

ANY = "*"
NO_TABLE: Table = {}


def is_spoken_by_others(config: Config) -> bool:
    part = registry.tts_parts().get(str(config.get("provider")))
    return part is not None and part.spoken_by_others


def spoken_by(
    config: Config, can_speak: Callable[[Config], bool], table: Table = NO_TABLE
) -> Config | None:
    """The first similar voice that can speak; None: only the embedded one can.

    A voice of the operator's table is the only one asked.
    """
    asked = _of_table(config, table) or _of_vendors(config)
    return next(filter(can_speak, asked), None)


def last_resort(config: Config) -> Config:
    """The embedded voice, which can always speak."""
    return _function(registry.EMBEDDED)(_wish(config)) or {"provider": registry.EMBEDDED}


def told(config: Config, table: Table = NO_TABLE) -> str | None:
    """What to say of a voice of Vapi's that is not known; None: it is known."""
    name = str(config.get("voiceId") or "")
    if name.lower() in vapi.SOUNDS or _of_table(config, table):
        return None
    return f"Vapi's voice {name[:80]!r} is not known here: choose one for it in VAPI_VOICES"


def _of_table(config: Config, table: Table) -> list[Config]:
    chosen = table.get(str(config.get("voiceId") or "").lower()) or table.get(ANY)
    return [_as_chosen(chosen, _wish(config))] if chosen else []


def _as_chosen(chosen: Config, wish: Wish) -> Config:
    """The operator's voice, in the language and at the speed that the assistant wishes."""
    part = registry.tts_parts()[chosen["provider"]]
    if part.similar:
        wish = replace(wish, voice_id=chosen.get("voiceId"))
        return _function(chosen["provider"])(wish) or chosen
    return {**chosen, **({"speed": wish.speed} if wish.speed and "speed" in part.fields else {})}


def _of_vendors(config: Config) -> Iterator[Config]:
    wish = _wish(config)
    found = (_function(name)(wish) for name in registry.SIMILAR_VOICES)
    return (voice for voice in found if voice)


def _function(vendor: str) -> Similar:
    found: Similar = resolve_name(str(registry.tts_parts()[vendor].similar))
    return found


def _wish(config: Config) -> Wish:
    name = str(config.get("voiceId") or "").lower()
    return Wish(
        vapi.SOUNDS.get(name, vapi.UNKNOWN),
        config.get("language") or None,
        config.get("speed") or None,
    )
