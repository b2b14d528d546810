"""What replaces a part of an assistant that cannot be had: alike for voice, transcriber and model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from app.telemetry.call_log import call_log
from app.vendors import registry
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.vendor import Config

Service = TypeVar("Service")

# Services of one part in a call, the last resort included.
MOST = 8
# A language as nearly all vendors name it. https://www.rfc-editor.org/rfc/rfc5646
LANGUAGE = re.compile(r"([a-z]{2})(-|$)", re.IGNORECASE)

log = call_log(__name__)


def planned(stage: str, config: Config) -> list[Config]:
    """The parts of a ``fallbackPlan``, in their order."""
    return [part for _, part in registry.fallback_parts(stage, config)]


def candidates(stage: str, config: Config, fallback: Config | None = None) -> tuple[Config, ...]:
    """The parts to try, in order: the assistant's, its ``fallbackPlan``'s, the operator's."""
    own = {name: value for name, value in config.items() if name != "fallbackPlan"}
    return (own, *planned(stage, config), *((fallback,) if fallback else ()))


def build_each(
    found: Iterable[Config], build: Callable[[Config], Service]
) -> list[tuple[Config, Service]]:
    """Build all that can be built. Raises the first one's ``UnbuildableAssistant`` without any."""
    built, problems = list[tuple[Config, Service]](), list[UnbuildableAssistant]()
    for config in found:
        if len(built) == MOST:
            break
        try:
            built.append((config, build(config)))
        except UnbuildableAssistant as problem:
            problems.append(problem)
    if problems and not built:
        raise problems[0]
    for each in problems:
        log.warning("the %s %s is left out: %s", each.stage, each.provider, each)
    return built


def in_language_of(config: Config, fallback: Config | None) -> Config | None:
    """The operator's transcriber for an assistant's language."""
    language = config.get("language")
    known = LANGUAGE.match(language) if isinstance(language, str) else None
    return {**fallback, "language": known[1].lower()} if fallback and known else fallback
