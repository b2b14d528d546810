"""``patchbay test``: plays scenarios and exits with 0, 1 or 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.cli.scenarios.results import Outcome
    from app.cli.scenarios.run import Options

UNPLAYABLE = 2
"""Exit status when nothing could be played."""


class CannotTest(click.ClickException):
    """Nothing was played."""

    exit_code = UNPLAYABLE


@click.command("test")
@click.argument("scenarios", nargs=-1)
@click.option("--record", metavar="CALLID", help="Print a scenario of this call of --url instead.")
@click.option("--replay", metavar="CALLID", help="Play its caller's recorded words, and compare.")
@click.option("--assistant", type=click.Path(), help="A file in place of that call's assistant.")
@click.option("--jobs", default=1, type=click.IntRange(1, 64), help="How many calls at once.")
@click.option("--url", help="A server that runs already, instead of a bridge of the test's own.")
@click.option("--key", envvar="API_KEY", help="Its API key; API_KEY by default.")
@click.option("--port", default=0, help="Where the stand-ins listen; a free port by default.")
@click.option("--standins-url", help="What leads to that port from the server's machine.")
@click.option("--junit", type=click.Path(dir_okay=False), help="Write JUnit's XML here.")
@click.option(
    "--report", type=click.Path(file_okay=False), help="Write a page and recordings here."
)
def test(
    scenarios: Sequence[str],
    record: str | None,
    replay: str | None,
    assistant: str | None,
    jobs: int,
    url: str | None,
    key: str | None,
    port: int,
    standins_url: str | None,
    junit: str | None,
    report: str | None,
) -> None:
    """Play SCENARIOS, files or folders of YAML, and compare the calls with what they expect.

    Exit status 0: all is as expected; 1: something is not; 2: nothing could be played.
    """
    from app.cli.processes import end_by_sigterm
    from app.cli.scenarios.bridge import BridgeFailed
    from app.cli.scenarios.loading import BadScenario, load
    from app.cli.scenarios.of_call import print_scenario, replay_call
    from app.cli.scenarios.results import Verdict
    from app.cli.scenarios.run import run
    from providers.simulation.timeline import SimulatorError

    if [bool(scenarios), record is not None, replay is not None].count(True) != 1:
        raise CannotTest("give SCENARIOS, or --record CALLID, or --replay CALLID")
    end_by_sigterm()
    try:
        options = _options(jobs, url, key, port, standins_url)
        if record is not None:
            print_scenario(record, assistant, options, click.echo)
            return
        if replay is not None:
            sys.exit(replay_call(replay, assistant, options, click.echo))
        outcomes = run(load(scenarios), options, click.echo)
    except (BadScenario, BridgeFailed, SimulatorError, OSError) as error:
        raise CannotTest(str(error)) from error
    _write(outcomes, junit, report)
    failed = sum(each.verdict is Verdict.FAILED for each in outcomes)
    skipped = sum(each.verdict is Verdict.SKIPPED for each in outcomes)
    passed = len(outcomes) - failed - skipped
    click.echo(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


def _options(
    jobs: int, url: str | None, key: str | None, port: int, standins_url: str | None
) -> Options:
    """Raises ``CannotTest``."""
    from app.cli.scenarios.bridge import RunningBridge
    from app.cli.scenarios.run import Options

    server = None
    if url is not None:
        if not key:
            raise CannotTest("--url needs --key, or API_KEY: an API key of that server")
        server = RunningBridge(url.rstrip("/"), key, os.environ)
    public = standins_url.rstrip("/") if standins_url else None
    return Options(jobs, server, port, public)


def _write(outcomes: Sequence[Outcome], junit: str | None, report: str | None) -> None:
    from app.cli.scenarios import junit as junit_file
    from app.cli.scenarios import report as report_page

    if junit:
        path = Path(junit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junit_file.xml(outcomes))
    if report:
        click.echo(f"report: {report_page.write(outcomes, Path(report))}")
