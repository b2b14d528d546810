"""One run: the server started or found, the accounts set up, the rows asked, all deleted again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase

from patchbay_conformance.accounts import clean_up, set_up
from patchbay_conformance.process import ServerProcess
from patchbay_conformance.receiver import Receiver
from patchbay_conformance.row import Phase, Result, Row
from patchbay_conformance.target import Target
from patchbay_conformance.verdict import Failed, NotAsked, Outcome
from patchbay_conformance.world import World

WORKERS = 6


class NoServer(Exception):
    """The server does not answer as an API does: nothing can be asked."""


def chosen(rows: Iterable[Row], only: Sequence[str], without: Sequence[str] = ()) -> list[Row]:
    """The rows whose id fits one of the patterns ``only``, and none of ``without``."""
    return [
        row
        for row in rows
        if (not only or any(fnmatchcase(row.id, each) for each in only))
        and not any(fnmatchcase(row.id, each) for each in without)
    ]


def run(
    target: Target,
    rows: Sequence[Row],
    receiver: Receiver | None,
    process: ServerProcess | None = None,
    told: Callable[[Result], object] = lambda _: None,
) -> list[Result]:
    """Ask the rows; their results in the same order. ``told`` hears of each when it is done.

    Raises ``NoServer``, and ``NotStarted`` of the process.
    """
    world = World(target, receiver, process)
    with ExitStack() as ends:
        if receiver is not None:
            ends.enter_context(receiver)
        if process is not None:
            process.start()
            ends.callback(process.stop)
        check_up(world)
        ends.callback(clean_up, world)
        set_up(world)
        results = dict[str, Result]()
        for phase in Phase:
            mine = [row for row in rows if row.phase is phase]
            with ThreadPoolExecutor(WORKERS if phase is Phase.TOGETHER else 1) as pool:
                for result in pool.map(lambda row: ask(world, row), mine):
                    results[result.row.id] = result
                    told(result)
        return [results[row.id] for row in rows]


def check_up(world: World) -> None:
    """Raise ``NoServer`` unless the key opens the API."""
    try:
        answer = world.ask("GET", "/call?limit=1")
    except Failed as error:
        raise NoServer(str(error)) from None
    if answer.status != 200:
        raise NoServer(f"GET {world.target.url}/call?limit=1 answered {answer}")


def ask(world: World, row: Row) -> Result:
    began = time.monotonic()
    outcome, reason = Outcome.PASSED, ""
    try:
        row.check(world)
    except NotAsked as error:
        outcome, reason = Outcome.NOT_ASKED, str(error)
    except Failed as error:
        outcome, reason = Outcome.FAILED, str(error)
    except Exception as error:  # what the server sent was of another shape than the row expects
        outcome, reason = Outcome.FAILED, f"{type(error).__name__}: {error}"
    return Result(row, outcome, reason, time.monotonic() - began)
