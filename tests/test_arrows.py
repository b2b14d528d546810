"""The arrows between the folders, read from the imports: ``routes, media, delivery, cli -> domain -> store, providers``."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {"app", "providers"}

MAY_IMPORT: dict[str, set[str]] = {
    "providers": set(),
    "app.vendors.common.environment": set(),
    "app.plugins": {"providers"},
    "app.settings": {"app.plugins", "app.vendors.common.environment", "providers"},
    "app.telemetry.json_log": set(),
    "app.telemetry.shared_metrics": set(),
    "app.telemetry.log_setup": {"app.telemetry.json_log", "providers"},
    "app.routes.errors": {"app.domain"},
    "app.store": {"providers"},
    "app.domain": {"app.store", "app.settings", "app.vendors.common.environment", "providers"},
    "app.routes": {
        "app.domain",
        "app.store",
        "app.routes.errors",
        "app.settings",
        "providers",
        "app.wiring",
    },
    "app.net": set(),
    "app.delivery": {"app.domain", "app.net", "app.store", "app.settings"},
    "app.assistants": {
        "app.domain",
        "app.media",
        "app.net",
        "app.vendors.common.environment",
        "providers",
    },
    "app.media": {"app.domain", "app.net", "providers"},
    "app.default_org": {"app.domain", "app.store", "app.settings"},
}
"""What each room may name. Rooms that are not listed join the others and may name all."""

CARRIERS = re.compile(r"(?<![a-z])(twilio|vonage)(?![a-z])", re.IGNORECASE)
"""Also as a part of a name: ``TWILIO_FAILED``."""
MAY_NAME_CARRIERS = {"app/cli/main.py"}
"""Its examples, and the command that writes a Studio flow."""


def room(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] == "providers" else ".".join(parts[:2])


def imports(path: Path) -> set[str]:
    """Absolute names of our modules a file imports, lazily or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            children = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= children if node.module == "app" else {node.module}
    return {name for name in found if name.split(".")[0] in OUTSIDE}


FILES = [p for top in sorted(OUTSIDE) for p in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    allowed = MAY_IMPORT.get(here)
    if allowed is None:
        return
    for name in imports(path):
        assert room(name) == here or room(name) in allowed, f"{here} must not import {name}"


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.is_relative_to(ROOT / "app")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_no_carrier_is_named_in_app(path: Path) -> None:
    if str(path.relative_to(ROOT)) in MAY_NAME_CARRIERS:
        return
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            assert not CARRIERS.search(node.value), f"{path}:{node.lineno}: {node.value!r}"
        if isinstance(node, ast.Name):
            assert not CARRIERS.search(node.id), f"{path}:{node.lineno}: {node.id}"
        if isinstance(node, ast.Attribute):  # EndedReason.TWILIO_...
            assert not CARRIERS.search(node.attr), f"{path}:{node.lineno}: {node.attr}"


@pytest.mark.parametrize(
    ("library", "only"),
    [
        ("prometheus_client", {"app/telemetry/metrics.py"}),
        ("pythonjsonlogger", {"app/telemetry/json_log.py"}),
        ("itsdangerous", {"app/store/vault.py"}),
    ],
)
def test_a_library_behind_a_seam_is_imported_once(library: str, only: set[str]) -> None:
    wanted = re.compile(rf"^ *(?:from|import) {library}\b", re.MULTILINE)
    found = {str(path.relative_to(ROOT)) for path in FILES if wanted.search(path.read_text())}
    assert found == only


def test_every_carrier_has_the_same_parts() -> None:
    """Knowing one is knowing all; only the markup is named as its users know it."""
    markup = {"twiml.py", "ncco.py"}
    parts = {
        "__init__.py",
        "config.py",
        "signature.py",
        "callbacks.py",
        "payload.py",
        "statuses.py",
        "event.py",
        "client.py",
        "sdk.py",
        "leg_state.py",
        "number_settings.py",
        "frames.py",
        "simulator.py",
    }
    for carrier in ("twilio", "vonage"):
        files = {path.name for path in (ROOT / "providers" / carrier).glob("*.py")}
        assert parts <= files
        assert len(files & markup) == 1
