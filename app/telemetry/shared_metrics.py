"""The directory in which gunicorn's workers keep their histograms, so that each can show the sum.

An ended worker still counts, because a counter must not fall. Gunicorn's master imports this file,
and loads no metrics library. https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import atexit
import logging
import os

from app.temporary import Temporary

# prometheus_client reads it when it is imported, which is in the workers.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

log = logging.getLogger("gunicorn.error")


def share() -> None:
    """Make a new directory for the workers of this master, which removes it at its end.

    A directory of an earlier start would add its counts to ours.
    """
    os.environ.pop(VARIABLE, None)
    try:
        made = Temporary("metrics")
    except OSError as error:
        log.warning("each worker shows its own histograms only (TMPDIR): %s", error)
        return
    os.environ[VARIABLE] = str(made.path)
    atexit.register(_remove, made, os.getpid())


def _remove(made: Temporary, owner: int) -> None:
    """Remove the directory in the master only. Workers inherit this function at their fork."""
    if os.getpid() == owner:
        made.remove()
