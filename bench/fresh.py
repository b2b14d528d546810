"""The application in this process, on a new database, as the tests run it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import create_app
from app.settings import Settings
from tests.conftest import SECRET_KEY
from tests.databases import fresh_database


@contextmanager
def new_settings() -> Iterator[Settings]:
    """Of a new database, on the server of TEST_DATABASE_URL or in a file."""
    with tempfile.TemporaryDirectory() as directory, fresh_database(Path(directory)) as url:
        yield Settings(
            secret_keys=(SECRET_KEY,),
            database_url=url,
            allow_private_server_urls=True,
            recordings_dir=f"{directory}/recordings",
        )


@contextmanager
def new_app() -> Iterator[Flask]:
    """On such a database."""
    with new_settings() as settings:
        app = create_app(settings)
        yield app
        app.extensions["patchbay"].store.close()
