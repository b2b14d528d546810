""""""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.vendors.common.environment import PREFIXES

SCHEMES = frozenset({"http", "https", "ws", "wss"})


MAX_TEXT = 10_000


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


@dataclass(frozen=True, slots=True)
class Fields:
    """What a credential of one vendor holds. All but ``lists`` are texts."""

    key: str = "apiKey"
    url: str = "apiUrl"
    shown: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Kept and shown, and not read."""
    required: tuple[str, ...] = ()
    """Beside the key."""


PLAIN = Fields()


VENDORS: Mapping[str, Fields] = {
    **dict.fromkeys(PREFIXES, PLAIN),
    "azure-openai": Fields(
        key="openAIKey",
        url="openAIEndpoint",
        shown=("region", "apiVersion"),
        sealed=("ocpApimSubscriptionKey",),
        lists=("models",),
        required=("openAIEndpoint",),
    ),
    "azure": Fields(shown=("service", "region")),
    "playht": Fields(shown=("userId",), required=("userId",)),
}
"""``apiUrl`` is Vapi's for some; here each vendor may have one.

https://docs.vapi.ai/api-reference (the Create...CredentialDTO schemas)
"""


def addresses() -> set[str]:
    """The names of the fields that hold a URL."""
    return {fields.url for fields in VENDORS.values()}
