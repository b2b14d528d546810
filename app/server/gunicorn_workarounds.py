"""Where we reach into gunicorn's master, each place with its reason.

Written for gunicorn 27, the locked version. ``tests/server/test_gunicorn_workarounds.py`` has a
test for each that fails once gunicorn makes it needless.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from app.environment import SettingsError, drain_seconds

# What a worker may take beside DRAIN_SECONDS, to end the last calls and to answer requests.
CLOSING_SECONDS = 20.0
# Two TERMs within this time are one: some hosts signal the process group and the process itself.
SAME_ORDER_SECONDS = 1.0

Signalled = Callable[[int, FrameType | None], Any]


def wait_for_calls(handle: Signalled, config: Callable[[], Any]) -> Signalled:
    """Wrap the master's handler of TERM, which would kill its workers 30 s after it.

    Gunicorn has one ``graceful_timeout`` for the stop and for the restart of a HUP, whose old
    workers it awaits. So the setting is raised at the TERM only. ``config``: the master's
    configuration, which a HUP replaces.
    https://github.com/benoitc/gunicorn/issues/3385
    """

    def handler(number: int, frame: FrameType | None) -> None:
        with suppress(SettingsError):  # a faulty setting: there is no worker then
            most = math.ceil(drain_seconds() + CLOSING_SECONDS)
            gunicorn = config()
            gunicorn.set("graceful_timeout", max(gunicorn.graceful_timeout, most))
        handle(number, frame)

    return handler


def second_is_quit(handle: Signalled) -> Signalled:
    """Wrap the handler of TERM so that later ones act as QUIT.

    Gunicorn ignores a second TERM. To end the wait, an operator would have to kill the workers.
    Their calls would end without a word to the carriers. No issue of gunicorn's was
    found. https://docs.gunicorn.org/en/stable/signals.html
    """
    first = list[float]()

    def handler(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        again = bool(first) and now - first[0] > SAME_ORDER_SECONDS
        first.append(now)
        handle(signal.SIGQUIT if again else number, frame)

    return handler
