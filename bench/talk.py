"""Parts of ``bench.media`` in which callers wait for answers: ``latency`` and ``load``."""

from __future__ import annotations

import argparse

from bench.calls import TURNS, WAIT, Crowd, Seen, warm, warmed
from bench.figures import median, percentile
from bench.phone import HOLE

KINDS: dict[str, dict[str, bool]] = {
    **{name: {"smart": smart} for smart, name in TURNS.items()},
    "speech to speech": {"speech": True},
}
"""The assistants of a row each."""
QUIET_CALLS = 4
"""At once where latency is measured."""


async def latency(chosen: argparse.Namespace) -> None:
    print(
        f"{QUIET_CALLS} calls; ms from the caller's last word to the first sound of the answer, and where they go"
    )
    print(
        f"{'':<16} {'turns':>6} {'p50':>6} {'p99':>6} | {'heard':>6} {'decided':>8} {'p50':>5} {'p99':>5}"
    )
    with warmed() as api:
        await warm(api)
        greeted = list[float]()
        for name, kind in KINDS.items():
            async with Crowd(api, **kind) as crowd:
                await crowd.grow(QUIET_CALLS)
                seen = await crowd.watch(chosen.seconds)
                greeted += [phone.first_sound for phone in crowd.phones.values()]
                print(f"{name:<16} {stages(seen, crowd.moments())}")
    print("heard: until the voice detector says so (of these 200 are its wait);")
    print(
        f"decided: from there until the model is asked (silence timeout: {WAIT * 1e3:.0f} are waitSeconds);"
    )
    print("p50, p99: the rest: model, voice, and sound on its way")
    print(
        f"first sound after start: p50 {median(greeted):.0f} ms, most {max(greeted) * 1e3:.0f} ms"
    )


def stages(seen: Seen, moments: list[dict[str, float]]) -> str:
    heard, decided, answered = list[float](), list[float](), list[float]()
    for turn in seen.record.turns:
        mine = [m for m in moments if turn.last_word < m["asked"] < turn.first_sound]
        if len(mine) != 1:  # two calls' turns overlap, so a moment belongs to neither
            continue
        heard.append(mine[0]["heard"] - turn.last_word)
        decided.append(mine[0]["asked"] - mine[0]["heard"])
        answered.append(turn.first_sound - mine[0]["asked"])
    total = [turn.first_sound - turn.last_word for turn in seen.record.turns]
    return (
        f"{len(total):>6} {median(total):>6.0f} {percentile(total, 0.99):>6.0f} | {median(heard):>6.0f} "
        f"{median(decided):>8.0f} {median(answered):>5.0f} {percentile(answered, 0.99):>5.0f}"
    )


async def load(chosen: argparse.Namespace) -> None:
    print(
        f"holes: over {HOLE * 1e3:.0f} ms in what the carrier would play; late: the callers' own messages"
    )
    print(
        f"{'':<16} {'calls':>6} {'core':>6} {'a call':>7} {'others':>7} {'turns':>6} {'none':>5} "
        f"{'p50 ms':>7} {'p99 ms':>7} {'holes':>6} {'worst':>6} {'late':>5}"
    )
    with warmed() as api:
        await warm(api)
        for name, kind in KINDS.items():
            async with Crowd(api, **kind) as crowd:
                for calls in chosen.calls:
                    await crowd.grow(calls)
                    print(f"{name:<16} {row(await crowd.watch(chosen.step))}")


def row(seen: Seen) -> str:
    total = [turn.first_sound - turn.last_word for turn in seen.record.turns]
    return (
        f"{seen.calls:>6} {seen.cpu:>6.0%} {seen.per_call:>7.1%} {seen.others:>7.0%} {len(total):>6} "
        f"{seen.record.unanswered:>5} {median(total):>7.0f} {percentile(total, 0.99):>7.0f} "
        f"{len(seen.record.holes):>6} {seen.record.worst * 1e3:>6.0f} "
        f"{percentile(seen.record.late, 0.99):>5.0f}"
    )
