"""One scenario: its play, its expected end, and the verdict on a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, TypeVar

from providers.common.json_types import JsonObject
from providers.simulation.bridge import Outcome, outcome, words
from providers.simulation.config import SimulatorConfig
from providers.simulation.script import ASSISTANT_LEAVES, CALLER_LEAVES
from providers.simulation.stage import Stage
from providers.simulation.timeline import SimulatorError

S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[S]):
    """One scenario and its expected end."""

    name: str
    description: str
    """One sentence, for ``--list``."""
    play: Callable[[S], object]
    reason: str | None
    """``endedReason``; None where the call does not end."""
    status: str = "ended"
    returned: Mapping[str, str] = field(default_factory=dict)
    """What the owner's flow must get with its leg, at least."""
    either_ends: bool = False
    """The caller or the assistant may end it; ``reason`` does not count."""

    @property
    def expected(self) -> Outcome:
        return self.status, self.reason

    def right_ends(self, *, caller_left: bool) -> Sequence[Outcome]:
        """The ends that are right, the usual one first."""
        if not self.either_ends:
            return (self.expected,)
        reasons = (CALLER_LEAVES,) if caller_left else sorted(ASSISTANT_LEAVES)
        return [(self.status, reason) for reason in reasons]


class Speech(NamedTuple):
    """Sound of a media socket: 16-bit mono PCM, and its rate in Hz."""

    pcm: bytes
    rate: int


@dataclass(frozen=True, slots=True)
class Result:
    """The result. ``ok`` decides the exit status."""

    ok: bool
    expected: Outcome
    got: Outcome
    call: JsonObject
    timeline: Sequence[str]
    documents: Sequence[str]
    returned: Mapping[str, str]
    problems: Sequence[str]
    speech: Mapping[str, Speech] = field(default_factory=dict)
    """What each leg has heard on its media sockets."""

    @property
    def sentence(self) -> str:
        """What was expected, what came, and whatever was wrong."""
        if self.ok:
            return f"{words(self.got)}, as expected: ok"
        wrong = [f"expected {words(self.expected)}"] if self.got != self.expected else []
        return f"{words(self.got)}: WRONG ({'; '.join([*wrong, *self.problems])})"


def table(*scenarios: Scenario[S]) -> dict[str, Scenario[S]]:
    """Scenarios by name."""
    return {scenario.name: scenario for scenario in scenarios}


def named(scenarios: Mapping[str, Scenario[S]], name: str) -> Scenario[S]:
    """The scenario of this name. Raises ``SimulatorError`` with the list of names."""
    if name not in scenarios:
        raise SimulatorError(f"no scenario {name!r}; there are {', '.join(scenarios)}")
    return scenarios[name]


def play(scenario: Scenario[S], stage: S) -> Result:
    """Play it, wait until the call ends as expected, and compare."""
    call: JsonObject = {}
    try:
        scenario.play(stage)
        stage.flush()
        right = scenario.right_ends(caller_left=stage.left)
        call = stage.bridge.await_outcome(stage.known_call(), *right)
    except SimulatorError as error:
        stage.problem(str(error))
        right = scenario.right_ends(caller_left=stage.left)
    for name in () if stage.left else missing(scenario.returned, stage.returned):
        stage.problem(f"the flow was not told {name}={scenario.returned[name]}")
    got = outcome(call)
    expected = got if got in right else right[0]
    ok = got == expected and not stage.problems
    verdict = "ok" if ok else f"NOT OK, expected {words(expected)}"
    stage.timeline.add("result", f"{scenario.name}: {words(got)}: {verdict}")
    if why := call.get("endedMessage"):
        stage.timeline.add("result", f"endedMessage: {why}")
    lines, documents = list(stage.timeline.lines), list(stage.documents)
    speech = {party: Speech(bytes(ear.speech), ear.rate) for party, ear in stage.ears.items()}
    problems = list(stage.problems)
    return Result(ok, expected, got, call, lines, documents, stage.returned, problems, speech)


def expecting(scenario: Scenario[S], config: SimulatorConfig) -> Scenario[S]:
    """The scenario, with the end that the run's configuration expects."""
    if config.either_ends:
        return replace(scenario, either_ends=True)
    return replace(scenario, reason=config.ends) if config.ends else scenario


def missing(wanted: Mapping[str, str], given: Mapping[str, str]) -> Iterable[str]:
    return [name for name, value in wanted.items() if given.get(name) != value]


def unchanged(stage: Stage, wanted: Outcome, late: Callable[[], None]) -> None:
    """Once the call is as wanted, run ``late``, which must change nothing that a client sees."""
    stage.flush()
    seen = stage.bridge.await_outcome(stage.known_call(), wanted)
    late()
    stage.flush()
    now = stage.bridge.call(stage.known_call())
    for name in ("status", "endedReason", "startedAt", "endedAt"):
        if seen.get(name) != now.get(name):
            stage.problem(f"{name} was {seen.get(name)}, and became {now.get(name)}")
