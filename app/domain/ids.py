"""The forms of object ids; ``app/store/ids.py`` makes them."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def parse_uuid(text: str) -> str | None:
    """The id in lower case, as the store writes it; None: the text is not a UUID.

    Clients may write capitals. ``uuid.UUID`` also takes braces, ``urn:uuid:`` and 32 digits
    without hyphens, which the standard's form excludes.
    https://www.rfc-editor.org/rfc/rfc9562#section-4
    """
    return text.lower() if _UUID.fullmatch(text) else None


def uuid_of(data: bytes) -> str:
    """The id of these 16 bytes."""
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
