"""``python -m bench.carrier_faults``: dialled calls at a carrier whose API fails.

In 30 of 100 requests the API answers 500 or 429, does not answer, or breaks the connection. It may
have done before what it was asked. No phone may ring twice. Each create is answered 201 or with a
plain error. Each call ends as what its phone did: busy. A call that was never placed ends as the
carrier's failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.carriers import Answer, Carrier, carrier
from bench.reliability import conclude
from providers.simulation.api_server import ApiReply, ApiRequest
from providers.simulation.stage import Callee
from tests.bridge import Bridge
from tests.databases import fresh_database

PERCENT = 30
SILENT_SECONDS = 11.0
"""Longer than the bridge waits for a carrier's answer."""
BUSY, REASON = Callee("busy"), "customer-busy"
FAILED = {"twilio": "twilio-failed-to-connect-call", "vonage": "vonage-failed-to-connect-call"}
GIVE_UP_SECONDS = 180.0
ADOPTED = 0.99
AT_ONCE = 4
REFUSED = 503
PLAIN = {201, 400, 503}

ERROR = ApiReply(500, {"code": 20500, "message": "broken", "title": "broken", "status": 500})
LIMIT = ApiReply(429, {"code": 20429, "message": "wait", "title": "wait", "status": 429})
BROKEN = ApiReply(0)
FAULTS: Mapping[str, tuple[bool, bool, ApiReply]] = {
    "500": (False, False, ERROR),
    "429": (False, False, LIMIT),
    "no answer": (False, True, BROKEN),
    "reset": (False, False, BROKEN),
    "done, 500": (True, False, ERROR),
    "done, no answer": (True, True, BROKEN),
    "done, reset": (True, False, BROKEN),
}
"""A fault -> whether the request is done first, whether the API is silent, and its answer."""


@dataclass
class FailingApi:
    """Stands before a simulator's API."""

    chance: random.Random
    fell: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, answer: Answer) -> Answer:
        def answered(request: ApiRequest) -> ApiReply:
            name = self._fault()
            if name is None:
                return answer(request)
            done, silent, reply = FAULTS[name]
            if done:
                answer(request)
            if silent:
                time.sleep(SILENT_SECONDS)
            return reply

        return answered

    def _fault(self) -> str | None:
        with self._lock:
            if self.chance.randrange(100) >= PERCENT:
                return None
            name = self.chance.choice(list(FAULTS))
            self.fell[name] += 1
            return name


@dataclass
class Seen:
    """The calls of one carrier."""

    created: dict[str, str] = field(default_factory=dict)
    """Number -> call."""
    answers: Counter[int] = field(default_factory=Counter)
    """Statuses of the creates."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Number -> ``endedReason``."""
    rung: Counter[str] = field(default_factory=Counter)
    """Number -> how often its phone rang."""

    @property
    def doubled(self) -> int:
        return sum(number - 1 for number in self.rung.values())

    @property
    def stuck(self) -> int:
        return len(self.created.keys() - self.reasons.keys())

    @property
    def adopted(self) -> int:
        """Calls whose phone rang, and that end as it did."""
        return sum(self.reasons.get(number) == REASON for number in self.rung)


def of_carrier(name: str, bridge: Bridge, number: int, seed: int) -> tuple[Seen, Counter[str]]:
    api, seen = FailingApi(random.Random(seed)), Seen()
    with carrier(name, bridge, through=api.before, callee=BUSY) as there:
        numbers = [f"+1415555{each:04}" for each in range(1000, 1000 + number)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda each: _create(there, bridge, each, seen), numbers))
        _wait(bridge, seen)
        seen.rung = Counter(f"+{leg.to.removeprefix('+')}" for leg in there.legs)
    return seen, api.fell


def _create(there: Carrier, bridge: Bridge, number: str, seen: Seen) -> None:
    body: Any = {
        "phoneNumberId": bridge.number_id(there.name),
        "assistant": {"transport": {"provider": "echo"}},
        "customer": {"number": number},
    }
    status, answer = bridge.ask("POST", "/call", body)
    while status == REFUSED:  # too many at once: a plain error, which says when to come again
        seen.answers[status] += 1
        time.sleep(1.0)
        status, answer = bridge.ask("POST", "/call", body)
    seen.answers[status] += 1
    if status == 201:
        seen.created[number] = answer["id"]


def _wait(bridge: Bridge, seen: Seen) -> None:
    """Wait until every call is over, as long as one gets over from time to time."""
    until = time.monotonic() + GIVE_UP_SECONDS
    while seen.stuck and time.monotonic() < until:
        for number in seen.created.keys() - seen.reasons.keys():
            call = bridge.call(seen.created[number])
            if call["status"] == "ended":
                seen.reasons[number] = str(call.get("endedReason"))
                until = time.monotonic() + GIVE_UP_SECONDS
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.carrier_faults", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="of both carriers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="keep the figure")
    chosen = parser.parse_args()
    found = dict[str, Seen]()
    settings = {"RECONCILE_SECONDS": "15", "PRICE_SECONDS": "0", "RATE_LIMIT_PER_MINUTE": "0"}
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as directory,
        fresh_database(Path(directory)) as url,
        Bridge(url, Path(directory), **settings) as bridge,
        ThreadPoolExecutor(len(FAILED)) as pool,
    ):
        each = chosen.calls // len(FAILED)
        asked = {name: pool.submit(of_carrier, name, bridge, each, chosen.seed) for name in FAILED}
        for name, future in asked.items():
            found[name], fell = future.result()
            table(name, found[name], fell)
    sys.exit(verdict(list(found.values()), keep=chosen.record))


def table(name: str, seen: Seen, fell: Counter[str]) -> None:
    print(f"\n{name}: {seen.answers.total()} creates, answered {dict(seen.answers)}")
    print("faults of the API:", ", ".join(f"{n} x {fault}" for fault, n in fell.items()))
    print(f"phones rung {seen.rung.total()}, twice {seen.doubled}; calls not over {seen.stuck}")
    for rang in (True, False):
        some = Counter(r for number, r in seen.reasons.items() if (number in seen.rung) == rang)
        words = ", ".join(f"{n} x {reason}" for reason, n in some.most_common())
        print(f"ended, {'rung' if rang else 'never rung'}: {words}")


def verdict(seen: Sequence[Seen], *, keep: bool) -> int:
    """Print the totals. Returns the exit status."""
    creates = sum(each.answers.total() - each.answers[REFUSED] for each in seen)
    odd = sum(n for each in seen for status, n in each.answers.items() if status not in PLAIN)
    doubled, stuck = sum(each.doubled for each in seen), sum(each.stuck for each in seen)
    rung, adopted = sum(len(each.rung) for each in seen), sum(each.adopted for each in seen)
    said = (
        f"{creates} creates, {odd} answered otherwise; {doubled} dialled twice, {stuck} stuck;"
        f" {adopted} of {rung} that rang end as their phone did"
    )
    reached = not (odd or doubled or stuck) and adopted >= ADOPTED * rung
    return conclude("carrier-faults", said, reached=reached, keep=keep)


if __name__ == "__main__":
    main()
