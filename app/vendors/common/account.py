"""An account at a vendor, as a call uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.net.authentication import Signer
from app.net.types import Addresses

# Characters of a field of an account.
MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """One vendor's account. ``url`` replaces the vendor's own address; None: the vendor's."""

    key: str | None = field(default=None, repr=False)
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else its account needs: Azure's region, endpoint, API version."""
    client_supplied: bool = field(default=False, compare=False)
    """A client's own account. Its ``url`` must be public; the operator's may be private."""
    signer: Signer | None = field(default=None, repr=False, compare=False)
    """The credential of a client's own model, for each request to it."""
    signers: Mapping[str, Signer] = field(default_factory=dict, repr=False, compare=False)
    """Those of a client's own voices or transcribers, by ``server.credentialId``."""

    def rule(self, addresses: Addresses) -> Addresses | None:
        """``addresses`` for a client's own address. None: the address is not a client's choice."""
        return addresses if self.client_supplied and self.url else None

    def signer_of(self, server: Mapping[str, object]) -> Signer | None:
        """The credential that this server names, and no other's. None: it names none."""
        credential_id = server.get("credentialId")
        return self.signers.get(credential_id) if isinstance(credential_id, str) else None


# The field of ``extra`` with the operator's ``LOCAL_MODELS_DIR``, of a program on this machine.
MODELS_DIR = "modelsDir"
# By Vapi's provider name.
VendorAccounts = Mapping[str, VendorAccount]


NO_ACCOUNT = VendorAccount()
