"""Why an assistant cannot be built. Its accounts at vendors: ``app.domain.vendors``.

Nothing of the media engine is imported here.
"""

from __future__ import annotations


class NoEngine(Exception):
    """This assistant cannot be built; the text tells the operator what to change.

    ``stage``: model, voice or transcriber.
    """

    def __init__(self, stage: str, provider: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage
        self.provider = provider
