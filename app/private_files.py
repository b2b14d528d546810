"""Files that only this program's user may read: made so, and made so later where they were not.

Nothing here opens a file that exists. SQLite's locks on one would be lost with our descriptor.
https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
"""Of the server and of every command."""
OTHERS = 0o077
"""The bits of a mode that let another user in."""


def make_directory(path: Path) -> None:
    """Make a directory, and its missing parents, for this user alone."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file, unless it exists. Processes and threads may race."""
    if path.exists():
        return
    mine = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    os.close(os.open(mine, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with suppress(FileExistsError):
            os.link(mine, path)  # closed before anyone can open it
    finally:
        mine.unlink()


def tighten(path: Path) -> None:
    """Take a file's permissions away from all other users. Another user's file stays as it is."""
    with suppress(OSError):
        if path.stat().st_mode & OTHERS:
            path.chmod(0o600)


def open_to_others(path: Path) -> bool:
    """Whether another user of this machine may read or list it."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & OTHERS)
    except OSError:
        return False
