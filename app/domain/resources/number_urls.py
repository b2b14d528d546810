"""Our URLs that an operator enters at a carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.base.carrier import Carrier
from providers.base.webhook import HookKind

NAMES = {
    HookKind.ARRIVE: "answer URL (incoming calls, or your flow)",
    HookKind.STATUS: "event URL (call status)",
    HookKind.FALLBACK: "fallback URL (when the answer URL fails)",
}
"""What each is called in a console."""
WITH_ASSISTANT = {HookKind.ARRIVE, HookKind.FALLBACK}
"""The URLs that may name the assistant."""


def path_of(carrier: Carrier, kind: HookKind) -> str | None:
    """Our URL of this kind that identifies a call by its leg, not by a token."""
    plain = (hook.path for hook in carrier.hooks if hook.kind is kind and "<" not in hook.path)
    return next(plain, None)


@dataclass(frozen=True, slots=True)
class OurUrl:
    """``field``: its name in the carrier's console; empty: not known."""

    kind: HookKind
    field: str
    meaning: str
    url: str


def of_number(carrier: Carrier, base: str, assistant_id: str | None) -> list[OurUrl]:
    """Our URLs with the carrier's own names of their fields."""
    return [
        OurUrl(kind, carrier.console_fields.get(kind, ""), name, url)
        for kind, name in NAMES.items()
        for told, url in urls(carrier, base, assistant_id)
        if told == name
    ]


def urls(carrier: Carrier, base: str, assistant_id: str | None) -> Iterator[tuple[str, str]]:
    """Name and URL of each. A number without an assistant must name one in its URLs."""
    for kind, name in NAMES.items():
        path = path_of(carrier, kind)
        if path is not None:
            query = "?assistantId=ID" if kind in WITH_ASSISTANT and not assistant_id else ""
            yield name, f"{base}{path}{query}"
