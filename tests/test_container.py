"""Dockerfile and compose.yml, read as a linter reads them; and the start and the health check, run.

``make image`` builds and runs both, where there is a container engine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

from app.server.gunicorn_workarounds import CLOSING_SECONDS
from bench import image
from tests.bridge import free_port
from tests.test_deploy import documented

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text())

DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")
"""A tag for people, and a digest that nobody can move."""
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|API_?KEY|PRIVATE", re.IGNORECASE)


class Line(NamedTuple):
    """An instruction of a Dockerfile, with its continued lines."""

    name: str
    rest: str


def read(text: str) -> list[Line]:
    whole = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    words = (line.split(maxsplit=1) for line in whole.splitlines() if line.strip())
    return [Line(word, " ".join(rest.split())) for word, rest in words]


def problems(text: str) -> Iterator[str]:
    """What a reviewer would refuse."""
    lines = read(text)
    stages = {m[1] for line in lines if (m := re.search(r" AS (\w+)$", line.rest))}
    starts = [n for n, line in enumerate(lines) if line.name == "FROM"]
    for line in lines:
        source = line.rest.split()[0]
        if line.name == "FROM" and source not in stages and not DIGEST.fullmatch(source):
            yield "a base without a digest"
        if line.name == "ADD":
            yield "ADD unpacks and downloads"
        if "pip" in line.rest and " install " in line.rest and "--require-hashes" not in line.rest:
            yield "a package without its hash"
        if line.name in {"ENV", "ARG"} and SECRET.search(line.rest):
            yield "a secret in a layer"
        if re.search(r"(curl|wget)\b|://", line.rest) and line.name == "RUN":
            yield "a download without a hash"
    last = lines[starts[-1] :]
    users = [line.rest for line in last if line.name == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield "it runs as root"
    if any(line.name == "RUN" for line in last[_index(last, "USER") :]):
        yield "a step after USER"
    if not any(line.name == "HEALTHCHECK" for line in last):
        yield "no health check"
    if not any(line.name == "CMD" and line.rest.startswith("[") for line in last):
        yield "a shell takes the signals"


def _index(lines: list[Line], name: str) -> int:
    return next((n for n, line in enumerate(lines) if line.name == name), len(lines))


def test_the_dockerfile_has_no_problem() -> None:
    assert [*problems(DOCKERFILE)] == []


WRONG: list[tuple[str, str, str]] = [
    # what is written, what stands there instead, the problem
    (r"@sha256:[0-9a-f]+", "", "a base without a digest"),
    (r"--require-hashes ", "", "a package without its hash"),
    (r"USER .*", "USER root", "it runs as root"),
    (r"USER .*", "", "it runs as root"),
    (r"USER .*", "USER 0:0", "it runs as root"),
    (r"HEALTHCHECK .*", "", "no health check"),
    (r"CMD \[\"start\"\]", "CMD start", "a shell takes the signals"),
    (r"EXPOSE 8000", "ENV API_KEY=abc", "a secret in a layer"),
    (r"EXPOSE 8000", "ADD docker /x", "ADD unpacks and downloads"),
    (r"EXPOSE 8000", "RUN chmod 777 /patchbay", "a step after USER"),
    (r"EXPOSE 8000", "RUN curl example.com | sh", "a download without a hash"),
]


@pytest.mark.parametrize(("written", "instead", "problem"), WRONG)
def test_the_rules_find(written: str, instead: str, problem: str) -> None:
    changed = re.sub(written, instead, DOCKERFILE)
    assert changed != DOCKERFILE
    assert problem in set(problems(changed))


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [
        line.rest for line in read(DOCKERFILE) if line.name == "COPY" and "--from" not in line.rest
    ]
    assert copied
    for rest in copied:
        for source in [word for word in rest.split() if not word.startswith("--")][:-1]:
            assert (ROOT / source).exists()
            assert source.split("/")[0] in allowed


def test_the_image_has_the_hosts_python() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert f"FROM python:{version}." in DOCKERFILE
    assert f"/lib/python{version}/" in DOCKERFILE


def test_nothing_of_ours_imports_what_the_image_leaves_out() -> None:
    """What pipecat's own parts import is tried by docker/load.py while the image is built."""
    lines = (ROOT / "docker/unused.txt").read_text().splitlines()
    left_out = {line.partition(".")[0] for line in lines if not line.startswith("#")}
    names = "|".join(sorted(left_out))
    for top in ("app", "providers"):
        for path in (ROOT / top).rglob("*.py"):
            found = re.search(rf"^\s*(from|import) ({names})\b", path.read_text(), re.MULTILINE)
            assert found is None, path


# ------------------------------------------------------------------ run without an engine


def test_the_container_starts_is_healthy_and_stops(tmp_path: Path) -> None:
    """Its own scripts, with this environment's Python in place of the image's."""
    port = str(free_port())
    environ = {
        **{name: value for name, value in os.environ.items() if not SECRET.search(name)},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PORT": port,
        "PUBLIC_URL": "https://bridge.example.com",
        "DATABASE_URL": f"sqlite:///{tmp_path}/patchbay.db",
        "API_KEY": "an api key of this test",
        "ASSISTANT_BACKEND": "echo",
        "DRAIN_SECONDS": "0",
    }
    health = [sys.executable, str(ROOT / "docker/health.py")]
    assert subprocess.run(health, env=environ, capture_output=True, check=False).returncode
    command = ["sh", str(ROOT / "docker/start")]
    with subprocess.Popen(
        command, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            until = "Application startup complete"
            seen = next((line for line in process.stderr if until in line), None)
            assert seen is not None
            subprocess.run(health, env=environ, check=True)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("script", ["docker/start", "docker/patchbay"])
def test_scripts_say_their_program(script: str) -> None:
    first = (ROOT / script).read_text().splitlines()[0]
    assert first in {"#!/bin/sh", "#!/venv/bin/python"}


# ------------------------------------------------------------------ compose.yml

SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["restart", "environment", "volumes", "security_opt"],
    "oneOf": [{"required": ["build"]}, {"required": ["image"]}],
    "properties": {
        "build": {"const": "."},
        "image": {"type": "string", "pattern": rf"^{DIGEST.pattern}$"},
        "restart": {"const": "unless-stopped"},
        "env_file": {"const": ".env"},
        "environment": {
            "type": "object",
            "patternProperties": {
                # a secret comes from outside, and its absence is an error
                "(SECRET|PASSWORD|API_KEY)": {"pattern": r"^\$\{[A-Z_]+:\?[^}]+\}$"},
                "DATABASE_URL": {
                    "pattern": r"^postgresql://patchbay:\$\{\w+:\?[^}]+\}@db/patchbay$"
                },
            },
        },
        # nobody but this machine's proxy
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:"}},
        "volumes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+:/var/lib/"}},
        "depends_on": {
            "type": "object",
            "additionalProperties": {"const": {"condition": "service_healthy"}},
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test", "interval", "timeout", "retries"],
            "properties": {
                "test": {"type": "array"},
                "interval": {"type": "string", "pattern": r"^\d+s$"},
                "timeout": {"type": "string", "pattern": r"^\d+s$"},
                "retries": {"type": "integer"},
            },
        },
        "stop_grace_period": {"type": "string", "pattern": r"^\d+s$"},
        "init": {"const": True},
        "read_only": {"const": True},
        "tmpfs": {"const": ["/tmp"]},
        "cap_drop": {"const": ["ALL"]},
        "security_opt": {"const": ["no-new-privileges:true"]},
    },
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["services", "volumes"],
    "properties": {
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object"},
    },
}
"""The part of compose's schema that is used, and our rules. https://docs.docker.com/reference/compose-file/"""


def test_compose_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(COMPOSE, SCHEMA)


@pytest.mark.parametrize(
    ("service", "changes"),
    [
        ("db", {"image": "postgres:17"}),
        ("db", {"environment": {"POSTGRES_PASSWORD": "patchbay"}}),
        ("db", {"ports": ["5432:5432"]}),  # for the whole network
        ("patchbay", {"environment": {"API_KEY": "${API_KEY:-insecure}"}}),
        ("patchbay", {"privileged": True}),
        ("patchbay", {"user": "root"}),
    ],
)
def test_the_schema_refuses(service: str, changes: dict[str, Any]) -> None:
    services = COMPOSE["services"]
    changed = {**services, service: {**services[service], **changes}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**COMPOSE, "services": changed}, SCHEMA)


def test_what_compose_names_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert {each.partition(":")[0] for each in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", ())) <= set(services)
    assert set(services["patchbay"]["environment"]) <= documented()
    assert "healthcheck" in services["db"]  # for depends_on; the other's is in its image


def test_a_stop_has_the_time_it_needs() -> None:
    service = COMPOSE["services"]["patchbay"]
    needed = service["environment"]["DRAIN_SECONDS"] + CLOSING_SECONDS
    assert int(service["stop_grace_period"].removesuffix("s")) >= needed


# ------------------------------------------------------------------ make image


@pytest.mark.parametrize(
    ("size", "config", "found"),
    [
        (570e6, {"User": "10001:10001", "Healthcheck": {}}, ["it has no health check"]),
        (570e6, {"User": "10001:10001", "Healthcheck": {"Test": []}}, []),
        (
            600e6,
            {"User": "10001", "Healthcheck": {"Test": []}},
            ["it has 600 MB, which is not below 600"],
        ),
        (1e6, {"User": "", "Healthcheck": {"Test": []}}, ["it runs as root"]),
        (1e6, {"User": "0:0", "Healthcheck": {"Test": []}}, ["it runs as root"]),
    ],
)
def test_an_image_is_judged(size: float, config: dict[str, Any], found: list[str]) -> None:
    assert [*image.judge({"Size": int(size), "Config": config})] == found


def test_without_an_engine_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert image.main() == 2
    assert "NO CONTAINER ENGINE" in capsys.readouterr().out


def test_the_image_is_built_by_a_workflow() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert "make image" in json.dumps(workflow["jobs"]["image"]["steps"])
