"""The timeouts of one conversation: missing answers, silence, and idle messages."""

from __future__ import annotations

from collections.abc import Coroutine

from app.assistants.local.control import PipelineControl
from app.media.stream import now
from providers.events import EndedReason


def timeout_tasks(engine: PipelineControl) -> list[Coroutine[None, None, None]]:
    """The coroutines to run until the call is over."""
    idle = [_idleness(engine)] if engine.config.idle_messages else []
    return [_deadlines(engine), _silence(engine), _hanging(engine), *idle]


async def _deadlines(engine: PipelineControl) -> None:
    while True:
        await engine.overdue(await engine.observer.overdue())


async def _silence(engine: PipelineControl) -> None:
    await engine.observer.quiet(engine.config.silence_seconds)
    await engine.finish(EndedReason.SILENCE_TIMED_OUT, engine.config.last_words)


async def _hanging(engine: PipelineControl) -> None:
    told = 0.0
    while True:
        told = await engine.observer.hang(told)
        engine.changed("hang", {})


async def _idleness(engine: PipelineControl) -> None:
    """Ask a silent caller whether they are there."""
    plan, spoken = engine.config, 0
    while True:
        await engine.observer.quiet(plan.idle_seconds)
        if engine.idle_left > 0:
            engine.idle_left -= 1
            await engine.say(plan.idle_words(spoken))
            spoken += 1
            engine.observer.clock.quiet_since = now()
        else:
            await engine.observer.sound()
