"""``pytest --workers 6``: the tests in six processes that are forked when all is collected.

To import and collect the suite takes a processor 15 seconds. Each worker of pytest-xdist does it
again; these have it from their parent. A worker stays in its file, and then takes the later half
of the longest that is left. ``--postgresql URL``: tests with the mark ``database`` follow there.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import SimpleNamespace
from typing import Any

import pytest

Queue = deque[int]
"""Places of tests in ``session.items``, all of one file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("workers")
    group.addoption("--workers", type=int, default=0, help="run the tests in forked processes")
    group.addoption("--postgresql", metavar="URL", help="then those of the store there")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """None: pytest's own loop runs the tests, or says what could not be collected."""
    option = session.config.option
    if not option.workers or option.collectonly or session.testsfailed:
        return None
    every = [(item.path, number) for number, item in enumerate(session.items)]
    parts = [Part(every)]
    if option.postgresql:
        again = [each for each in every if session.items[each[1]].get_closest_marker("database")]
        parts.append(Part(again, "@postgresql", {"TEST_DATABASE_URL": option.postgresql}))
    session.testscollected = sum(part.left() for part in parts)
    Pool(session, parts).run(option.workers)
    return True


class Part:
    """Tests that are run in one environment, each with its file."""

    def __init__(
        self,
        tests: Iterable[tuple[object, int]],
        suffix: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.suffix, self.environ = suffix, environ or {}
        files = dict[object, Queue]()
        for file, number in tests:
            files.setdefault(file, deque()).append(number)
        self.new = deque(files.values())
        self.begun: list[Queue] = []

    def left(self) -> int:
        return sum(map(len, [*self.new, *self.begun]))

    def queue(self) -> Queue:
        """The next file, or the later half of another's. It is empty if nothing is left."""
        if self.new:
            taken = self.new.popleft()
        else:
            longest = max(self.begun, key=len, default=Queue())
            half = [longest.pop() for _ in range((len(longest) + 1) // 2)]
            taken = deque(reversed(half))
        self.begun.append(taken)  # from which another may take
        return taken


@dataclass
class Worker:
    """A forked process, as its parent sees it."""

    pid: int
    pipe: Connection
    part: Part
    queue: Queue = field(default_factory=deque)
    now: int | None = None
    following: int | None = None

    def go_on(self) -> None:
        """Send it a test, with the one after it, for which it keeps fixtures. None: it is to end."""
        self.now = self.next() if self.following is None else self.following
        self.following = None if self.now is None else self.next()
        self.pipe.send((self.now, self.following))

    def next(self) -> int | None:
        if not self.queue:
            self.queue = self.part.queue()
        return self.queue.popleft() if self.queue else None


class Pool:
    """As many workers as were asked for, until every part is done."""

    def __init__(self, session: pytest.Session, parts: list[Part]) -> None:
        self.session, self.config, self.parts = session, session.config, parts
        self.workers = dict[Connection, Worker]()
        self.made = 0

    def run(self, count: int) -> None:
        self.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # theirs are in it
        try:
            for _ in range(count):
                self._fork()
            while self.workers:
                for pipe in wait(list(self.workers)):
                    self._hear(self.workers[pipe])  # type: ignore[index]
        finally:
            for worker in self.workers.values():
                worker.pipe.close()
                os.kill(worker.pid, signal.SIGTERM)
            for worker in self.workers.values():
                os.waitpid(worker.pid, 0)

    def _fork(self) -> None:
        part = next((part for part in self.parts if part.left()), None)
        if part is None:
            return
        ours, theirs = Pipe()
        self.made += 1
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            for pipe in [ours, *self.workers]:
                pipe.close()  # else it does not end when its parent does
            work(self.session, theirs, self.made, part.environ)
        theirs.close()
        self.workers[ours] = Worker(pid, ours, part)

    def _hear(self, worker: Worker) -> None:
        """A report, None for the wish for another test, or the end of the process."""
        said: dict[str, Any] | type[EOFError] | None = EOFError
        with suppress(EOFError, ConnectionError):
            said = worker.pipe.recv()
        if said is EOFError:
            self._ended(worker)
        elif said is None:
            worker.go_on()
        else:
            from_data = self.config.hook.pytest_report_from_serializable
            self._report(from_data(config=self.config, data=said), worker)

    def _report(self, report: pytest.TestReport, worker: Worker) -> None:
        file, line, name = report.location
        report.nodeid += worker.part.suffix
        report.location = (file, line, name + worker.part.suffix)
        self.config.hook.pytest_runtest_logreport(report=report)
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def _ended(self, worker: Worker) -> None:
        """Put another in its place. One that ends within a test has failed it."""
        del self.workers[worker.pipe]
        worker.pipe.close()
        status = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if worker.following is not None:
            worker.queue.appendleft(worker.following)
        if worker.now is not None:
            item = self.session.items[worker.now]
            why = f"the worker ended with status {status} in this test"
            self._report(
                pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call"), worker
            )
        self._fork()


def work(
    session: pytest.Session, pipe: Connection, number: int, environ: Mapping[str, str]
) -> None:
    """The life of a worker. It does not return."""
    status = 1
    try:
        atexit._clear()  # the parent's
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.environ.update(environ)
        _be_oneself(session.config, number)
        session.config.pluginmanager.register(Sender(session.config, pipe))
        _run(session, pipe)
        status = 0
    except (KeyboardInterrupt, EOFError, ConnectionError):
        pass  # the parent has stopped
    except BaseException:
        traceback.print_exc()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        session._setupstate.teardown_exact(None)
        atexit._run_exitfuncs()
        os._exit(status)


def _be_oneself(config: pytest.Config, number: int) -> None:
    """Temporary files and captured output are not shared, and reports go to the parent only."""
    temporary: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    temporary._basetemp = temporary.getbasetemp() / f"worker-{number}"
    temporary._basetemp.mkdir(mode=0o700)
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    terminal: Any = config.pluginmanager.unregister(name="terminalreporter")
    # pytest-timeout writes the stacks of a test that hangs to it.
    config.pluginmanager.register(SimpleNamespace(_tw=terminal._tw), "terminalreporter")


def _run(session: pytest.Session, pipe: Connection) -> None:
    run = session.config.hook.pytest_runtest_protocol
    while True:
        pipe.send(None)
        now, following = pipe.recv()
        if now is None:
            return
        after = None if following is None else session.items[following]
        run(item=session.items[now], nextitem=after)


class Sender:
    """The plugin that sends every report of a worker to its parent."""

    def __init__(self, config: pytest.Config, pipe: Connection) -> None:
        self.config, self.pipe = config, pipe

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        hook = self.config.hook.pytest_report_to_serializable
        self.pipe.send(hook(config=self.config, report=report))
