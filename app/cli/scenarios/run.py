"""Plays scenarios, several at once, each job with a bridge of its own."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from app.cli.caller_voice import caller_voice
from app.cli.scenarios import assistant, judge
from app.cli.scenarios.bridge import Bridge, BridgeFailed, OwnBridge, RunningBridge, simulator
from app.cli.scenarios.caller import Spoken, prepare
from app.cli.scenarios.findings import examine
from app.cli.scenarios.loading import BadScenario, Loaded, assistant_source
from app.cli.scenarios.play import Place, play, slug
from app.cli.scenarios.results import Outcome, Verdict
from app.cli.scenarios.standins import StandIns
from providers.registry import SIMULATORS
from providers.simulation.script import Speak

MARKS: Mapping[Verdict, str] = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.SKIPPED: "skipped",
}
Say = Callable[[str], object]


@dataclass(frozen=True)
class Options:
    """How to play. ``server``: one that runs already; None: a bridge of the test's own."""

    jobs: int = 1
    server: RunningBridge | None = None
    port: int = 0
    """Of the stand-ins; 0 takes a free one."""
    public_url: str | None = None
    """What leads to the stand-ins from the server's machine."""


@dataclass
class _Job:
    """Scenarios that wait, and the results of those that were played."""

    waiting: SimpleQueue[Loaded]
    count: int
    say: Say
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome) -> None:
        with self.lock:
            self.outcomes[outcome.name] = outcome
            place = f"[{len(self.outcomes):>{len(str(self.count))}}/{self.count}]"
            mark = MARKS[outcome.verdict]
            self.say(f"{place} {mark:<7} {outcome.name}  {outcome.seconds:.1f} s")
            for line in outcome.lines():
                self.say(f"        {line}")


def check(loaded: Sequence[Loaded], options: Options) -> None:
    """Refuse at once what cannot be played. Raises ``BadScenario``."""
    faults = [
        each.error(word, f"{each.name}: {why}")
        for each in loaded
        for word, why in _why(each, options)
    ]
    if faults:
        raise BadScenario("\n".join(faults))
    for each in loaded:
        assistant.read(each)


def _why(loaded: Loaded, options: Options) -> Iterator[tuple[str, str]]:
    """What cannot be played: the word that it is about, and why."""
    scenario, source = loaded.scenario, assistant_source(loaded.scenario)
    if scenario.carrier not in SIMULATORS:
        yield "carrier", f"carrier is one of {', '.join(SIMULATORS)}, not {scenario.carrier}"
        return
    ways = simulator(scenario.carrier).WAYS
    if scenario.way not in ways:
        yield "way", f"{scenario.carrier} has the ways {', '.join(ways)}, not {scenario.way}"
    if source is not None and source.id and options.server is None:
        yield "assistant", "an assistant's id needs the server that stores it: give --url"
    if options.server is not None and (scenario.needs_process or scenario.settings):
        word = "turns" if scenario.needs_process else "settings"
        yield word, "kill_9, deploy and settings need a bridge of the test's own: leave --url out"


def run(loaded: Sequence[Loaded], options: Options, say: Say) -> list[Outcome]:
    """Play all. Raises ``BadScenario`` and ``BridgeFailed``."""
    check(loaded, options)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchbay-sounds-")))
        speak = stack.enter_context(caller_voice())
        sounds = {each.name: _prepared(each, speak, folder) for each in loaded}
        standins = stack.enter_context(StandIns(options.port, options.public_url))
        job = _Job(SimpleQueue(), len(loaded), say)
        for each in loaded:
            job.waiting.put(each)
        work = partial(_work, job, options, standins, sounds, folder)
        # one running server has one address for its carriers' APIs
        many = 1 if options.server else min(options.jobs, len(loaded))
        threads = [threading.Thread(target=work, name=f"job-{n}") for n in range(many)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            job.broken.append("it was interrupted")  # each job ends after its present call
            raise
    if job.broken:
        raise BridgeFailed(job.broken[0])
    return [job.outcomes[each.name] for each in loaded]


def _prepared(loaded: Loaded, speak: Speak, folder: Path) -> dict[int, Spoken]:
    own = folder / slug(loaded.name)
    own.mkdir()
    return prepare(loaded, speak, own)


def _work(
    job: _Job,
    options: Options,
    standins: StandIns,
    sounds: Mapping[str, dict[int, Spoken]],
    folder: Path,
) -> None:
    """Play what waits, until nothing does."""
    try:
        with _Bridges(options) as bridges:
            while (loaded := _next(job)) is not None:
                with bridges.of(loaded) as bridge:
                    place = Place(bridge, standins, folder)
                    played = play(loaded, sounds[loaded.name], folder / slug(loaded.name), place)
                asked = partial(judge.ask, loaded.scenario.judge.eval)
                job.add(Outcome(loaded, examine(played, asked), played))
    except (BridgeFailed, OSError) as error:
        job.broken.append(str(error))
    except Exception as error:  # it would end this thread alone, without a word
        job.broken.append(repr(error))


def _next(job: _Job) -> Loaded | None:
    try:
        return None if job.broken else job.waiting.get_nowait()
    except Empty:
        return None


class _Bridges:
    """One job's bridge, started when a scenario needs it; another for one with settings."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stack = ExitStack()
        self._shared: Bridge | None = None

    def __enter__(self) -> _Bridges:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def of(self, loaded: Loaded) -> Iterator[Bridge]:
        """The bridge for this scenario."""
        if loaded.scenario.settings:
            with OwnBridge(**loaded.scenario.settings) as own:
                yield own
            return
        if self._shared is None:
            self._shared = self._options.server or self._stack.enter_context(OwnBridge())
        yield self._shared
