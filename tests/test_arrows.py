"""The arrows between the rooms, read from the imports: each room imports only rooms on floors below."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {"app", "providers"}

FLOORS: tuple[tuple[str, ...], ...] = (
    ("app.server",),
    ("app",),
    ("app.cli",),
    ("app.wiring",),
    ("app.dashboard",),
    ("app.doctor",),
    ("app.routes", "app.assistants", "app.delivery", "app.telemetry.metrics", "app.default_org"),
    ("app.media", "app.jobs", "app.default_number"),
    ("app.domain.services", "app.domain.reactions"),
    ("app.domain.legs", "app.domain.recordings", "app.domain.dashboard"),
    ("app.domain.reporting",),
    ("app.domain.live",),
    ("app.domain.calls",),
    ("app.domain.resources", "app.domain.login"),
    ("app.domain.assistant",),
    ("app.domain.job_limits",),
    ("app.domain.context",),
    ("app.domain.costs", "app.domain.cluster"),
    ("app.domain.errors", "app.domain.overlay", "app.domain.ids", "app.domain.timings"),
    ("app.settings",),
    ("app.plugins", "app.failpoints"),
    ("app.vendors",),
    ("app.store", "app.telemetry"),
    (
        "app.net",
        "app.deadline",
        "app.environment",
        "app.heroku",
        "app.private_files",
        "app.temporary",
    ),
    ("providers",),
)
"""The rooms from the top floor down. A room imports rooms below its own floor, never beside or above."""

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "app.net": ("providers",),
    "app.store": ("app.net",),
    "app.vendors": ("app.store",),
    "app.routes": ("app.media", "app.jobs"),
    "app.dashboard": ("app.media", "app.jobs", "app.net", "app.store", "app.assistants"),
    "app.media": ("app.store",),
    "app.delivery": ("app.media",),
}
"""Rooms below that a room keeps clear of all the same: SQL stays in the store, sound in the media."""

DOMAIN_MAY_NAME = (
    "app.vendors.buildable",
    "app.vendors.registry",
    "app.vendors.common.account",
    "app.vendors.common.address",
    "app.vendors.common.answer",
    "app.vendors.common.field",
    "app.vendors.common.vendor",
    "app.vendors.speech_voices",
    "app.vendors.vapi",
)
"""Of the vendors, the domain reads the registry's data, whether a part can be built, the voices of models that speak, and the
shapes of an account, an address, an answer and a field. Of Vapi it asks whether its SDK is there.
"""

CARRIERS = re.compile(r"(?<![a-z])(twilio|vonage)(?![a-z])", re.IGNORECASE)
"""Also as a part of a name: ``TWILIO_FAILED``."""
MAY_NAME_CARRIERS = {"app/cli/main.py", "app/cli/studio.py"}
"""Examples, and the commands about Studio flows."""

ROOM_OF_FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def room(module: str) -> str:
    """The longest room's name that a module's begins with: ``app.domain.calls.state`` is in ``app.domain.calls``."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next(name for name in names if name in ROOM_OF_FLOOR)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(path: Path) -> set[str]:
    """Absolute names of our modules a file imports, lazily or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            children = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in children if is_module(name)}
            found |= modules if modules == children else {node.module, *modules}
    return {name for name in found if name.split(".")[0] in OUTSIDE}


FILES = [p for top in sorted(OUTSIDE) for p in sorted((ROOT / top).rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_arrows() -> None:
    for path in FILES:
        name = name_of(path)
        here = room(name)
        for imported in imports(path):
            there = room(imported)
            assert there == here or ROOM_OF_FLOOR[there] > ROOM_OF_FLOOR[here], (
                f"{name}: {here} must not import {imported}"
            )
            clear = there not in FORBIDDEN.get(here, ())
            assert clear, f"{name}: {here} keeps clear of {there}: {imported}"


def test_the_domain_reads_only_the_data_of_vendors() -> None:
    for path in sorted((ROOT / "app" / "domain").rglob("*.py")):
        named = {name for name in imports(path) if name.startswith("app.vendors")}
        assert {name for name in named if not name.startswith(DOMAIN_MAY_NAME)} == set(), path


def test_no_carrier_is_named_in_app() -> None:
    for path in FILES:
        name = str(path.relative_to(ROOT))
        if name.startswith("app/") and name not in MAY_NAME_CARRIERS:
            assert list(named_carriers(path)) == [], name


def named_carriers(path: Path) -> Iterator[str]:
    """``line: text`` of each, docstrings and comments apart."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            text = node.value if isinstance(node.value, str) else ""
        elif isinstance(node, ast.Name):
            text = node.id
        elif isinstance(node, ast.Attribute):  # EndedReason.TWILIO_...
            text = node.attr
        if CARRIERS.search(text):
            yield f"{getattr(node, 'lineno', 0)}: {text}"


@pytest.mark.parametrize(
    ("library", "only"),
    [
        ("prometheus_client", {"app/telemetry/metrics.py"}),
        ("pythonjsonlogger", {"app/telemetry/json_log.py"}),
        ("opentelemetry", {"app/telemetry/otlp.py"}),
        ("sentry_sdk", {"app/telemetry/sentry.py"}),
    ],
)
def test_a_library_behind_a_seam_is_imported_once(library: str, only: set[str]) -> None:
    wanted = re.compile(rf"^ *(?:from|import) {library}\b", re.MULTILINE)
    found = {str(path.relative_to(ROOT)) for path in FILES if wanted.search(path.read_text())}
    assert found == only


def test_the_conformance_kit_shares_no_code_with_us() -> None:
    """It judges us from outside, and installs alone: Python, websockets, nothing of ours."""
    allowed = {"patchbay_conformance", "websockets", *sys.stdlib_module_names}
    for path in sorted((ROOT / "conformance").rglob("*.py")):
        assert top_levels(path) <= allowed, path
    for path in FILES:
        assert "patchbay_conformance" not in path.read_text(), path


def top_levels(path: Path) -> set[str]:
    """The first words of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(str(node.module).partition(".")[0])
    return found


def test_every_carrier_has_the_same_parts() -> None:
    """Knowing one is knowing all; only the markup is named as its users know it."""
    markup = {"twiml.py", "ncco.py"}
    parts = {
        "__init__.py",
        "config.py",
        "signature.py",
        "webhooks.py",
        "payload.py",
        "statuses.py",
        "event.py",
        "rest.py",
        "sdk.py",
        "leg_state.py",
        "number_settings.py",
        "media.py",
    }
    for carrier in ("twilio", "vonage"):
        files = {path.name for path in (ROOT / "providers" / carrier).glob("*.py")}
        assert parts <= files
        assert len(files & markup) == 1
        assert (ROOT / "providers" / carrier / "simulator" / "__init__.py").exists()
