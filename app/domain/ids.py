"""The one rule of how ids of objects are read; ``context.new_id`` makes them."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def parse_uuid(text: str) -> str | None:
    """The id as the store writes it, in lower case; None: the text is no UUID.

    Clients may write capitals. ``uuid.UUID`` takes braces, ``urn:uuid:`` and 32 digits without
    hyphens as well, which are not the form of the standard.
    https://www.rfc-editor.org/rfc/rfc9562#section-4
    """
    return text.lower() if _UUID.fullmatch(text) else None
