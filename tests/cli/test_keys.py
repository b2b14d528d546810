"""``patchbay keys``, with keys as they may come."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import main


def ran(directory: Path, *arguments: str) -> str:
    environ = {"DATABASE_URL": f"sqlite:///{directory}/patchbay.db", "DATA_DIR": str(directory)}
    done = CliRunner().invoke(main, ["keys", *arguments], env=environ)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.any_store
@pytest.mark.parametrize("key", ["-m3AylDVx", "--m3AylDVx", "-hAylDVxx", "m3AylDVx-"])
def test_a_key_may_begin_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(secrets, "token_urlsafe", lambda count: key * 5)
    assert key in ran(tmp_path, "create")
    assert ran(tmp_path, "revoke", (key * 5)[:8]) == "revoked\n"
    assert "revoked" in ran(tmp_path, "list")
