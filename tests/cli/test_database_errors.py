"""Whatever is wrong with the database, every command says it in one sentence, and exits with 1."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import main as cli
from app.cli.database_errors import DatabaseCommand
from app.doctor.database_advice import NOT_MIGRATED

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("serve",),
    ("db", "upgrade"),
    ("db", "current"),
    ("db", "size"),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke", "abcdefgh"),
    ("login-link",),
    ("doctor",),
    (
        *("studio-flow", "--url", "https://bridge.example.com"),
        *("--assistant-id", "00000000-0000-4000-8000-000000000000"),
    ),
    ("check", "--assistant-id", "00000000-0000-4000-8000-000000000000"),
    ("import", "vapi", "tests/cli/vapi/gitops"),
)
WITHOUT_DATABASE = {"explain", "simulate", "test", "studio-lint", "demo"}
"""Other commands. The demo and the tests have databases of their own."""


def closed(directory: Path) -> str:
    """A PostgreSQL that does not listen."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"postgresql://user:secret@127.0.0.1:{port}/name"


def no_database(directory: Path) -> str:
    (directory / "a.db").write_bytes(b"a text, and no database" * 100)
    return f"sqlite:///{directory}/a.db"


def a_directory(directory: Path) -> str:
    (directory / "a.db").mkdir()
    return f"sqlite:///{directory}/a.db"


def below_a_file(directory: Path) -> str:
    (directory / "file").touch()
    return f"sqlite:///{directory}/file/a.db"


FAULTS: dict[Callable[[Path], str], str] = {
    closed: "not reachable; check that PostgreSQL runs, DATABASE_URL, and the network",
    no_database: "the database file is damaged",
    a_directory: "the database file cannot be opened; check DATABASE_URL",
    below_a_file: "check DATABASE_URL and its directory",
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The output of a command that fails, with this database."""
    monkeypatch.setenv("SECRET_KEY", "a secret key of the tests")
    monkeypatch.setenv("PUBLIC_URL", "http://localhost:5000")

    def run(url: str, *command: str) -> str:
        monkeypatch.setenv("DATABASE_URL", url)
        outcome = CliRunner().invoke(cli.main, command)
        assert outcome.exit_code == 1
        assert isinstance(outcome.exception, SystemExit), outcome.exception
        return outcome.output

    return run


def test_every_command_is_in_the_table() -> None:
    named = {command[0] for command in COMMANDS}
    assert named | WITHOUT_DATABASE == set(cli.main.commands)
    for group in (cli.db, cli.keys, cli.import_):
        names = {command[1] for command in COMMANDS if command[0] == group.name}
        assert names == set(group.commands)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_cannot_be_used_is_one_sentence(
    said: Callable[..., str], tmp_path: Path, fault: Callable[[Path], str], command: tuple[str, ...]
) -> None:
    output = said(fault(tmp_path), *command)
    told = output.splitlines()[-1]
    assert FAULTS[fault] in told
    assert "Traceback" not in output
    assert "secret" not in output


def test_a_database_of_an_earlier_version_names_the_command(
    said: Callable[..., str], tmp_path: Path
) -> None:
    assert NOT_MIGRATED in said(f"sqlite:///{tmp_path}/a.db", "keys", "list")


@pytest.mark.parametrize("mistake", [KeyError("a mistake"), ConnectionResetError(104, "Reset")])
def test_an_error_of_something_else_stays(mistake: Exception) -> None:
    @click.command(cls=DatabaseCommand)
    def wrong() -> None:
        raise mistake

    assert CliRunner().invoke(wrong).exception is mistake
