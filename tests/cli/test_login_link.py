"""``patchbay login-link``: the printed link opens a session, as far as it may."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.domain.login import enter
from app.settings import Settings
from app.wiring import Services


@pytest.mark.parametrize(("arguments", "may_act"), [([], True), (["--look"], False)])
def test_a_link(settings: Settings, arguments: list[str], may_act: bool) -> None:
    environ = {"DATABASE_URL": settings.database_url, "SECRET_KEY": "of the command alone"}
    done = CliRunner().invoke(main, ["login-link", *arguments], env=environ)
    assert done.exit_code == 0, done.output
    link, _, token = done.output.strip().partition("#")
    assert link.endswith("/dashboard/login")
    services = Services(settings)
    session = enter.enter(services.context, token)
    services.store.close()
    assert session is not None
    assert session.may_act is may_act
