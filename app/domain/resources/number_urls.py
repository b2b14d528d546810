"""Our URLs that an operator enters at a carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.base.carrier import Carrier
from providers.base.webhook import HookKind

TOLD = {
    HookKind.ARRIVE: ("answer URL", "incoming calls, or your flow"),
    HookKind.STATUS: ("event URL", "call status"),
    HookKind.FALLBACK: ("fallback URL", "when the answer URL fails"),
}
"""What an operator enters, and when it is called."""
WITH_ASSISTANT = {HookKind.ARRIVE, HookKind.FALLBACK}
"""The URLs that may name the assistant."""


def path_of(carrier: Carrier, kind: HookKind) -> str | None:
    """Our URL of this kind that identifies a call by its leg, not by a token."""
    plain = (hook.path for hook in carrier.hooks if hook.kind is kind and "<" not in hook.path)
    return next(plain, None)


@dataclass(frozen=True, slots=True)
class OurUrl:
    """``field``: its name in the carrier's console, or ours where that is not known."""

    kind: HookKind
    field: str
    when: str
    url: str


def of_number(carrier: Carrier, base: str, assistant_id: str | None) -> list[OurUrl]:
    """Our URLs. A number without an assistant must name one in its URLs."""
    found = []
    for kind, (name, when) in TOLD.items():
        path = path_of(carrier, kind)
        if path is not None:
            query = "?assistantId=ID" if kind in WITH_ASSISTANT and not assistant_id else ""
            field = carrier.console_fields.get(kind, name.capitalize())
            found.append(OurUrl(kind, field, when, f"{base}{path}{query}"))
    return found


def urls(carrier: Carrier, base: str, assistant_id: str | None) -> Iterator[tuple[str, str]]:
    """Name and URL of each, for a line."""
    for each in of_number(carrier, base, assistant_id):
        yield f"{TOLD[each.kind][0]} ({each.when})", each.url
