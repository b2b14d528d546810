"""What a host is told: app.json, the Procfile, .python-version, requirements.txt."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from gunicorn.config import Config
from gunicorn.util import load_class

import app.server.asgi
from app import settings
from app.server.worker import Worker
from app.settings import SettingsError

ROOT = Path(__file__).parents[1]

TEXT = {"type": "string", "minLength": 1}
VARIABLE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["description"],
    "properties": {
        "description": TEXT,
        "value": {"type": "string"},
        "required": {"type": "boolean"},
        "generator": {"const": "secret"},
    },
}
APP_JSON = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "description", "env", "formation", "addons", "buildpacks"],
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 30},
        "description": {"type": "string", "minLength": 1, "maxLength": 140},
        "keywords": {"type": "array", "items": TEXT},
        "env": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": VARIABLE,
        },
        "formation": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"quantity": {"type": "integer", "minimum": 0}, "size": TEXT},
            },
        },
        "addons": {"type": "array", "items": {"type": "string", "pattern": "^[a-z-]+:[a-z0-9-]+$"}},
        "buildpacks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["url"],
                "properties": {"url": TEXT},
            },
        },
        "success_url": TEXT,
    },
}
"""The part of Heroku's schema that is used. https://devcenter.heroku.com/articles/app-json-schema"""


def app_json() -> Any:
    return json.loads((ROOT / "app.json").read_text())


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def pyproject() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def documented() -> set[str]:
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    return set(re.findall(r"\| `([A-Z0-9_]+)`", rows))  # vendors have theirs in later columns


# ------------------------------------------------------------------ app.json


def test_app_json_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(APP_JSON)
    jsonschema.validate(app_json(), APP_JSON)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 31},  # Heroku refuses longer ones
        {"description": "x" * 141},
        {"env": {"API_KEY": {"generator": "secret"}}},  # a form field nobody understands
        {"env": {"API_KEY": "secret"}},  # a value in clear
        {"addons": ["heroku-postgresql"]},  # a plan that may change
        {"stack": "heroku-18"},  # nothing we rely on
    ],
)
def test_the_schema_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**app_json(), **changes}, APP_JSON)


GLIBCS = {"MALLOC_ARENA_MAX"}
"""A variable that is not read by us."""


def test_app_json_sets_what_is_a_setting() -> None:
    assert set(app_json()["env"]) <= documented() | GLIBCS


def test_app_json_has_every_setting_that_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", readme)) & (documented() | GLIBCS)
    # on a machine of one's own
    elsewhere = {"ALLOW_PRIVATE_SERVER_URLS", "PATCHBAY_PORT", "VAPI_API_KEY"}
    assert named - elsewhere <= set(app_json()["env"])
    assert "TWILIO_ACCOUNT_SID" in named


def test_what_must_be_given_is_given_or_made() -> None:
    env = app_json()["env"]
    assert {name for name, each in env.items() if "generator" in each} == {"SECRET_KEY", "API_KEY"}
    given = {"TRUSTED_PROXIES", "WEB_CONCURRENCY", "MALLOC_ARENA_MAX"}
    assert {name for name, each in env.items() if "value" in each} == given
    optional = set(env) - {"SECRET_KEY", "API_KEY", *given}
    assert all(env[name]["required"] is False for name in optional)


def test_a_deployment_from_the_button_migrates_before_its_address_is_known() -> None:
    """Of the form's fields only those that are made are sure to be there."""
    made = {name: "x" * 40 for name, each in app_json()["env"].items() if "generator" in each}
    heroku = {"DATABASE_URL": "postgres://u:p@host/x", **made}
    assert settings.load({**heroku, "DYNO": "release.1"}).database_url
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        settings.load({**heroku, "DYNO": "web.1"})
    known = {"HEROKU_APP_DEFAULT_DOMAIN_NAME": "a-0123456789ab.herokuapp.com"}
    found = settings.load({**heroku, **known, "DYNO": "web.1"})
    assert found.public_url == "https://a-0123456789ab.herokuapp.com"


def test_the_readme_has_the_button() -> None:
    """It reads app.json of the repository that the page is in."""
    readme = (ROOT / "README.md").read_text()
    assert "](https://www.heroku.com/deploy)" in readme


def test_only_processes_of_the_procfile_are_formed() -> None:
    assert set(app_json()["formation"]) <= set(procfile())


# ------------------------------------------------------------------ Procfile


def test_the_procfile_has_its_two_lines() -> None:
    assert set(procfile()) == {"release", "web"}


def test_the_web_line_names_what_is_there(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    program, *arguments = shlex.split(procfile()["web"])
    given = Config().parser().parse_args(arguments)
    assert program == "gunicorn"
    assert load_class(given.worker_class) is Worker
    assert given.args == ["app.server.asgi:application"]
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", "the secret key of this test")
    try:
        assert callable(app.server.asgi.application)
    finally:
        vars(app.server.asgi).pop("application", None)


def test_the_release_line_migrates_as_it_stands(tmp_path: Path) -> None:
    program, *arguments = shlex.split(procfile()["release"])
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/release.db",
        "SECRET_KEY": "the secret key of this test",
    }
    command = [sys.executable, "-m", program, *arguments]
    done = subprocess.run(
        command, env=environ, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "up to date" in done.stdout
    assert (tmp_path / "release.db").exists()


# ------------------------------------------------------------------ Python and packages


def test_the_hosts_python_is_one_we_support() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    lowest = re.fullmatch(r">=(\d+)\.(\d+)", pyproject()["project"]["requires-python"])
    assert lowest is not None
    assert tuple(map(int, version.split(".")[:2])) >= tuple(map(int, lowest.groups()))
    assert f"Python {'.'.join(lowest.groups())}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "name",
    [f"requirements{of}.txt" for of in ("", "-dev", "-local", "-audit", "-site")],
)
def test_requirements_are_pinned_with_hashes_and_name_no_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.findall(r"^[A-Za-z0-9][^\n]*(?:\n +[^\n]+)*", text, re.MULTILINE)
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_every_dependency_is_locked() -> None:
    locked = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    for wanted in pyproject()["project"]["dependencies"]:
        name = re.match(r"[\w-]+", wanted)
        assert name is not None
        assert name[0].lower().replace("_", "-") in locked
