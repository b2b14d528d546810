"""The directory in which gunicorn's workers keep their histograms, so that each can show the sum.

A worker that ended is still counted: a counter must not fall. Imported by gunicorn's master, which
loads no metrics library. https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported, which is in the workers."""

log = logging.getLogger("gunicorn.error")


def share() -> None:
    """Make a new directory for the workers of this master, which removes it at its end.

    Never that of another start: its counts would be added to ours.
    """
    os.environ.pop(VARIABLE, None)
    try:
        directory = tempfile.mkdtemp(prefix="patchbay-metrics-")
    except OSError as error:
        log.warning("each worker shows its own histograms only (TMPDIR): %s", error)
        return
    os.environ[VARIABLE] = directory
    atexit.register(_remove, directory, os.getpid())


def _remove(directory: str, owner: int) -> None:
    """Workers inherit this at their fork, and must not do it."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
