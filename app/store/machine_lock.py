"""A lock among the processes of one machine, which the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def machine_lock(path: str) -> Iterator[bool]:
    """Hold the file's lock within the block, or do without it: whether it was free."""
    with Path(path).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
