"""Any interleaving of arrivals, turns, ends and killed processes: first in, first out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from app.domain.services.media import MediaService
from app.domain.services.webhooks import LegService
from app.settings import Settings
from app.store.engine import Store
from tests.domain.queue_world import Caller, World, world
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE

SLOTS, STEPS = 2, 50
SEEDS = range(2)


class Killed(Exception):
    """The process died."""


class Mortal:
    """A store whose process may die at the end of a transaction, before the commit or after it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dies: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def write(self) -> Iterator[Any]:
        dies, self.dies = self.dies, None
        with self._store.write() as conn:
            yield conn
            if dies == "before":
                raise Killed
        if dies == "after":
            raise Killed


class Story:
    """One interleaving."""

    def __init__(self, made: World, seed: int) -> None:
        self.world, self.random = made, random.Random(seed)
        self.store = Mortal(made.ours.context.store)
        context = replace(made.ours.context, store=cast("Store", self.store))
        made.ours.context = context
        made.ours.legs, made.ours.media = LegService(context), MediaService(context)
        self.order: list[Caller] = []
        """In which legs entered the line."""
        self.joined: set[str] = set()

    def step(self) -> None:
        """One thing happens, perhaps in a process that dies of it."""
        actions: list[Callable[[], None]] = [
            *[self.arrive] * 3,
            *[self.turn] * 3,
            self.join,
            *[self.hang_up] * 2,
            self.vanish,
            self.work,
            self.time,
        ]
        slots, line = self.world.slots(), self.world.waiting()
        before = {each.ref for each in self.world.callers if each.connected}
        self.random.choice(actions)()
        for each in self.world.callers:
            if each.connected and each.ref not in before:
                self.check_turn(self.world.id_of(each), line, SLOTS - slots)
        self.check()

    def check_turn(self, call_id: str, line: list[str], free: int) -> None:
        """Nobody was overtaken: those ahead have left the line, or have a free slot each."""
        ahead = line[: line.index(call_id)] if call_id in line else line
        still = [each for each in ahead if each in self.world.waiting()]
        assert len(still) < free

    def arrive(self) -> None:
        before = len(self.world.callers)
        self.retried(lambda: self.world.arrive(), lambda: self.again(before))
        caller = self.world.callers[before]
        if caller.waits:
            self.order.append(caller)

    def again(self, number: int) -> None:
        self.world.fetch(self.world.callers[number])

    def turn(self) -> None:
        if waiting := [each for each in self.order if each.alive and each.waits]:
            one = self.random.choice(waiting)
            url = one.hold.next_url
            self.retried(lambda: self.world.turn(one), lambda: self.world.turn(one, url=url))

    def join(self) -> None:
        ready = [
            c for c in self.world.callers if c.alive and c.connected and c.ref not in self.joined
        ]
        if ready:
            one = self.random.choice(ready)
            assert self.world.join(one), "who was given the document has a slot"
            self.joined.add(one.ref)

    def hang_up(self) -> None:
        """Of who talks more often than of who waits: so the line has a length."""
        alive = [each for each in self.world.callers if each.alive]
        talking = [each for each in alive if each.connected]
        if alive:
            one = self.random.choice(talking or alive)
            self.retried(lambda: self.world.hang_up(one), lambda: self.world.hang_up(one))

    def vanish(self) -> None:
        """A caller who waits is gone, and nobody says so."""
        if waiting := [each for each in self.order if each.alive and each.waits]:
            self.world.hang_up(self.random.choice(waiting), told=False)

    def work(self) -> None:
        self.world.run_jobs()

    def time(self) -> None:
        self.world.ours.clock.pass_(self.random.choice([1, 5, 15]))
        self.world.fire_timers()

    def retried(self, request: Callable[[], Any], again: Callable[[], Any]) -> None:
        """A process that dies answers nothing, and the carrier sends its request again."""
        self.store.dies = self.random.choice([None, None, "before", "after"])
        try:
            request()
        except Killed:
            again()
        self.store.dies = None

    def check(self) -> None:
        assert self.world.slots() <= SLOTS
        waiting = self.world.waiting()
        entered = [self.world.id_of(each) for each in self.order]
        assert waiting == [each for each in entered if each in waiting], "in their order"
        gone = [each for each in self.order if "connected" in self.outcomes(each)]
        for each in gone:
            assert self.outcomes(each) == ["connected"], "once"

    def outcomes(self, caller: Caller) -> list[str]:
        return self.world.outcomes(caller)

    def settle(self) -> None:
        """What the bridge does by itself, once it is left alone."""
        for _ in range(6):
            self.world.run_jobs()
            self.world.ours.clock.pass_(30)
            self.world.fire_timers()
            for each in self.order:
                if each.alive and each.waits and each.ref not in self.joined:
                    self.world.turn(each)
        self.world.run_jobs()


@pytest.mark.parametrize("rest", [True, False], ids=["api", "turns"])
@pytest.mark.parametrize("seed", SEEDS)
def test_first_in_first_out(settings: Settings, seed: int, rest: bool) -> None:
    carrier = TWILIO if rest else VONAGE
    more = {"join_timeout_seconds": 1e6, "settle_seconds": 1e6, "queue_seconds": 7200}
    with world(settings, carrier, slots=SLOTS, rest=rest, **more) as made:
        story = Story(made, seed)
        for _ in range(STEPS):
            story.step()
        story.settle()
        story.check()
        left = [each for each in story.order if each.alive and each.waits]
        assert made.waiting() == [made.id_of(each) for each in left], "nobody is forgotten"
        assert not left or made.slots() == SLOTS, "no slot is kept from who waits"
        while left:
            for each in [c for c in made.callers if c.alive and c.connected]:
                made.hang_up(each)
            made.run_jobs()
            story.settle()
            first, left = left[0], [c for c in story.order if c.alive and c.waits]
            assert first.connected, "the first goes first"
            story.check()
        assert made.waiting() == []
