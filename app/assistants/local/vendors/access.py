"""Where a vendor is reached and with what key. Nothing of the media engine is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """One vendor's account. ``url`` replaces the vendor's own address; None: the vendor's."""

    key: str | None = field(default=None, repr=False)
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else its account needs: Azure's region, endpoint, API version."""


Keys = Mapping[str, Access]
"""By Vapi's provider name."""

NONE = Access()


class NoEngine(Exception):
    """This assistant cannot be built; the text tells the operator what to change.

    ``stage``: model, voice or transcriber.
    """

    def __init__(self, stage: str, provider: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage
        self.provider = provider
