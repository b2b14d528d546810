"""Fail-points: each name leads to a function, each action does what it says, and none is set by default."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.default_org import ORG_ID
from app.environment import SettingsError
from app.failpoints import install as install_module
from app.failpoints.faults import FAULTS
from app.failpoints.install import _targets, install
from app.failpoints.plan import Action, Failpoint, parse
from app.failpoints.points import POINTS, STEPS
from app.settings import Settings, load
from app.store.call_lists import CallFilter
from app.store.engine import Store
from app.wiring import Services
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

BYPASS = {"phoneCallProviderBypassEnabled": True}


@contextmanager
def set_to(*words: str) -> Iterator[Sequence[Failpoint]]:
    failpoints = parse(words)
    remove = install(failpoints)
    try:
        yield failpoints
    finally:
        remove()


@pytest.fixture
def ours(settings: Settings) -> Iterator[Domain]:
    with domain(settings) as (made, _):
        yield made


def stored(ours: Domain) -> int:
    return len(ours.calls.list(ORG_ID, CallFilter()))


@pytest.mark.parametrize("step", STEPS)
def test_every_name_leads_to_a_function(step: str) -> None:
    owners = _targets(STEPS[step].target)
    assert owners
    assert all(callable(getattr(owner, name)) for owner, name in owners)
    assert STEPS[step].fault in FAULTS


def wrapped() -> Iterator[str]:
    """The names of functions that fail-points have wrapped. Other decorators count for nothing."""
    named = [each for step in STEPS.values() for each in _targets(step.target)]
    for owner, name in [*named, (Store, "write")]:
        function = getattr(owner, name)
        while function is not None:
            if function.__globals__ is vars(install_module):
                yield name
                break
            function = getattr(function, "__wrapped__", None)


def test_without_the_setting_nothing_is_wrapped(settings: Settings) -> None:
    Services(settings).store.close()
    assert [*wrapped()] == []
    with set_to("create.before-commit:error"):
        assert {*wrapped()} == {"create", "write"}


@pytest.mark.parametrize(
    ("word", "is_stored"),
    [
        ("create.before:error", False),
        ("create.before-commit:error", False),
        ("create.after-commit:error", True),
        ("create.after:error", True),
        ("create.before:exec_then_timeout", True),
        ("create.before-commit:exec_then_timeout", True),
        ("create.after:exec_then_timeout", True),
    ],
)
def test_an_error_leaves_what_was_done_before_it(ours: Domain, word: str, is_stored: bool) -> None:
    with set_to(word), pytest.raises(OperationalError, match="fail-point create"):
        ours.create(TWILIO, **BYPASS)
    assert stored(ours) == is_stored


def test_only_the_turn_that_is_named(ours: Domain) -> None:
    with set_to("create.before:error@2"):
        ours.create(TWILIO, **BYPASS)
        with pytest.raises(OperationalError):
            ours.create(TWILIO, **BYPASS)
        ours.create(TWILIO, **BYPASS)
    assert stored(ours) == 2


def test_a_commit_belongs_to_the_step_that_makes_it(ours: Domain) -> None:
    """The store of other steps works on."""
    with set_to("callback.before-commit:error", "timer.after:error"):
        ours.create(TWILIO, **BYPASS)
    assert stored(ours) == 1


def test_kill_and_sleep() -> None:
    """A killed process runs nothing more; one that sleeps goes on."""
    lines = (
        "from app.failpoints.install import _happens",
        "from app.failpoints.plan import parse",
        "asleep, killed = parse(['create.before:sleep=0.01', 'create.after:kill'])",
        "print(_happens(asleep), flush=True)",
        "_happens(killed)",
        "print('lives', flush=True)",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-9, "False\n")
    assert done.stderr == "FAILPOINT create.after:kill\n"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("create.before", "FAILPOINT must list name:kill|error"),
        ("create.before:explode", "FAILPOINT must list name:kill|error"),
        ("create.before:kill@0", "FAILPOINT must list name:kill|error"),
        ("create.before:error%101", "FAILPOINT must list name:kill|error"),
        ("creation:kill", "FAILPOINT names no fail-point by 'creation'; there are create.before, "),
    ],
)
def test_a_wrong_one_stops_the_start(value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"SECRET_KEY": "a secret key of the tests", "FAILPOINT": value})
    assert str(caught.value).startswith(says)


def test_the_whole_form() -> None:
    named: Any = {"SECRET_KEY": "a secret key of the tests"}
    value = "create.before:sleep=2.5@3%40, dial-request.before:exec_then_timeout"
    first, second = load({**named, "FAILPOINT": value}).failpoints
    assert (first.action, first.seconds, first.turn, first.percent) == (Action.SLEEP, 2.5, 3, 40)
    assert (second.point, second.action) == ("dial-request.before", Action.EXEC_THEN_TIMEOUT)
    assert second.point in POINTS
