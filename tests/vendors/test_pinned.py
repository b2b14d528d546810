"""No address of a client leads inside: not by a redirect, not by an answer, not by another look-up.

``python -m bench.ssrf`` tries every trick on every way; here is a sample of the same.
"""

from __future__ import annotations

import itertools

import pytest

from tests.clock import on_loop
from tests.fakes.hostile import SECRET, TRICKS, hostile
from tests.vendors.ways import Way, one_of_each, ways

BY_NAME = {trick.name: trick for trick in TRICKS}
SAMPLE = [
    *itertools.product(one_of_each(), ("302 to //", "DNS flips after 1", "DNS flips after 2")),
    *((way, "a session inside") for way in ways() if way.name == "transcriber gladia"),
]


@pytest.mark.parametrize(("way", "trick"), SAMPLE, ids=lambda each: getattr(each, "name", each))
@on_loop
async def test_a_clients_server_never_leads_inside(way: Way, trick: str) -> None:
    async with hostile(BY_NAME[trick]) as world:
        errors = await way.go(world.url)
    assert not world.was_reached
    assert SECRET not in errors
    assert world.look_ups  # it was tried
