"""Part of ``bench.media``: what a handoff to another voice costs a caller, over a usual turn.

The two assistants of a squad have voices of their own. At each turn the model hands the call to the
other one, without a word. That one answers. The usual turns are those of one assistant alone, with
as many calls at once.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from bench.calls import BETWEEN, Api, assistant, warm, warmed
from bench.figures import median, percentile
from bench.phone import Phone
from tests.fakes.carriers.twilio import TWILIO

CALLS, TURNS = 4, 5
"""At once, and in each: a call is handed over six times a minute at most."""
ROUNDS = 2
BOUND_MS = 300.0


async def handoff(_: argparse.Namespace) -> None:
    print(f"{CALLS} calls of {TURNS} turns, {ROUNDS} times; ms from the last word to the answer")
    print(f"{'':<16} {'turns':>6} {'p50':>6} {'p95':>6}")
    with warmed() as api:
        await warm(api)
        await spoken(api, handed=True, calls=1)
        usual, handed = list[float](), list[float]()
        for _round in range(ROUNDS):  # in turn: both see the machine alike
            usual += await spoken(api, handed=False, calls=CALLS)
            handed += await spoken(api, handed=True, calls=CALLS)
    for name, found in (("usual", usual), ("handed over", handed)):
        print(f"{name:<16} {len(found):>6} {median(found):>6.0f} {percentile(found, 0.95):>6.0f}")
    more = median(handed) - median(usual)
    print(f"a handoff costs {more:.0f} ms more, a request to the model included")
    if more > BOUND_MS:
        raise SystemExit(f"more than {BOUND_MS:.0f} ms")


async def spoken(api: Api, *, handed: bool, calls: int) -> list[float]:
    """The waits of so many calls, in seconds."""
    phones = [await asyncio.to_thread(phone, api, handed=handed) for _ in range(calls)]

    async def one(number: int) -> None:
        await asyncio.sleep(number * BETWEEN)
        await phones[number].live(turns=TURNS)

    await asyncio.gather(*map(one, range(calls)))
    turns = [turn for each in phones for turn in each.record.turns]
    return [turn.first_sound - turn.last_word for turn in turns]


def phone(api: Api, *, handed: bool) -> Phone:
    """A caller of a call that waits for its socket."""
    if not handed:
        return api.phone(smart=False)[1]
    members = [member("First", "Second", "alloy"), member("Second", "First", "nova")]
    body = {
        "phoneNumberId": api.number,
        "squad": {"members": members},
        "customer": {"number": "+14155550123"},
        "phoneCallProviderBypassEnabled": True,
    }
    made = api.ask("POST", "/call", body)
    return Phone(TWILIO.media_url(made["phoneCallProviderDetails"]), made["id"])


def member(name: str, other: str, voice: str) -> dict[str, Any]:
    base = assistant(smart=False)
    destination = {
        "type": "assistant",
        "assistantName": other,
        "contextEngineeringPlan": {"type": "all"},
        "assistantOverrides": {"firstMessage": ""},
    }
    tool = {"type": "handoff", "destinations": [destination]}
    first = {} if name == "First" else {"firstMessage": ""}
    own = {"name": name, "voice": {"provider": "openai", "voiceId": voice}, **first}
    return {"assistant": {**base, **own, "model": {**base["model"], "tools": [tool]}}}
