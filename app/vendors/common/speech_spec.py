"""A model that hears and speaks by itself, with what of the assistant its service reads."""

from __future__ import annotations

from dataclasses import dataclass

from app.vendors.common.llm_spec import Spec
from app.vendors.common.vendor import Config


@dataclass(frozen=True, slots=True)
class SpeechSpec:
    """One model, as its service needs it. ``sample_rate``: of the line, in Hz."""

    llm: Spec
    model: Config
    voice: Config
    transcriber: Config
    sample_rate: int
