"""The words of Vapi's messages, which are a text, or an object with the text in it. Pure.

https://docs.vapi.ai/api-reference/tools/create (``destinations.message``)
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.fields import objects_of, text_of


def words_of(message: object) -> str | None:
    """The first text of ``contents`` (one a language), else ``content``; None: it is no message."""
    if isinstance(message, str):
        return message
    if not isinstance(message, Mapping):
        return None
    texts = (text_of(each, "text") for each in objects_of(message, "contents"))
    return next(filter(None, texts), text_of(message, "content")) or None
