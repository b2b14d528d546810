"""``patchbay test --record`` and ``--replay``: what both do with a call of a running server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from app.cli.scenarios import assistant, recorded, replay, side_by_side
from app.cli.scenarios.api import Api, ApiFailed
from app.cli.scenarios.loading import BadScenario
from app.cli.scenarios.recorded import NotRecordable
from app.cli.scenarios.run import Options, run

Say = Callable[[str], object]


def print_scenario(call_id: str, file: str | None, options: Options, say: Say) -> None:
    """Print a scenario of this call. ``file``: its assistant. Raises ``BadScenario``."""
    api = _api(options)
    try:
        call = api.ask("GET", f"/call/{call_id}")
        own = assistant.of_file(Path(file)) if file else replay.assistant_of(api, call)
        say(recorded.text(call, own))
    except (ApiFailed, NotRecordable) as error:
        raise BadScenario(str(error)) from error


def replay_call(call_id: str, file: str | None, options: Options, say: Say) -> int:
    """Replay a call, print both. Exit status 0: nothing differs. Raises ``BadScenario``."""
    api = _api(options)
    with tempfile.TemporaryDirectory(prefix="patchbay-replay-") as folder:
        try:
            version = assistant.of_file(Path(file)) if file else None
            before, loaded = replay.loaded(api, call_id, version, Path(folder))
        except (ApiFailed, NotRecordable, ValidationError) as error:
            raise BadScenario(str(error)) from error
        (outcome,) = run([loaded], options, say)
    now = outcome.played.call if outcome.played else {}
    then_lines, now_lines = side_by_side.told(before), side_by_side.told(now)
    for line in side_by_side.table(then_lines, now_lines):
        say(line)
    count = side_by_side.differences(then_lines, now_lines)
    say(f"{count} of {max(len(then_lines), len(now_lines))} lines differ")
    return 1 if count or outcome.findings.failures else 0


def _api(options: Options) -> Api:
    """Raises ``BadScenario`` without a server."""
    if options.server is None:
        raise BadScenario("the call is at a server: give --url, and --key or API_KEY")
    return options.server.api
