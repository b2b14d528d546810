"""A transcriber's list of languages, as pipecat wants it. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import Sequence

from pipecat.transcriptions.language import Language

from app.vendors.common.errors import TRANSCRIBER, UnbuildableAssistant


def languages(provider: str, name: str, codes: Sequence[str]) -> list[Language]:
    """``name``: the field of the ``transcriber``. Raises ``UnbuildableAssistant``."""
    try:
        return [Language(code) for code in codes]
    except ValueError as error:
        text = f"{TRANSCRIBER}.{name}: {error}."
        raise UnbuildableAssistant(TRANSCRIBER, provider, text) from error
