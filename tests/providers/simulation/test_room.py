"""What a simulated leg has heard is told by its energy."""

from __future__ import annotations

import pytest

from providers.simulation.room import Ear, Room, Source


@pytest.mark.parametrize("source", Source)
def test_each_source_is_told_from_all_others(source: Source) -> None:
    ear = Ear()
    ear.hear(source)
    assert ear.heard == {source.name.lower()}


def test_two_at_once_are_both_heard() -> None:
    ear = Ear()
    ear.hear(Source.MUSIC, Source.OPERATOR)
    assert ear.heard == {"music", "operator"}
    assert Ear().heard == set()


def test_a_caller_who_waits_hears_music_alone() -> None:
    room, ear = Room(), Ear()
    looks = iter([False, False, True])
    room.wait(ear, lambda: next(looks), speed=0)
    assert ear.heard == {"music"}


def test_an_operator_hears_the_caller_and_ends_the_room() -> None:
    room, ear = Room(), Ear()
    room.talk(ear, lambda: False, speed=0)
    assert (ear.heard, room.over.is_set()) == ({"caller"}, True)
