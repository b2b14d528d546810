"""Whether a text is a URL that a carrier can fetch a sound from.

The carriers' own writers refuse what has no host, or a character that no URL has. They do so in a
call, so a URL is judged before.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 1000

_URL = re.compile(
    r"https?://([!-.0-~]+@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?([/?#][!-~]*)?", re.ASCII
)


def is_web_url(text: str) -> bool:
    """Whether it is a whole URL of http or https, with a host, in the characters of URLs."""
    return len(text) <= MOST_CHARACTERS and bool(_URL.fullmatch(text))
