"""Where the program keeps its data, and the secret that seals it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app import heroku
from app.environment import SettingsError
from app.private_files import make_directory, tighten
from app.settings.checked import CheckedReader
from providers.common.json_types import JsonDict


class StorageReader(CheckedReader):
    """The settings of the database, the recordings and the secret key."""

    def database(self) -> str:
        url = self.secret("DATABASE_URL") or "sqlite:///var/patchbay.db"
        if not re.match(r"(sqlite:///|postgres(ql)?(\+psycopg)?://)", url):
            raise SettingsError("DATABASE_URL must begin with sqlite:/// or postgresql://")
        _check_database(url)
        wiped = heroku.is_dyno(self.environ)
        if url.startswith("sqlite") and wiped and not self.flag("ALLOW_SQLITE", False):
            raise SettingsError(
                "DATABASE_URL is SQLite, but a Heroku dyno's disk is wiped daily: "
                "add a PostgreSQL, or set ALLOW_SQLITE=1 if losing every call is fine"
            )
        return url

    def secret_keys(self, database_url: str) -> tuple[str, ...]:
        keys = self.words_secret("SECRET_KEY")
        if any(len(key) < 16 for key in keys):
            raise SettingsError("SECRET_KEY must have at least 16 characters")
        return keys or (self.own_secret_key(database_url),)

    def own_secret_key(self, database_url: str) -> str:
        """The generated SECRET_KEY beside the SQLite file. A server database has no such place."""
        if not database_url.startswith("sqlite"):
            raise SettingsError("SECRET_KEY must be set when DATABASE_URL is not SQLite")
        path = Path(database_url.split("///", 1)[-1]).parent / "secret_key"
        if not path.exists():
            _make_once(path, secrets.token_urlsafe(48))
        tighten(path)
        key = path.read_text().strip()
        if not key:
            raise SettingsError(f"SECRET_KEY is not set, and {path} is empty: remove it")
        return key

    def recordings_dir(self, database_url: str) -> str:
        """The directory of recordings. Its default is beside the SQLite file."""
        beside = Path(database_url.split("///", 1)[-1]).parent
        default = beside if database_url.startswith("sqlite") else Path("var")
        return self.text("RECORDINGS_DIR") or str(default / "recordings")

    def bucket(self) -> JsonDict:
        """The bucket of RECORDINGS_URL. A bucket needs an access key, because writing needs one."""
        url = self.text("RECORDINGS_URL")
        if url is None:
            return {}
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?", url):
            raise SettingsError(f"RECORDINGS_URL must be s3://bucket/prefix; it is {url!r}")
        region = self.text("S3_REGION") or "us-east-1"
        if not re.fullmatch("[A-Za-z0-9-]+", region):
            raise SettingsError("S3_REGION must be of letters, digits and -, such as eu-central-1")
        amazon = f"https://s3.{region}.amazonaws.com"
        found = {
            "recordings_url": url.rstrip("/"),
            "s3_endpoint": self.url("S3_ENDPOINT", amazon, ("http", "https")),
            "s3_access_key_id": self.header("S3_ACCESS_KEY_ID"),
            "s3_secret_access_key": self.header("S3_SECRET_ACCESS_KEY"),
            "s3_region": region,
        }
        for name in ("s3_access_key_id", "s3_secret_access_key"):
            if not found[name]:
                raise SettingsError(f"{name.upper()} must be set when RECORDINGS_URL is")
        return found


def _check_database(url: str) -> None:
    """Raise for an address that no driver would understand. Its password is not repeated."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "DATABASE_URL cannot be read: its port must be a number, and signs such as @ and : "
            "in its password must be written as %40 and %3A"
        ) from error
    if url.startswith("sqlite") and (not found.database or found.database == ":memory:"):
        raise SettingsError("DATABASE_URL: SQLite needs a file, such as sqlite:///var/patchbay.db")


def _make_once(path: Path, text: str) -> None:
    """Write a file that does not exist yet. Processes may race: one wins, and none reads half."""
    make_directory(path.parent)
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(mine, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    with contextlib.suppress(FileExistsError):
        os.link(mine, path)
    mine.unlink()
