"""A logger whose lines name the call that they are about, wherever in its task they are written.

The media session names the call once. Tasks and threads that it begins inherit the name.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple

BEGIN = "call "
"""A line that begins so names its call by itself."""


class CallIds(NamedTuple):
    """Our id of a call, and its carrier's."""

    call_id: str
    carrier_id: str | None = None


_current: ContextVar[CallIds | None] = ContextVar("call", default=None)


def name_call(ids: CallIds) -> None:
    """Name the call of the current task, and of all that it begins."""
    _current.set(ids)


def current_call() -> CallIds | None:
    """The call of the current task; None outside a call."""
    return _current.get()


class CallLog(logging.LoggerAdapter[logging.Logger]):
    """Adds the ids of the task's call to each line. Outside a call a line stays as it is."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        ids = _current.get()
        if ids is None:
            return msg, kwargs
        found = {"callId": ids.call_id, "phoneCallProviderId": ids.carrier_id}
        extra = {**found, **(kwargs.get("extra") or {})}
        if str(msg).startswith(BEGIN):
            return msg, {**kwargs, "extra": extra}
        name = f"call {ids.call_id} ({ids.carrier_id}): ".replace("%", "_")  # it is a template
        return f"{name}{msg}", {**kwargs, "extra": extra}


def call_log(name: str) -> CallLog:
    """The logger of a module that works for one call at a time."""
    return CallLog(logging.getLogger(name), {})
