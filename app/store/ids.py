"""Makes the ids of objects: UUIDs of version 7, which begin with the time.

So new rows stand beside each other at the end of an index. Random ones would change a page of it
each. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
"""

from __future__ import annotations

import os
import threading
import time

VERSION_7, VARIANT = 0x7 << 76, 0b10 << 62
_MILLISECOND = 1_000_000  # nanoseconds
_RANDOM = (1 << 62) - 1

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """An id greater than every id this process has made before.

    48 bits are the milliseconds since 1970, 12 their fraction, and 62 are random. The fraction
    counts on where the clock stands still or goes back.
    https://www.rfc-editor.org/rfc/rfc9562#name-monotonicity-and-counters
    """
    global _last
    milliseconds, rest = divmod(time.time_ns(), _MILLISECOND)
    stamp = milliseconds << 12 | (rest << 12) // _MILLISECOND
    with _lock:
        _last = stamp = max(stamp, _last + 1)
    number = (stamp >> 12) << 80 | VERSION_7 | (stamp & 0xFFF) << 64 | VARIANT
    text = f"{number | int.from_bytes(os.urandom(8)) & _RANDOM:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
