"""Sets fail-points: wraps the functions that they name. Without ``FAILPOINT`` nothing is wrapped.

The places around a commit belong to the innermost step of the thread that commits.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pkgutil import resolve_name
from typing import Any

from app.failpoints.faults import FAULTS
from app.failpoints.plan import Action, Failpoint
from app.failpoints.points import AFTER, AFTER_COMMIT, BEFORE, BEFORE_COMMIT, CARRIER, STEPS
from app.store.engine import Store
from providers.registry import PROVIDERS

Plan = Mapping[str, Failpoint]
Remove = Callable[[], None]

_step: ContextVar[str | None] = ContextVar("step", default=None)

log = logging.getLogger(__name__)


def install(failpoints: Iterable[Failpoint]) -> Remove:
    """Wrap the named functions. Returns what takes that back."""
    plan = {each.point: each for each in failpoints}
    log.warning("FAILPOINT is set, this process will fail on purpose: %s", ", ".join(plan))
    replaced = list[tuple[Any, str, Any]]()
    for step in {point.partition(".")[0] for point in plan}:
        for owner, name in _targets(STEPS[step].target):
            replaced.append((owner, name, getattr(owner, name)))
            setattr(owner, name, _wrapped(step, plan, getattr(owner, name)))
    if any(point.endswith("commit") for point in plan):
        replaced.append((Store, "write", Store.write))
        setattr(Store, "write", _writing(plan, Store.write))  # noqa: B010

    def remove() -> None:
        for owner, name, original in reversed(replaced):
            setattr(owner, name, original)

    return remove


def _targets(target: str) -> list[tuple[Any, str]]:
    """(owner, name) of each function that a step wraps."""
    module, _, path = target.partition(":")
    if module == CARRIER:
        return [(carrier.client, path) for carrier in PROVIDERS.values()]
    owner, _, name = path.rpartition(".")
    return [(resolve_name(f"{module}:{owner}" if owner else module), name)]


def _wrapped(step: str, plan: Plan, function: Any) -> Any:
    before, after = plan.get(f"{step}.{BEFORE}"), plan.get(f"{step}.{AFTER}")

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with _entered(step):
            late = _happens(before)
            result = function(*arguments, **named)
        _report(before if late else after if _happens(after) else None)
        return result

    @wraps(function)
    async def call_async(*arguments: Any, **named: Any) -> Any:
        with _entered(step):
            late = await asyncio.to_thread(_happens, before)
            result = await function(*arguments, **named)
        _report(before if late else after if await asyncio.to_thread(_happens, after) else None)
        return result

    return call_async if inspect.iscoroutinefunction(function) else call


@contextmanager
def _entered(step: str) -> Iterator[None]:
    token = _step.set(step)
    try:
        yield
    finally:
        _step.reset(token)


def _writing(plan: Plan, write: Any) -> Any:
    """``Store.write`` with the places around its commit."""

    @contextmanager
    def around(store: Store) -> Iterator[Any]:
        step = _step.get()
        before, after = plan.get(f"{step}.{BEFORE_COMMIT}"), plan.get(f"{step}.{AFTER_COMMIT}")
        with write(store) as conn:
            yield conn
            late = _happens(before)
        _report(before if late else after if _happens(after) else None)

    return around


def _happens(failpoint: Failpoint | None) -> bool:
    """Do what the fail-point says. True: its operation is done first, and then times out."""
    if failpoint is None or not failpoint.is_due():
        return False
    match failpoint.action:
        case Action.KILL:
            os.write(2, f"FAILPOINT {failpoint}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.ERROR:
            raise _fault(failpoint, "failed")
        case Action.SLEEP:
            time.sleep(failpoint.seconds)
    return failpoint.action is Action.EXEC_THEN_TIMEOUT


def _report(failpoint: Failpoint | None) -> None:
    if failpoint is not None:
        raise _fault(failpoint, "timed out")


def _fault(failpoint: Failpoint, what: str) -> Exception:
    kind = STEPS[failpoint.point.partition(".")[0]].fault
    return FAULTS[kind](f"fail-point {failpoint.point}: {what}")
