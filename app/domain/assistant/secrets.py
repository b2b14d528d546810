"""Secrets in a client's body: taken out before it is stored, and merged into an update."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.common import foreign_json, json_text
from providers.common.json_types import JsonDict, JsonObject

SECRETS = (
    ("serverUrlSecret",),
    ("server", "secret"),
    ("server", "headers"),
    ("transport", "headers"),
    ("model", "headers"),
    ("tools", "headers"),
    ("tools:append", "headers"),
    ("tool", "headers"),  # of a hook's action
    ("assistant", "credentials"),
    ("assistantOverrides", "credentials"),
    ("membersOverrides", "credentials"),
    ("squadOverrides", "credentials"),
    ("transferAssistant", "credentials"),
)
"""Fields, alone or in an object of that name, that are stored encrypted and never shown."""
_MARK = re.compile(f'"(?:{"|".join(sorted({each[-1] for each in SECRETS}))})"')
HIDDEN = "…"


def split_secrets(body: JsonObject, holder: str = "") -> tuple[JsonDict, JsonDict]:
    """Split a body into the body without its secrets, and the secrets. ``merge`` joins them.

    Tools have servers too, so secrets are looked for at every depth. ``holder``: the name of the
    field that would hold the body in an assistant.
    """
    public, secret = _split(body, holder)
    if "credentials" in public:  # Vapi's dynamic credentials: API keys of other vendors
        secret["credentials"] = public.pop("credentials")
    return public, secret


def without_secrets(reply: Any) -> Any:
    """A server's JSON as it may be shown. It may be an assistant, or hold one."""
    if isinstance(reply, Mapping):
        return split_secrets(reply)[0]
    return _split_any(reply, "")[0]


def text_without_secrets(reply: str) -> str:
    """The same of a text. Where it is no JSON, or cut, what follows a secret's name is left out."""
    found = _MARK.search(reply)
    if found is None:
        return reply
    try:
        return json_text.dumps(without_secrets(foreign_json.parse(reply)))
    except ValueError:
        return reply[: found.start()] + HIDDEN


def _split(value: JsonObject, holder: str) -> tuple[JsonDict, JsonDict]:
    """``holder``: the name of the field that holds this object."""
    public: JsonDict = {}
    secret: JsonDict = {}
    for name, inner in value.items():
        if _is_secret(holder, name):
            secret[name] = inner
            continue
        public[name], below = _split_any(inner, name)
        if below:
            secret[name] = below
    return public, secret


def _split_any(value: Any, holder: str) -> tuple[Any, JsonDict]:
    if isinstance(value, Mapping):
        return _split(value, holder)
    if not isinstance(value, list):
        return value, {}
    parts = [_split_any(item, holder) for item in value]
    return [part for part, _ in parts], {f"#{n}": s for n, (_, s) in enumerate(parts) if s}


def with_secrets(old: Any, new: Any, holder: str = "") -> Any:
    """``new``, with the secrets of ``old`` where ``new`` leaves them out.

    A list's item gets a secret only if it still has the same server. One that has moved, because
    another was added or removed, gets its own.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        kept = {n: v for n, v in old.items() if n not in new and _is_secret(holder, n)}
        given = {
            name: value if _is_secret(holder, name) else with_secrets(old.get(name), value, name)
            for name, value in new.items()
        }
        return {**kept, **given}
    if isinstance(old, list) and isinstance(new, list):
        return [
            with_secrets(o, n, holder) for o, n in zip(_counterparts(old, new), new, strict=True)
        ]
    return new


def _counterparts(old: list[Any], new: list[Any]) -> list[Any]:
    """The old item of each new one; None: it has none. No old item counts twice.

    First the one in the same place, then one that has moved, then one that was renamed.
    """
    left, found = dict(enumerate(old)), dict[int, Any]()
    for alike, in_place in ((_mark, True), (_mark, False), (_server, True)):
        for place, item in enumerate(new):
            if place in found:
                continue
            places = [place] if in_place else list(left)
            same = (at for at in places if at in left and alike(left[at]) == alike(item))
            if (at := next(same, None)) is not None:
                found[place] = left.pop(at)
    return [found.get(place) for place in range(len(new))]


def _mark(item: Any) -> Any:
    """What an item keeps where it moves: its servers, its type and its name."""
    if not isinstance(item, Mapping):
        return None
    function = item.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    return _server(item), item.get("url"), item.get("type"), item.get("name"), name


def _is_secret(holder: str, name: str) -> bool:
    return (name,) in SECRETS or (holder, name) in SECRETS


def _server(item: Any) -> Any:
    """What an item keeps that is renamed: its server, or the assistant of a squad's member."""
    if not isinstance(item, Mapping):
        return None
    server, assistant = item.get("server"), item.get("assistant")
    return (
        server.get("url") if isinstance(server, Mapping) else None,
        item.get("assistantId"),
        assistant.get("name") if isinstance(assistant, Mapping) else None,
    )
