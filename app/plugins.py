"""Carriers, vendors, assistant backends and reactions that other distributions bring by entry points.

Only what the setting ``PLUGINS`` names is loaded: an installed package must not enter by itself.
``docs/extending.md`` shows one of each group.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from app.vendors import registry as vendors
from providers import registry as carriers
from providers.common.json_types import JsonDict

CARRIER_GROUP = "patchbay.carriers"
VENDOR_GROUP = "patchbay.vendors"
BACKEND_GROUP = "patchbay.backends"
REACTION_GROUP = "patchbay.reactions"


class PluginError(Exception):
    """A plugin that ``PLUGINS`` names cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point that is loaded."""

    group: str
    name: str
    distribution: str
    """Its name and version."""
    found: Any = field(repr=False)
    """What the entry point gives."""

    def __str__(self) -> str:
        return f"{self.group} {self.name} of {self.distribution}"


def _callable(name: str, found: Any) -> None:
    if not callable(found):
        raise TypeError("it cannot be called")


GROUPS: Mapping[str, Callable[[str, Any], None]] = {
    CARRIER_GROUP: carriers.add,
    VENDOR_GROUP: vendors.add,
    BACKEND_GROUP: _callable,
    REACTION_GROUP: _callable,
}
"""Group of entry points -> what is done with the name and the object of each that is loaded.

It raises ``TypeError`` or ``ValueError`` for an object that cannot be used."""


def load(names: Iterable[str]) -> tuple[Plugin, ...]:
    """Load what has these names, of distributions or of entry points. Raises ``PluginError``."""
    wanted = tuple(names)
    offered = [each for group in GROUPS for each in entry_points(group=group)] if wanted else []
    named = (each for name in wanted for each in _named(name, offered))
    chosen = {(_project(each), each.group, each.name): each for each in named}
    _check_apart(chosen.values())
    return tuple(_load(each) for each in chosen.values())


def of_group(plugins: Iterable[Plugin], group: str) -> JsonDict:
    """What the loaded entry points of a group give, by their names."""
    return {plugin.name: plugin.found for plugin in plugins if plugin.group == group}


def _named(name: str, offered: Iterable[EntryPoint]) -> Iterator[EntryPoint]:
    """All entry points of the distribution; else those of this name, if one distribution has them."""
    of_distribution = [each for each in offered if _normal(_project(each)) == _normal(name)]
    of_name = [each for each in offered if each.name == name]
    if not of_distribution and len({_project(each) for each in of_name}) > 1:
        projects = " and ".join(sorted({_project(each) for each in of_name}))
        raise PluginError(f"PLUGINS names {name!r}, which {projects} have: name one of these")
    if not of_distribution and not of_name:
        raise PluginError(
            f"PLUGINS names {name!r}, but no installed distribution of this name, and no entry "
            f"point of this name, is in {', '.join(GROUPS)}"
        )
    yield from of_distribution or of_name


def _check_apart(chosen: Iterable[EntryPoint]) -> None:
    for (group, name), times in Counter((each.group, each.name) for each in chosen).items():
        if times > 1:
            raise PluginError(
                f"PLUGINS names {times} distributions that have a {name!r} in {group}"
            )


def _load(entry: EntryPoint) -> Plugin:
    version = entry.dist.version if entry.dist else ""
    try:
        found = entry.load()
        GROUPS[entry.group](entry.name, found)
    except Exception as error:  # whatever a foreign module raises when it is imported
        raise PluginError(
            f"PLUGINS: {entry.group} {entry.name} of {_project(entry)} cannot be used: "
            f"{type(error).__name__}: {error}"
        ) from error
    return Plugin(entry.group, entry.name, f"{_project(entry)} {version}".strip(), found)


def _project(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else ""


def _normal(project: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", project).lower()
