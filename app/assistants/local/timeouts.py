"""What one call waits for while it goes on: answers that do not come, and silence."""

from __future__ import annotations

from collections.abc import Coroutine

from app.assistants.local.control import PipelineControl
from app.media.stream import now
from providers.events import EndedReason


def all_of(engine: PipelineControl) -> list[Coroutine[None, None, None]]:
    """Each is run until the call is over."""
    idle = [_idleness(engine)] if engine.plan.idle_messages else []
    return [_deadlines(engine), _silence(engine), _hanging(engine), *idle]


async def _deadlines(engine: PipelineControl) -> None:
    while True:
        await engine.overdue(await engine.watch.overdue())


async def _silence(engine: PipelineControl) -> None:
    await engine.watch.quiet(engine.plan.silence_seconds)
    await engine.finish(EndedReason.SILENCE_TIMED_OUT, engine.plan.end_message)


async def _hanging(engine: PipelineControl) -> None:
    told = 0.0
    while True:
        told = await engine.watch.hang(told)
        engine.changed("hang", {})


async def _idleness(engine: PipelineControl) -> None:
    """Ask a silent caller whether they are there."""
    plan, spoken = engine.plan, 0
    while True:
        await engine.watch.quiet(plan.idle_seconds)
        if engine.idle_left > 0:
            engine.idle_left -= 1
            await engine.say(plan.idle_messages[spoken % len(plan.idle_messages)])
            spoken += 1
            engine.watch.clock.quiet_since = now()
        else:
            await engine.watch.sound()
