"""How many connections the limit of file descriptors leaves room for.

At that limit nothing works any more: no accept, no database, no file. So connections get half. The
other half is for what they cause: requests to vendors and carriers, files, the database.
"""

from __future__ import annotations

import logging
import resource
from contextlib import suppress

ENOUGH = 65_536
"""Descriptors beyond which more are of no use."""
OWN = 64
"""What a process holds before its first connection, generously."""
LOW = 512
"""Descriptors below which the start warns."""

log = logging.getLogger(__name__)


def raise_limit() -> int:
    """Raise the soft limit towards the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return ENOUGH
    if soft < LOW:
        log.warning(
            "only %d file descriptors are allowed, for %d connections: raise the limit (ulimit -n, "
            "LimitNOFILE)",
            soft,
            room(soft),
        )
    return soft


def room(limit: int) -> int:
    """Connections that fit under a limit of descriptors."""
    return max(16, (limit - OWN) // 2)
