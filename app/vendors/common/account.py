"""An account at a vendor, as a call uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMES = frozenset({"http", "https", "ws", "wss"})
"""Of a vendor's address."""

MAX_TEXT = 10_000
"""Characters of a field of an account."""


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """One vendor's account. ``url`` replaces the vendor's own address; None: the vendor's."""

    key: str | None = field(default=None, repr=False)
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else its account needs: Azure's region, endpoint, API version."""
    client_supplied: bool = field(default=False, compare=False)
    """A client's, whose ``url`` may be called at public addresses only; the operator's may be private."""


VendorAccounts = Mapping[str, VendorAccount]
"""By Vapi's provider name."""


NO_ACCOUNT = VendorAccount()
