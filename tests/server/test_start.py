"""What a start loads, and above all what it does not: it is what a start's seconds and memory are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import fresh_database

ROOT = Path(__file__).parents[2]
NOT_LOADED = {
    "pipecat": "a second and 100 MB",
    "onnxruntime": "pipecat's",
    "numpy": "pipecat's",
    "soxr": "pipecat's, and the embedded voice's",
    "aiohttp": "pipecat's",
    "loguru": "pipecat's",
    "app.assistants.local.agent": "pipecat's",
    "httpx2": "of models and voices",
    "openai": "a vendor's SDK",
    "anthropic": "a vendor's SDK: a second and 30 MB",
    "deepgram": "a vendor's SDK",
    "alembic": "a database that is up to date",
    "procrastinate": "the jobs of PostgreSQL",
    "psycopg": "PostgreSQL",
    "minio": "the first file in a bucket",
    "providers.twilio.simulator": "a test",
    "providers.vonage.simulator": "a test",
    "providers.testing": "a test",
    "twilio": "a carrier's SDK",
    "vonage": "a carrier's SDK",
}
"""Modules that a start without pipecat, on SQLite, must not load; and whose they are."""
OF_THE_MASTER = {
    "app",
    "app.environment",
    "app.private_files",
    "app.server",
    "app.server.gunicorn_workarounds",
    "app.server.uvicorn_workarounds",
    "app.server.worker",
    "app.telemetry",
    "app.telemetry.json_log",
    "app.telemetry.shared_metrics",
    "app.temporary",
    "providers",
    "providers.common",
    "providers.common.json_types",
}
"""What gunicorn's master loads of the program. A reload replaces everything else."""
START = """
import json, sys
import app.server.worker
master = list(sys.modules)
from app.server import asgi
asgi.application._services.start()
print(json.dumps([master, list(sys.modules)]))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """The modules of gunicorn's master, and those of a process that has started."""
    directory = tmp_path_factory.mktemp("start")
    with fresh_database(directory) as url:
        if not url.startswith("sqlite"):
            return None  # the table is that of SQLite
        environ = {
            **os.environ,
            "DATABASE_URL": url,
            "SECRET_KEY": "the secret key of the tests",
            "API_KEY": "an api key of the tests 0123456789",
            "RUN_JOBS": "0",
            "ASSISTANT_BACKEND": "echo",
        }
        done = subprocess.run(
            [sys.executable, "-c", START],
            cwd=ROOT,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
    master, all_of_it = json.loads(done.stdout.splitlines()[-1])
    return set(master), set(all_of_it)


@pytest.mark.parametrize("module", NOT_LOADED)
def test_a_start_loads_no(module: str, loaded: tuple[set[str], set[str]]) -> None:
    assert module not in loaded[1]


def test_the_master_loads_nothing_that_a_reload_replaces(
    loaded: tuple[set[str], set[str]],
) -> None:
    """Else workers would get the master's old code beside the new."""
    ours = {name for name in loaded[0] if name.split(".")[0] in {"app", "providers"}}
    assert ours == OF_THE_MASTER
