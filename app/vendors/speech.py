"""Builds the pipecat service of a ``model`` that hears and speaks by itself: speech to speech.

It stands in the place of transcriber, model and voice. A vendor's part, and pipecat with it, is
imported when its model is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, TypeAlias

from app.net.types import Addresses
from app.vendors import registry
from app.vendors.common.account import VendorAccounts
from app.vendors.common.errors import MODEL, VOICE, UnbuildableAssistant, deny_all
from app.vendors.common.llm_spec import read_spec
from app.vendors.common.speech_spec import SpeechSpec
from app.vendors.common.vendor import Config
from app.vendors.speech_voices import voice_problem

if TYPE_CHECKING:
    from app.vendors.common.speech_model import SpeechModel

    MakeSpeechModel: TypeAlias = Callable[[SpeechSpec], SpeechModel]


def is_speech(model: Config) -> bool:
    """Whether this ``model`` hears and speaks by itself."""
    return registry.speech_part(model) is not None


def make_speech_model(
    spec: Config,
    voice: Config,
    transcriber: Config,
    accounts: VendorAccounts,
    sample_rate: int,
    addresses: Addresses = deny_all,
) -> SpeechModel:
    """Build the service. Raises only ``UnbuildableAssistant``.

    ``addresses``: the rule for a client's servers; without it all of them are refused.
    """
    part = registry.speech_part(spec)
    if part is None:
        raise UnbuildableAssistant(MODEL, str(spec.get("provider")), "it speaks no speech")
    if wrong := voice_problem(spec, voice):
        raise UnbuildableAssistant(VOICE, str(voice.get("provider")), f"voice.{' '.join(wrong)}")
    read = read_spec(spec, accounts, {})
    named = part.renamed.get(read.model, read.model)
    read = replace(read, model=named, addresses=addresses if read.foreign else None)
    make: MakeSpeechModel = resolve_name(part.make)
    return make(SpeechSpec(read, spec, voice, transcriber, sample_rate))
