"""The end of a process whose database is damaged."""

from __future__ import annotations

import os
import threading
import time

from app.jobs.foreground import Foreground
from app.server.wsgi_bridge import CLIENT_SECONDS

LEAVE_SECONDS = 1.0
"""From the damage to the end at the earliest."""
SENDING_SECONDS = 0.1
"""For the last answer, after the last request."""


def leave(foreground: Foreground) -> None:
    """End this process soon, without the end of anything that is open: a thread awaits the moment.

    What was asked by then is answered; the store refuses it at once. The server's first process
    begins another one.
    """

    def run() -> None:
        time.sleep(LEAVE_SECONDS)
        foreground.wait_until_idle(CLIENT_SECONDS)
        time.sleep(SENDING_SECONDS)
        os._exit(1)

    try:
        threading.Thread(target=run, name="leave", daemon=True).start()
    except RuntimeError:  # the system has no thread, and this is asked once
        os._exit(1)
