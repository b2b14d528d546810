"""``python -m bench.signatures``: our signatures of messages, checked by the public libraries.

Every message is random: its id, body and secret. ``standardwebhooks`` and ``svix`` must accept it,
and refuse it once its id, time, body, secret or signature has changed. Exits 1 otherwise.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import secrets
import sys
import time
from collections.abc import Iterator, Mapping

import standardwebhooks
import svix

from app.delivery import signing
from bench.machine import machine
from bench.reliability import conclude

Headers = Mapping[str, str]
FORGED = "webhook-signature"


def accepted(headers: Headers, body: bytes, secret: str) -> list[bool]:
    """What each library says."""
    answers = []
    try:
        standardwebhooks.Webhook(secret).verify(body, dict(headers), json_parse=False)
        answers.append(True)
    except standardwebhooks.WebhookVerificationError:
        answers.append(False)
    try:
        svix.Webhook(secret).verify(body, dict(headers))
        answers.append(True)
    except svix.WebhookVerificationError:
        answers.append(False)
    return answers


def changes(draw: random.Random, headers: Headers, body: bytes) -> Iterator[tuple[Headers, bytes]]:
    """The message with one of its signed parts changed, or a character of its signature."""
    stamp = int(headers["webhook-timestamp"])
    yield {**headers, "webhook-id": f"{headers['webhook-id']}x"}, body
    yield {**headers, "webhook-timestamp": str(stamp + draw.choice([-1, 1, 60]))}, body
    at = draw.randrange(len(body))
    yield headers, body[:at] + bytes([body[at] ^ (1 << draw.randrange(7))]) + body[at + 1 :]
    yield headers, body + b" "
    yield {**headers, FORGED: _other_bit(draw, headers[FORGED])}, body


def _other_bit(draw: random.Random, signature: str) -> str:
    mac = bytearray(base64.b64decode(signature.removeprefix("v1,")))
    mac[draw.randrange(len(mac))] ^= 1 << draw.randrange(8)
    return f"v1,{base64.b64encode(mac).decode()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    print(f"{machine()}; --seed {options.seed}", flush=True)
    draw, taken, refused, tried = random.Random(options.seed), 0, 0, 0
    for _ in range(options.messages):
        key = base64.b64encode(draw.randbytes(draw.randint(24, 64))).decode()
        secret, other = f"whsec_{key}", f"whsec_{base64.b64encode(draw.randbytes(32)).decode()}"
        text = "".join(chr(draw.randint(0x20, 0x2FF)) for _ in range(draw.randint(1, 300)))
        body = json.dumps({"message": text}).encode()
        headers = signing.headers(f"msg_{draw.randbytes(9).hex()}", int(time.time()), body, secret)
        taken += all(accepted(headers, body, secret))
        answers = [accepted(*changed, secret) for changed in changes(draw, headers, body)]
        answers.append(accepted(headers, body, other))
        tried += len(answers)
        refused += sum(not any(answer) for answer in answers)
    seen = (f"{taken:,} of {options.messages:,} accepted by both libraries, "
            f"{refused:,} of {tried:,} altered ones refused")  # fmt: skip
    good = taken == options.messages and refused == tried
    return conclude("signatures", seen, reached=good, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
