"""A warm transfer at either carrier: the operator first, and the caller back where it fails."""

from __future__ import annotations

from typing import Any

import pytest

from app import default_org
from app.domain.errors import Invalid
from app.settings import Settings
from providers.base.instructions import (
    Brief,
    Connect,
    Fetch,
    Forward,
    HangUp,
    Join,
    Listen,
    Park,
    Play,
    Say,
)
from providers.base.webhook import HookKind
from providers.events import EventKind
from tests.domain.legs.warm_transfer import NUMBER, OPERATOR, WarmTransfer, at_each_carrier, there
from tests.domain.use_cases import domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.rest_api import DOWN

ENDED = EventKind.OPERATOR_ENDED


warm = at_each_carrier(WarmTransfer)


def kinds(instructions: list[Any]) -> list[type]:
    return [type(each) for each in instructions]


def transfers(warm: WarmTransfer) -> list[tuple[str, str | None]]:
    return [(each["mode"], each.get("status")) for each in warm.now["artifact"]["transfers"]]


def test_a_caller_and_an_operator_who_hears_the_message_first(warm: WarmTransfer) -> None:
    (hold,) = warm.begin()
    assert isinstance(hold, Park)
    assert warm.now["status"] == "forwarding"
    (request,) = warm.dial()
    assert NUMBER[1:] in str(request.body)
    said, fetch = warm.answer()
    assert said == Say("A caller about a bill.")
    assert isinstance(fetch, Fetch)
    assert warm.brief() == [Join(hold.room, 7200)]
    warm.operator(HookKind.ROOM, EventKind.OPERATOR_JOINED)
    assert warm.now["forwardedPhoneNumber"] == NUMBER
    assert transfers(warm) == [("warm-transfer-say-message", "connected")]
    assert kinds(warm.room_left(EventKind.FORWARD_ENDED)) == [HangUp]
    assert warm.ended == "assistant-forwarded-call"
    assert transfers(warm) == [("warm-transfer-say-message", "completed")]


def test_an_operator_who_leaves_ends_the_call(warm: WarmTransfer) -> None:
    """That the room is over may come later, or never."""
    warm.until_briefed()
    warm.operator(HookKind.ROOM, EventKind.OPERATOR_JOINED)
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    assert warm.outcome == ("ended", "assistant-forwarded-call")
    assert kinds(warm.room_left(EventKind.FORWARD_ENDED)) == [HangUp]


def test_an_operator_who_hangs_up_on_the_way_into_the_room(warm: WarmTransfer) -> None:
    """The caller, who would hear music for ever, is back with the assistant."""
    warm.until_briefed()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    assert warm.outcome == ("in-progress", None)
    assert transfers(warm) == [("warm-transfer-say-message", "failed")]
    warm.api.asked.clear()
    assert warm.run("caller-back") is None
    assert "the-callers-leg" in warm.api.asked[0].path


def test_an_operator_whose_entry_nobody_told_of(warm: WarmTransfer) -> None:
    """The room is over, and its caller asks what follows: the assistant again, not silence."""
    warm.until_briefed()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    assert kinds(warm.room_left(EventKind.FORWARD_ENDED)) == [Connect]
    assert warm.outcome == ("in-progress", None)


@pytest.mark.parametrize(
    ("outcome", "shown", "words"),
    [
        ("busy", "busy", "the line was busy"),
        ("no-answer", "no-answer", "nobody answered"),
        ("failed", "failed", "could not be connected"),
        ("completed", "failed", "hung up"),  # while the message was spoken
    ],
)
def test_an_operator_who_is_not_reached(
    warm: WarmTransfer, outcome: str, shown: str, words: str
) -> None:
    """The caller is back with the same assistant, which knows."""
    warm.begin()
    warm.dial()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome=outcome)
    assert warm.outcome == ("in-progress", None)
    assert transfers(warm) == [("warm-transfer-say-message", shown)]
    (told,) = warm.commands()
    assert words in told["message"]["content"]
    assert (told["message"]["role"], told["triggerResponseEnabled"]) == ("system", True)
    warm.api.asked.clear()
    assert warm.run("caller-back") is None
    (request,) = warm.api.asked
    assert "the-callers-leg" in request.path
    assert "/media/" in str(request.body)


@pytest.mark.parametrize(("ends", "shown"), [(None, True), (True, True), (False, False)])
def test_what_the_plan_has_for_a_failure(
    warm: WarmTransfer, ends: bool | None, shown: bool
) -> None:
    plan = {"message": "Nobody is there.", **({} if ends is None else {"endCallEnabled": ends})}
    warm.begin(there(fallbackPlan=plan))
    warm.dial()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="busy")
    added, said = warm.commands()
    assert added["triggerResponseEnabled"] is False
    assert said == {"type": "say", "content": "Nobody is there.", "endCallAfterSpoken": shown}


def test_a_machine_is_no_operator(warm: WarmTransfer) -> None:
    warm.begin(there("warm-transfer-experimental"))
    (request,) = warm.dial()
    assert "etection" in str(request.body)
    answer = warm.operator(HookKind.OPERATOR, EventKind.OPERATOR_ANSWERED, machine=True)
    assert kinds(answer) == [HangUp]
    assert transfers(warm) == [("warm-transfer-experimental", "voicemail")]
    warm.api.asked.clear()
    warm.run("hang-up-operator")
    assert OPERATOR in warm.api.asked[0].path


def test_a_caller_who_leaves_while_it_rings(warm: WarmTransfer) -> None:
    """The operator's phone stops ringing; who answers all the same is hung up."""
    warm.begin()
    warm.dial()
    warm.room_left(EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    assert warm.outcome[0] == "ended"
    assert transfers(warm) == [("warm-transfer-say-message", "cancelled")]
    assert warm.has("hang-up-operator")
    assert not warm.has("caller-back")
    assert kinds(warm.answer()) == [HangUp]


def test_an_end_by_the_api_takes_the_caller_out_of_the_room(
    settings: Settings,
) -> None:
    with domain(settings) as (ours, api):
        back = "https://webhooks.twilio.com/v1/Accounts/AC/Flows/FW"
        warm = WarmTransfer(ours, api, FAKES["twilio"], phoneCallProviderReturnUrl=back)
        warm.begin()
        warm.dial()
        ours.end(warm.call)
        assert warm.outcome == ("ended", "manually-canceled")
        api.asked.clear()
        warm.run("caller-back")
        assert "manually-canceled" in str(api.asked[0].body)


def test_an_operator_is_never_dialled_twice(warm: WarmTransfer) -> None:
    """The job was killed behind its request: what runs in its place finds the event."""
    warm.begin()
    assert len(warm.dial()) == 1
    warm.ours.later.enqueue(None, "dial-operator", "again", _payload(warm))  # type: ignore[arg-type]
    assert warm.dial() == []


def _payload(warm: WarmTransfer) -> dict[str, str]:
    return {"callId": warm.call["id"], "forward": warm.forward}


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("held", "failed"),  # killed before the job dialled, and it never came back
        ("dialled", "failed"),  # killed behind the request, and no webhook came
        ("ringing", "no-answer"),
        ("answered", "failed"),
    ],
)
def test_no_step_takes_for_ever(warm: WarmTransfer, step: str, status: str) -> None:
    warm.begin()
    if step == "dialled":
        warm.api.replies["POST"] = [DOWN]
    if step != "held":
        warm.dial()
    if step == "answered":
        warm.answer()
    warm.run("watch-transfer", step)
    assert transfers(warm) == [("warm-transfer-say-message", status)]
    assert warm.has("caller-back")


def test_a_watch_of_an_earlier_step_does_nothing(warm: WarmTransfer) -> None:
    warm.begin()
    warm.dial()
    warm.answer()
    for step in ("held", "dialled", "ringing"):
        warm.run("watch-transfer", step)
    assert warm.outcome == ("forwarding", None)


def test_two_who_talk_are_left_alone_whatever_is_lost(warm: WarmTransfer) -> None:
    """No event told that the operator has joined: the carrier is asked about both legs."""
    warm.until_briefed()
    up = warm.carrier.state("in-progress" if warm.carrier.name == "twilio" else "answered")
    warm.api.replies["GET"] = [up]
    warm.run("watch-transfer", "briefed")
    assert warm.outcome == ("forwarding", None)
    assert transfers(warm) == [("warm-transfer-say-message", "connected")]


def test_a_refused_operator_gives_the_caller_back_at_once(warm: WarmTransfer) -> None:
    warm.begin()
    warm.api.replies["POST"] = [warm.carrier.refused]
    warm.dial()
    assert warm.outcome == ("in-progress", None)
    assert warm.carrier.code in str(warm.events("forward.failed")[0]["data"])


def test_a_transfer_that_may_end_the_call(warm: WarmTransfer) -> None:
    warm.begin({**there(), "onFailure": "end"})
    warm.dial()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="busy")
    assert warm.outcome == ("ended", "assistant-forwarded-call")
    assert warm.commands() == []
    assert warm.has("caller-back")  # to be returned or hung up


def test_sounds_of_the_plan(warm: WarmTransfer) -> None:
    urls = {
        "holdAudioUrl": "https://x.example/hold.mp3",
        "transferCompleteAudioUrl": "https://x.example/beep.mp3",
    }
    (hold,) = warm.begin(there(**urls))
    assert isinstance(hold, Park)
    assert hold.music_url == urls["holdAudioUrl"]
    warm.dial()
    warm.answer()
    assert warm.brief()[0] == Play(urls["transferCompleteAudioUrl"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"mode": "lukewarm"}, "transferPlan.mode must be one of"),
        ({"dialTimeout": 0}, "transferPlan.dialTimeout"),
        ({"holdAudioUrl": "hold.mp3"}, "transferPlan.holdAudioUrl"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_changes_nothing(
    warm: WarmTransfer, change: dict[str, Any], text: str
) -> None:
    plan = {**there()["transferPlan"], **change}
    with pytest.raises(Invalid, match=text):
        warm.begin({**there(), "transferPlan": plan})
    assert warm.outcome == ("in-progress", None)


SPEAKS_FIRST = "warm-transfer-wait-for-operator-to-speak-first-and-then-say-message"


def test_an_operator_who_speaks_first(warm: WarmTransfer) -> None:
    warm.begin(there(SPEAKS_FIRST, timeout=30))
    warm.dial()
    (listen,) = warm.answer()
    assert isinstance(listen, Listen)
    assert listen.seconds == 30
    said, _ = warm.operator(HookKind.SPOKE, EventKind.OPERATOR_ANSWERED, spoke=True)
    assert said == Say("A caller about a bill.")


def test_an_operator_who_says_nothing(warm: WarmTransfer) -> None:
    warm.begin(there(SPEAKS_FIRST))
    warm.dial()
    warm.answer()
    answer = warm.operator(HookKind.SPOKE, EventKind.OPERATOR_ANSWERED, spoke=False)
    assert kinds(answer) == [HangUp]
    assert transfers(warm) == [(SPEAKS_FIRST, "no-answer")]


SCREENED = '<Gather numDigits="1"><Say>Take it?</Say></Gather><Hangup/>'


def test_an_operator_whose_leg_runs_the_plans_own_verbs(warm: WarmTransfer) -> None:
    """A key brings the caller. After silence the leg goes on by itself."""
    warm.begin(there("warm-transfer-twiml", twiml=SCREENED))
    warm.dial()
    brief, fetch = warm.answer()
    assert isinstance(brief, Brief)
    assert isinstance(fetch, Fetch)
    assert (brief.twiml, brief.url) == (SCREENED, fetch.url)
    assert warm.operator(HookKind.BRIEFED, EventKind.NOTE, asks=False) == []
    assert kinds(warm.brief()) == [Join]


def test_an_operator_whose_leg_hangs_up_gives_the_caller_back(warm: WarmTransfer) -> None:
    warm.begin(there("warm-transfer-twiml", twiml=SCREENED))
    warm.dial()
    warm.answer()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    assert warm.outcome == ("in-progress", None)
    assert transfers(warm) == [("warm-transfer-twiml", "failed")]


def test_a_value_in_the_verbs_is_a_text(warm: WarmTransfer) -> None:
    warm.ours.calls.patch(
        default_org.ORG_ID, warm.call["id"], {"variableValues": {"name": "A & <Hangup/>"}}
    )
    warm.begin(there("warm-transfer-twiml", twiml="<Say>{{name}} calls.</Say>"))
    warm.dial()
    brief, _ = warm.answer()
    assert isinstance(brief, Brief)
    assert brief.twiml == "<Say>A &amp; &lt;Hangup/&gt; calls.</Say>"
    assert warm.ours.context.providers[warm.carrier.name].markup.answer([brief]).body


def test_the_verbs_have_their_time(warm: WarmTransfer) -> None:
    warm.begin(there("warm-transfer-twiml", twiml='<Pause length="100"/>'))
    warm.dial()
    warm.answer()
    assert warm.delay("watch-transfer", "answered") == 115


def test_the_verbs_take_nothing_from_the_talk(warm: WarmTransfer) -> None:
    """The carrier's own limit of the leg begins with the answer, or before."""
    warm.begin(there("warm-transfer-twiml", twiml='<Pause length="500"/>', dialTimeout=60))
    (request,) = warm.dial()
    name = "TimeLimit" if warm.carrier.name == "twilio" else "length_timer"
    assert request.body[name] in (7785, ["7785"])  # 7200, 70 of ringing, 515 of the verbs


@pytest.mark.parametrize(
    "twiml", ["<Dial>+14155550123</Dial>", "{% if true %}<Say>{% endif %}", "<Say>{{"]
)
def test_verbs_that_no_leg_could_run_change_nothing(warm: WarmTransfer, twiml: str) -> None:
    with pytest.raises(Invalid, match=r"transferPlan\.twiml"):
        warm.begin(there("warm-transfer-twiml", twiml=twiml))
    assert warm.outcome == ("in-progress", None)


def test_verbs_that_only_one_carrier_has(warm: WarmTransfer) -> None:
    destination = there("warm-transfer-twiml", twiml='<Play digits="1"/>')
    if warm.carrier.name == "twilio":
        warm.begin(destination)
        return
    with pytest.raises(Invalid, match="plays no digits"):
        warm.begin(destination)


def test_a_blind_transfer_has_no_room(warm: WarmTransfer) -> None:
    (forward,) = warm.begin({**there("blind-transfer"), "message": ""})
    assert isinstance(forward, Forward)
    assert not warm.has("dial-operator")
