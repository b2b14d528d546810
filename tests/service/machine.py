"""Random histories of the whole service through HTTP, beside a model of it.

A history has calls of every kind at both carriers, their words in any order and repeated, sockets
that join and break, control messages, timers, deletions, deliveries that fail, and strangers.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.domain.calls.schedule import JOIN, LOST, MAX_DURATION, NO_CALL, SETTLE
from providers.errors import Refused
from tests.domain.live_call import ECHO, claim_stream, status_path
from tests.domain.timers import fire, waiting
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import APPLICATION, private_key
from tests.fakes.carriers.leg import CUSTOMER, OURS
from tests.service.known import RANK, Known
from tests.service.served import Recorded, Service

SECRET = "a secret of the carrier, long enough for it"
WORDS = {
    "twilio": ("initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"),
    "vonage": ("started", "ringing", "answered", "completed", "busy", "timeout", "failed", "rejected", "cancelled"),
}  # fmt: skip
ANSWERED = {"in-progress", "answered"}
ENDS = {"completed", "busy", "no-answer", "failed", "canceled", "timeout", "rejected", "cancelled"}
ENDING = (NO_CALL, JOIN, MAX_DURATION, LOST)
"""Timers that end an open call when they are waiting and their time comes."""

Rule = Callable[..., None]
Wanted = Callable[[Known], object]


def any_call(call: Known) -> bool:
    return True


def reports(call: Known) -> bool:
    """The carrier knows where to send words about its leg."""
    return bool(call.path or not call.outbound)


def has_sent(call: Known) -> bool:
    return bool(call.leg.sent)


def has_document(call: Known) -> bool:
    return call.document is not None


def has_joined(call: Known) -> bool:
    return bool(call.claims)


def may_ask(call: Known) -> bool:
    return bool(call.claims) and call.status != "forwarding"


def step(**drawn: Any) -> Callable[[Rule], Rule]:
    """A rule, which the service counts."""

    def counted(function: Rule) -> Rule:
        @wraps(function)
        def run(machine: Machine, **values: Any) -> None:
            machine.service.steps[function.__name__] += 1
            function(machine, **values)

        found: Rule = rule(**drawn)(run)
        return found

    return counted


def some(wanted: Wanted) -> Callable[[Rule], Rule]:
    """The rule needs a call of this kind."""
    found: Callable[[Rule], Rule] = precondition(lambda machine: any(map(wanted, machine.calls)))
    return found


KINDS = ("bypass", "arrives", "dialled", "refused")
MOST = 3
"""Calls of a history: so that each of them has one of its own."""

carriers = st.sampled_from(sorted(FAKES))
seconds = st.integers(1, 300)
index = st.integers(0, 99)


class Machine(RuleBasedStateMachine):
    service: ClassVar[Service]

    def __init__(self) -> None:
        super().__init__()
        self.api = self.service.organisation()
        self.stranger = self.service.organisation()
        self.accounts = {"twilio": f"AC{secrets.token_hex(16)}", "vonage": secrets.token_hex(4)}
        server = {"url": f"{self.service.receiver.url}/{self.api.org_id}"}
        self.assistant = self.api.made("/assistant", {**ECHO, "server": server})["id"]
        self.numbers = {name: self._number(name) for name in FAKES}
        self.calls: list[Known] = []

    def _number(self, carrier: str) -> str:
        account, body = self.accounts[carrier], {"assistantId": self.assistant}
        if carrier == "twilio":
            made = FAKES[carrier].leg.number_of(self.api, account, SECRET, **body)
            return str(made["id"])
        credential = {
            "provider": carrier,
            "apiKey": account,
            "apiSecret": "a secret of Vonage",
            "signatureSecret": SECRET,
            "vonageApplicationId": APPLICATION,
            "vonageApplicationPrivateKey": private_key(),
        }
        body["credentialId"] = self.api.made("/credential", credential)["id"]
        made = self.api.made("/phone-number", {"provider": carrier, "number": OURS, **body})
        return str(made["id"])

    def _leg(self, carrier: str) -> Recorded:
        return self.service.leg(carrier, self.accounts[carrier], SECRET)

    def _pick(self, at: int, wanted: Wanted) -> Known:
        found = [call for call in self.calls if wanted(call)]
        return found[at % len(found)]

    def _create(self, carrier: str, **fields: Any) -> dict[str, Any]:
        body = {
            "phoneNumberId": self.numbers[carrier],
            "assistantId": self.assistant,
            "customer": {"number": CUSTOMER},
        }
        return self.api.made("/call", {**body, **fields})

    def _shown(self, call: Known) -> dict[str, Any]:
        answer = self.api.get(f"/call/{call.id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    # ------------------------------------------------------------------ new calls

    @precondition(lambda machine: len(machine.calls) < MOST)
    @step(kind=st.sampled_from(KINDS), carrier=carriers)
    def new(self, kind: str, carrier: str) -> None:
        make = {"bypass": self.bypass, "arrives": self.arrive}
        make.get(kind, partial(self.dial, refused=kind == "refused"))(carrier)

    def bypass(self, carrier: str) -> None:
        made = self._create(carrier, phoneCallProviderBypassEnabled=True)
        leg = self._leg(carrier)
        call = Known(made["id"], leg, path=status_path(made), outbound=True)
        call.document, call.fresh = leg.offered(made), True
        self.calls.append(call)

    def dial(self, carrier: str, refused: bool) -> None:
        self.service.refuses = refused
        before = set(self.service.placed)
        made = self._create(carrier)
        self.service.work()
        call = Known(made["id"], self._leg(carrier), dialled=True, outbound=True)
        self.calls.append(call)
        if refused:
            call.end()
        else:
            [call.leg.ref] = set(self.service.placed) - before
            call.leg.call_ref = call.leg.ref
            call.path = self.service.placed[call.leg.ref]

    def arrive(self, carrier: str) -> None:
        leg = self._leg(carrier)
        answer = leg.arrive()
        assert answer.status_code == 200, answer.text
        [made] = self.api.get("/call", phoneCallProviderId=leg.call_ref).json
        call = Known(made["id"], leg, document=leg.read(answer.text), fresh=True)
        call.happened("arrived")
        self.calls.append(call)

    # ------------------------------------------------------------------ what the carrier says

    @some(reports)
    @step(at=index, word=index, second=seconds)
    def say(self, at: int, word: int, second: int) -> None:
        call = self._pick(at, reports)
        words = WORDS[call.leg.name]
        said = words[word % len(words)]
        names = call.leg.OUTBOUND if call.outbound else {}
        answer = call.leg.say(said, second, path=call.path, **names)
        assert answer.status_code < 300, answer.text
        if said in ENDS:
            call.end()
        elif said in ANSWERED:
            call.happened("answered")
        elif said == "ringing":
            call.happened("ringing")

    @some(has_sent)
    @step(at=index, request=index)
    def repeat(self, at: int, request: int) -> None:
        """The carrier sends the same bytes again: nothing changes."""
        call = self._pick(at, has_sent)
        before = self._shown(call), self.api.get(f"/call/{call.id}/events").json
        answer = call.leg.sent[request % len(call.leg.sent)]()
        assert answer.status_code < 300, answer.text
        assert (self._shown(call), self.api.get(f"/call/{call.id}/events").json) == before

    @some(has_document)
    @step(at=index)
    def join(self, at: int) -> None:
        call = self._pick(at, has_document)
        assert call.document is not None
        try:
            claim = claim_stream(call.leg, call.document)
            self.service.services.media.joined(claim, call.leg.start())
        except Refused:
            assert call.ended or not call.fresh or call.status == "forwarding"
            return
        assert call.fresh, "a document that was used before"
        assert not call.ended
        call.claims.append(claim)
        call.fresh = False
        call.happened("joined")

    @some(has_joined)
    @step(at=index)
    def lose(self, at: int) -> None:
        call = self._pick(at, has_joined)
        self.service.services.media.lost(call.claims[-1])

    @some(may_ask)
    @step(at=index)
    def ask(self, at: int) -> None:
        """The socket is closed and the leg lives: it is reattached, or the call ends."""
        call = self._pick(at, may_ask)
        assert call.document is not None
        call.turn += 1
        answer = call.leg.ask(call.document, call.turn)
        assert answer.status_code < 300, answer.text
        found = call.leg.read(answer.text) if answer.data else None
        if found is None:
            call.status = self._shown(call)["status"]
            return
        assert not call.ended
        call.document, call.fresh = found, True

    # ------------------------------------------------------------------ what the client does

    @some(any_call)
    @step(at=index)
    def end(self, at: int) -> None:
        call = self._pick(at, any_call)
        answer = self.api.post(f"/call/{call.id}/control", {"type": "end-call"})
        assert answer.status_code == (400 if call.ended else 200), answer.text
        self.service.work()
        call.end()

    @some(any_call)
    @step(at=index)
    def transfer(self, at: int) -> None:
        call = self._pick(at, any_call)
        destination = {"type": "number", "number": "+14155550188"}
        body = {"type": "transfer", "destination": destination}
        answer = self.api.post(f"/call/{call.id}/control", body)
        if answer.status_code == 200 and not call.ended:
            assert call.status in {"in-progress", "forwarding"}
            call.status = "forwarding"
        else:
            assert answer.status_code in {200, 400}, answer.text

    @some(any_call)
    @step(at=index, name=st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=40))
    def patch(self, at: int, name: str) -> None:
        call = self._pick(at, any_call)
        answer = self.api.patch(f"/call/{call.id}", {"name": name})
        assert answer.status_code == 200, answer.text
        call.name = name

    @some(any_call)
    @step(at=index)
    def delete(self, at: int) -> None:
        call = self._pick(at, any_call)
        assert self.api.delete(f"/call/{call.id}").status_code == 200
        assert self.api.get(f"/call/{call.id}").status_code == 404
        self.service.work()
        self.calls.remove(call)

    # ------------------------------------------------------------------ time and deliveries

    @some(any_call)
    @step(at=index, timer=st.sampled_from([*ENDING, SETTLE]))
    def time_comes(self, at: int, timer: str) -> None:
        app = self.service.app
        call = self._pick(at, any_call)
        set_ = waiting(app, timer, call.id)
        if set_ is None:
            return
        fire(app, timer, call.id, set_)
        call.status = self._shown(call)["status"]
        assert call.ended or timer != SETTLE

    @some(any_call)
    @step(answers=st.lists(st.sampled_from([200, 302, 429, 500, 503]), max_size=4))
    def deliver(self, answers: list[int]) -> None:
        self.service.receiver.script(*answers)
        self.service.deliver()

    # ------------------------------------------------------------------ strangers

    @some(any_call)
    @step(at=index, word=index)
    def strangers(self, at: int, word: int) -> None:
        call = self._pick(at, any_call)
        self._other_organisation(f"/call/{call.id}")
        self._forged(call, word)

    def _other_organisation(self, path: str) -> None:
        for method, more, body in (
            ("GET", "", None),
            ("GET", "/events", None),
            ("GET", "/messages", None),
            ("PATCH", "", {"name": "theirs"}),
            ("DELETE", "", None),
            ("POST", "/control", {"type": "end-call"}),
        ):
            assert self.stranger.request(method, path + more, body).status_code == 404
        assert self.stranger.get("/call").json == []

    def _forged(self, call: Known, word: int) -> None:
        """A word of another account about the same leg."""
        words = WORDS[call.leg.name]
        forger = call.leg.same(call.leg.OTHER_ACCOUNT, "a secret of another account, as long")
        assert isinstance(forger, Recorded)
        forger.sent = []
        before = self.api.get(f"/call/{call.id}/events").json
        names = call.leg.OUTBOUND if call.outbound else {}
        answer = forger.say(words[word % len(words)], path=call.path, **names)
        assert 400 <= answer.status_code < 500
        assert self.api.get(f"/call/{call.id}/events").json == before

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def the_list_is_the_model(self) -> None:
        shown = {call["id"]: call for call in self.api.get("/call").json}
        assert shown.keys() == {call.id for call in self.calls}
        for call in self.calls:
            seen = shown[call.id]
            assert seen["status"] == call.status, (seen["status"], call)
            assert seen.get("name") == call.name
            assert ("endedReason" in seen) == ("endedAt" in seen) == call.ended
            if call.ended and "startedAt" in seen:
                assert seen["startedAt"] <= seen["endedAt"]

    def teardown(self) -> None:
        """Every call ends, settles, and has told its end once."""
        if not hasattr(self, "calls"):
            return
        for call in self.calls:
            self.api.post(f"/call/{call.id}/control", {"type": "end-call"})
            call.end()
        self.service.work()
        for call in self.calls:
            if waiting(self.service.app, SETTLE, call.id):
                fire(self.service.app, SETTLE, call.id)
        self.the_list_is_the_model()
        self.service.deliver()
        self._messages()

    def _messages(self) -> None:
        arrived = Counter[tuple[str, str]]()
        for request in self.service.receiver.requests:
            if request.path.endswith(self.api.org_id):
                arrived[
                    request.headers["webhook-id"], json.loads(request.body)["message"]["type"]
                ] += 1
        for call in self.calls:
            messages = self.api.get(f"/call/{call.id}/messages").json
            reports = [each for each in messages if each["type"] == "end-of-call-report"]
            assert len(reports) == 1, messages
            bodies = [m["body"] for m in messages if m["type"] == "status-update"]
            told = [
                (json.loads(b) if isinstance(b, str) else b)["message"]["status"] for b in bodies
            ]
            assert told[-1] == "ended"
            assert told.count("ended") == 1
            for before, after in itertools.pairwise(told):
                assert RANK.index(before) < RANK.index(after) or before == "forwarding"
            for each in messages:
                tries = arrived[each["id"], each["type"]]
                assert tries == len(each["attempts"]), each
                assert each["state"] in {"delivered", "failed"}, each
        self.service.receiver.requests.clear()
