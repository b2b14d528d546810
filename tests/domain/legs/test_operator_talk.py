"""A transfer assistant on the operator's leg: its socket, and what each end of its talk leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

import pytest

from app import default_org
from app.domain.calls import answers, record
from app.domain.errors import Invalid
from app.domain.resources.tools import Tools
from app.domain.services.media import StreamClaim
from app.domain.services.operator_media import OperatorMedia
from providers.base.instructions import Connect, HangUp, Join
from providers.base.media import StreamStart
from providers.base.webhook import HookKind
from providers.errors import Refused
from providers.events import EndedReason, EventKind
from tests.domain.legs.warm_transfer import OPERATOR, WarmTransfer, at_each_carrier, there

R = EndedReason
MODE = "warm-transfer-experimental"
SECRET = "a header's secret"
TOOL = {"type": "function", "function": {"name": "f"}, "server": {"url": "https://x.example"}}
ASSISTANT: dict[str, Any] = {
    "firstMessage": "I have a caller for you.",
    "model": {
        "provider": "custom-llm",
        "url": "https://llm.example",
        "headers": {"x-key": SECRET},
        "tools": [{**TOOL, "server": {"url": "https://x.example", "secret": SECRET}}],
    },
    "maxDurationSeconds": 45,
}


class Talk(WarmTransfer):
    """``reach``: the operator has answered, and the assistant's socket is open."""

    media: OperatorMedia
    claim: StreamClaim

    def reach(self, **plan: Any) -> None:
        self.media = OperatorMedia(self.ours.context)
        self.begin(there(MODE, **{"transferAssistant": ASSISTANT, **plan}))
        self.dial()
        (connect,) = self.answer()
        assert isinstance(connect, Connect)
        self.claim = self.open(connect)
        self.media.joined(self.claim, self.start())

    def open(self, connect: Connect) -> StreamClaim:
        target = urlsplit(connect.media_url).path
        assert self.media.knows(target.rpartition("/")[2])
        headers = self.carrier.signer.handshake(connect.media_url).items()
        sent = [(name.lower(), value) for name, value in headers]
        provider = self.ours.context.providers[self.carrier.name]
        return self.media.claim(provider, target.rpartition("/")[2], target, sent)

    def start(self, leg: str = OPERATOR) -> StreamStart:
        return StreamStart("MZ" + "0" * 32, leg, None, 8000)

    def talked(self) -> list[Any]:
        """The socket is over, and the leg asks what follows."""
        return self.operator(HookKind.TALKED, EventKind.OPERATOR_TALKED)

    @property
    def transfer(self) -> dict[str, Any]:
        (found,) = self.now["artifact"]["transfers"]
        return dict(found)

    def _heard(self, hook: HookKind, *rest: Any, **more: Any) -> Any:
        kinds, leg, token, asks = rest
        return super()._heard(hook, kinds, leg, token, asks or hook is HookKind.TALKED, **more)


talk = at_each_carrier(Talk)


def test_an_operator_who_takes_the_call(talk: Talk) -> None:
    talk.reach()
    assert talk.now["status"] == "forwarding"
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    (joins,) = talk.talked()
    assert isinstance(joins, Join)
    talk.operator(HookKind.ROOM, EventKind.OPERATOR_JOINED)
    assert talk.transfer["status"] == "connected"
    talk.room_left(EventKind.FORWARD_ENDED)
    assert talk.ended == "assistant-forwarded-call"


def test_its_socket_is_a_conversation_of_its_own(talk: Talk) -> None:
    """It has its own words, the secrets of its tools, and nothing of the caller's socket."""
    talk.reach(contextEngineeringPlan={"type": "none"})
    assistant = talk.claim.assistant
    assert assistant.conversation.first_message == "I have a caller for you."
    assert assistant.model["headers"] == {"x-key": SECRET}
    assert assistant.model["tools"][0]["server"]["secret"] == SECRET
    assert (talk.claim.backend, talk.claim.recorded) == ("local", False)
    assert not talk.claim.call["messages"]
    assert "A caller about a bill." in assistant.model["messages"][0]["content"]
    assert talk.media.commands([talk.claim]) == []


def test_a_value_in_its_words_is_no_template(talk: Talk) -> None:
    """The texts of a transfer are rendered when it begins; the tools named by id with its socket."""
    body = {"type": "function", "function": {"name": "book", "description": "For {{who}}."}}
    named = Tools(talk.ours.context).create(default_org.ORG_ID, body)
    who = {"variableValues": {"who": "{{ customer.number }}"}}
    talk.ours.calls.patch(default_org.ORG_ID, talk.call["id"], who)
    model = {**ASSISTANT["model"], "toolIds": [named["id"]]}
    assistant = {**ASSISTANT, "firstMessage": "Hello {{who}}.", "model": model}
    talk.reach(transferAssistant=assistant)
    made = talk.claim.assistant
    assert made.conversation.first_message == "Hello {{ customer.number }}."
    assert made.model["tools"][-1]["function"]["description"] == "For {{ customer.number }}."


def test_no_secret_of_it_is_shown(talk: Talk) -> None:
    talk.reach()
    assert SECRET not in str(talk.now)
    assert SECRET not in str(talk.events("forward.started"))


@pytest.mark.parametrize(
    ("reason", "shown", "words"),
    [
        (R.ASSISTANT_ENDED_CALL, "cancelled", "did not take the call"),
        (R.SILENCE_TIMED_OUT, "no-answer", "said nothing"),
        (R.VOICEMAIL, "voicemail", "an answering machine"),
        (R.PIPELINE_ERROR_OPENAI_LLM_FAILED, "failed", "could not be connected"),
        (R.SERVER_SHUTDOWN, "failed", "could not be connected"),
    ],
)
def test_a_talk_without_success_gives_the_caller_back(
    talk: Talk, reason: EndedReason, shown: str, words: str
) -> None:
    talk.reach()
    talk.media.request_end(talk.claim, reason)
    assert talk.outcome == ("in-progress", None)
    assert talk.transfer["status"] == shown
    (told,) = talk.commands()
    assert words in told["message"]["content"]
    assert talk.has("caller-back")
    assert talk.has("hang-up-operator")
    assert [type(each) for each in talk.talked()] == [HangUp]
    assert talk.media.awaited([talk.claim]) == frozenset()


def test_the_assistant_knows_the_operators_reason(talk: Talk) -> None:
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_ENDED_CALL, "Back in an hour.")
    (told,) = talk.commands()
    assert "The reason given: Back in an hour." in told["message"]["content"]


def test_an_operator_who_hangs_up_on_it(talk: Talk) -> None:
    talk.reach()
    talk.media.stopped(talk.claim)
    assert talk.transfer["status"] == "failed"
    (told,) = talk.commands()
    assert "hung up" in told["message"]["content"]


def test_an_operator_who_hangs_up_on_the_way_to_the_caller(talk: Talk) -> None:
    """The carrier's stop comes before our close: so the two cannot have met."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    talk.media.stopped(talk.claim)
    assert talk.outcome == ("in-progress", None)


def test_an_operator_who_hangs_up_before_the_leg_asks_what_follows(talk: Talk) -> None:
    """Only the carrier's status tells it. The caller, still in the room, is taken out of it."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    talk.operator(HookKind.OPERATOR_STATUS, EventKind.OPERATOR_ENDED, outcome="completed")
    assert talk.outcome == ("in-progress", None)
    assert talk.has("caller-back")
    assert [type(each) for each in talk.talked()] == [HangUp]


def test_a_caller_who_leaves_during_the_last_words_has_met_nobody(talk: Talk) -> None:
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    talk.room_left(EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    assert talk.transfer["status"] == "cancelled"
    assert talk.outcome[0] == "ended"
    assert talk.media.awaited([talk.claim]) == frozenset()


def test_last_words_that_take_long_are_no_meeting(talk: Talk) -> None:
    """Both legs are up, and the operator still listens to the assistant."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    up = talk.carrier.state("in-progress" if talk.carrier.name == "twilio" else "answered")
    talk.api.replies["GET"] = [up]
    talk.ours.clock.pass_(10)
    assert talk.run("watch-transfer", "briefed") == 10.0
    assert talk.transfer.get("status") is None
    talk.ours.clock.pass_(35)
    assert talk.run("watch-transfer", "briefed") is None
    assert talk.transfer["status"] == "cancelled"
    assert talk.has("caller-back")


def test_last_words_of_a_killed_process_keep_nobody_on_hold(talk: Talk) -> None:
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    talk.ours.context.presence.id = "another process"
    assert talk.run("watch-transfer", "briefed") is None
    assert talk.transfer["status"] == "failed"


WAYS = [
    (HookKind.TALKED, EventKind.OPERATOR_TALKED, {}),
    (HookKind.ROOM, EventKind.OPERATOR_JOINED, {}),
    (HookKind.OPERATOR_STATUS, EventKind.OPERATOR_ENDED, {"outcome": "completed"}),
]


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_the_last_events_in_every_order_and_twice(talk: Talk, order: Sequence[int]) -> None:
    """Nobody stays on hold: the call is over, or its caller is back. Nobody is dialled again."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    for number in (*order, *order):
        hook, kind, data = WAYS[number]
        talk.operator(hook, kind, **data)
    has_met = order.index(1) < order.index(2)
    assert talk.outcome[0] == ("ended" if has_met else "in-progress")
    assert talk.transfer["status"] == ("completed" if has_met else "failed")
    assert talk.has("caller-back") != has_met
    assert len([each for each in talk.api.asked if each.method == "POST"]) == 1


def test_a_lost_socket_is_not_opened_again(talk: Talk) -> None:
    talk.reach()
    talk.media.lost(talk.claim, word="1006")
    assert talk.transfer["status"] == "failed"
    assert talk.events("forward.failed")[0]["data"]["error"] == "1006"
    assert [type(each) for each in talk.talked()] == [HangUp]


@pytest.mark.parametrize(
    "end",
    [
        lambda talk: talk.media.lost(talk.claim, word="1006"),
        lambda talk: talk.media.lost(talk.claim, R.SERVER_SHUTDOWN),
        lambda talk: talk.media.request_end(talk.claim, R.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED),
    ],
    ids=["lost", "our process stops", "the voice fails"],
)
def test_an_operator_who_has_agreed_needs_no_last_words(
    talk: Talk, end: Callable[[Talk], None]
) -> None:
    """The leg, which is up, asks what follows. One that is over tells so."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    end(talk)
    assert talk.outcome == ("forwarding", None)
    assert [type(each) for each in talk.talked()] == [Join]
    end(talk)  # it may be stored behind the question
    talk.operator(HookKind.ROOM, EventKind.OPERATOR_JOINED)
    assert talk.transfer["status"] == "connected"


def test_an_operator_whose_leg_asks_nothing_keeps_nobody_on_hold(talk: Talk) -> None:
    """Their socket is lost, their leg is silent, and the talk's longest time is over."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    talk.media.lost(talk.claim, word="1006")
    talk.ours.clock.pass_(45)
    assert talk.run("watch-transfer", "briefed") is None
    assert talk.outcome == ("in-progress", None)
    assert talk.has("caller-back")


def test_a_socket_that_no_process_told_of(talk: Talk) -> None:
    """The process was killed: the carrier asks the next one what follows."""
    talk.reach()
    assert [type(each) for each in talk.talked()] == [HangUp]
    assert talk.transfer["status"] == "failed"
    assert len([each for each in talk.api.asked if each.method == "POST"]) == 1


def test_a_killed_process_keeps_nobody_on_hold(talk: Talk) -> None:
    """Nor does it, where the carrier asks nothing: the watch sees that the process is down."""
    talk.reach()
    assert talk.run("watch-transfer", "talking") == 10.0
    talk.ours.context.presence.id = "another process"
    assert talk.run("watch-transfer", "talking") is None
    assert talk.transfer["status"] == "failed"
    assert talk.has("caller-back")


def test_a_talk_that_takes_too_long(talk: Talk) -> None:
    talk.reach()
    talk.ours.clock.pass_(44)
    assert talk.run("watch-transfer", "talking") == 1.0
    talk.ours.clock.pass_(1)
    assert talk.run("watch-transfer", "talking") is None
    assert talk.transfer["status"] == "cancelled"
    assert "in time" in talk.commands()[0]["message"]["content"]


def test_a_socket_that_never_came(talk: Talk) -> None:
    talk.media = OperatorMedia(talk.ours.context)
    talk.begin(there(MODE, transferAssistant=ASSISTANT))
    talk.dial()
    talk.answer()
    talk.run("watch-transfer", "answered")
    assert talk.transfer["status"] == "failed"


def test_a_machine_ends_the_talk(talk: Talk) -> None:
    """Vonage's verdict comes in the middle of it."""
    talk.reach()
    talk.operator(HookKind.OPERATOR_STATUS, EventKind.OPERATOR_ANSWERED, machine=True)
    assert talk.transfer["status"] == "voicemail"
    assert talk.media.awaited([talk.claim]) == frozenset()


def test_a_caller_who_leaves_ends_the_talk(talk: Talk) -> None:
    talk.reach()
    talk.room_left(EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    assert talk.outcome[0] == "ended"
    assert talk.transfer["status"] == "cancelled"
    assert talk.media.awaited([talk.claim]) == frozenset()
    assert talk.has("hang-up-operator")


def test_a_status_of_the_socket_is_answered_with_no_document(talk: Talk) -> None:
    """Vonage would run it on the operator's leg."""
    talk.reach()
    talk.media.request_end(talk.claim, R.ASSISTANT_FORWARDED_CALL)
    assert talk.operator(HookKind.OPERATOR_STATUS, EventKind.NOTE) == []
    asks, leg, token = False, None, talk.token()
    assert WarmTransfer._heard(talk, HookKind.TALKED, [EventKind.NOTE], leg, token, asks) == []


def test_a_repeated_question_gets_the_same_document(talk: Talk) -> None:
    talk.begin(there(MODE, transferAssistant=ASSISTANT))
    talk.dial()
    first = talk.answer()
    talk.ours.clock.pass_(7)
    assert talk.answer() == first


def test_a_token_opens_one_socket_of_one_transfer(talk: Talk) -> None:
    talk.media = OperatorMedia(talk.ours.context)
    talk.begin(there(MODE, transferAssistant=ASSISTANT))
    talk.dial()
    (connect,) = talk.answer()
    assert isinstance(connect, Connect)
    claim = talk.open(connect)
    with pytest.raises(Refused, match="used before"):
        talk.open(connect)
    with pytest.raises(Refused, match="another leg"):
        talk.media.joined(claim, talk.start("the-callers-leg"))
    talk.operator(HookKind.OPERATOR_STATUS, EventKind.OPERATOR_ENDED, outcome="completed")
    with pytest.raises(Refused, match="not known"):
        talk.open(connect)
    with pytest.raises(Refused, match="over"):
        talk.media.joined(claim, talk.start())


def test_its_words_are_in_the_transfer_and_its_usage_in_the_costs(talk: Talk) -> None:
    talk.reach()
    before = talk.now.get("messages")
    said = {"messages": [{"role": "bot", "message": "Hi."}], "transcript": "AI: Hi.\n", "x": 1}
    used = {"type": "model", "model": {"provider": "openai", "model": "gpt-4o"}}
    usage = {**used, "promptTokens": 1000, "completionTokens": 0}
    talk.media.flush(talk.claim, [], said, [usage])
    assert talk.transfer["transcript"] == "AI: Hi.\n"
    assert talk.transfer["messages"] == said["messages"]
    assert talk.now.get("messages") == before
    assert [item["type"] for item in talk.now["costs"]] == ["model"]
    talk.media.request_end(talk.claim, R.ASSISTANT_ENDED_CALL)
    assert (talk.transfer["transcript"], talk.transfer["status"]) == ("AI: Hi.\n", "cancelled")


def test_the_report_waits_for_its_words(talk: Talk) -> None:
    talk.reach()
    talk.room_left(EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    talk.ours.clock.pass_(60)
    assert talk.has("report")
    talk.media.finished(talk.claim)
    assert not talk.has("report")


def test_it_does_not_transfer_its_operator(talk: Talk) -> None:
    talk.reach()
    assert talk.media.transfer(talk.claim, there(), None) == "the operator cannot be transferred"
    assert talk.media.press_keys(talk.claim, "1") is False


def test_one_that_cannot_talk_is_refused_when_the_transfer_begins(talk: Talk) -> None:
    voice = {"provider": "nobody", "voiceId": "x"}
    with pytest.raises(Invalid, match=r"transferAssistant cannot talk: voice\.provider"):
        talk.begin(there(MODE, transferAssistant={**ASSISTANT, "voice": voice}))
    assert talk.outcome == ("in-progress", None)


def test_a_menu_of_the_callers_is_no_menu_for_the_operator(talk: Talk) -> None:
    """The caller's assistant has no model, and its transfer assistant names none."""
    with pytest.raises(Invalid, match=r"cannot talk: model\.menu is missing"):
        talk.begin(there(MODE, transferAssistant={"firstMessage": "Hello."}))
    assert talk.outcome == ("in-progress", None)


def test_the_page_of_the_call_shows_its_document(talk: Talk) -> None:
    """As the operator's leg got it, its tokens hidden."""
    talk.reach()
    (answered,) = talk.events("operator.answered")
    log = talk.ours.calls.events(default_org.ORG_ID, talk.call["id"])
    with talk.ours.context.store.read() as conn:
        call = record.get(conn, talk.call["id"])
    assert call is not None
    parts = answers.requests(log)[answered["key"]]
    shown = answers.document(talk.ours.context, call, answered, parts).body.decode()
    assert f"/{talk.carrier.name}/talked/" in shown
    assert f"/media/{talk.carrier.name}/" in shown
    assert talk.token() not in shown
