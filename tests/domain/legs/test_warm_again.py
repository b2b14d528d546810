"""A call with more than one transfer, and words about a transfer that is over or not begun."""

from __future__ import annotations

import pytest

from app import default_org
from app.domain.calls import instructions, record
from app.domain.calls.record import CallTx
from app.domain.errors import Invalid
from app.settings import Settings
from providers.base.instructions import Connect, Park
from providers.base.webhook import HookKind
from providers.events import EventKind
from tests.domain.legs.warm_transfer import OPERATOR, WarmTransfer, at_each_carrier, there
from tests.domain.use_cases import domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.rest_api import DOWN

ENDED = EventKind.OPERATOR_ENDED


class Again(WarmTransfer):
    def busy(self) -> None:
        """The operator's line is busy: the caller is on the way back."""
        self.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="busy")

    def back(self) -> None:
        """The assistant has the caller again, in a socket of a new document."""
        with self.ours.context.store.read() as conn:
            call = record.get(conn, self.call["id"])
            assert call is not None
            given = instructions.tokens_for(CallTx(self.ours.context, conn, call), None)
        self.tell(HookKind.STATUS, EventKind.MEDIA_CONNECTED, stream=given.media[:24])

    def ask_transfer(self) -> None:
        body = {"type": "transfer", "destination": there(), "content": ""}
        self.ours.calls.control(default_org.ORG_ID, self.call["id"], None, body)

    @property
    def hang_ups(self) -> set[str]:
        """The transfers whose operator is to be hung up."""
        jobs = (key.partition(":") for key in self.ours.later.waiting)
        return {forward for kind, _, forward in jobs if kind == "hang-up-operator"}


warm = at_each_carrier(Again)


def test_a_caller_who_has_left_a_room_before_is_taken_out_of_the_next(warm: Again) -> None:
    """What was told of the first room is not of the second."""
    warm.until_briefed()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    warm.room_left(EventKind.FORWARD_ENDED)
    warm.back()
    warm.begin()
    warm.dial()
    warm.busy()
    warm.api.asked.clear()
    warm.run("caller-back")
    (request,) = warm.api.asked
    assert "/media/" in str(request.body)
    warm.ours.end(warm.call)
    warm.run("caller-back")
    assert len(warm.api.asked) == 2


def test_the_assistant_is_told_once_of_a_failure(warm: Again) -> None:
    """That the room is over comes behind the operator's end, which has decided."""
    warm.until_briefed()
    warm.operator(HookKind.OPERATOR_STATUS, ENDED, outcome="completed")
    assert isinstance(warm.room_left(EventKind.FORWARD_ENDED)[0], Connect)
    assert len(warm.commands()) == 1


def test_a_late_word_of_the_first_transfer_is_none_of_the_second(warm: Again) -> None:
    warm.begin()
    warm.dial()
    first = warm.token()
    warm.busy()
    warm.back()
    (hold,) = warm.begin()
    warm.dial()
    warm.commands()
    warm.ours.later.waiting.clear()
    assert warm.tell(HookKind.FORWARD, EventKind.FORWARD_ENDED, token=first) == [hold]
    assert warm.outcome == ("forwarding", None)
    assert (warm.commands(), warm.hang_ups) == ([], set())


def test_a_caller_on_the_way_back_is_not_transferred(warm: Again) -> None:
    """Their leg is in a room, and nothing would take it to the next destination."""
    warm.begin()
    warm.dial()
    warm.busy()
    with pytest.raises(Invalid, match="on the way back"):
        warm.ask_transfer()
    warm.run("caller-back")
    with pytest.raises(Invalid, match="on the way back"):
        warm.ask_transfer()
    warm.back()
    warm.ask_transfer()
    assert warm.outcome == ("forwarding", None)


def test_a_repeated_question_of_before_the_transfer_leads_into_no_room(warm: Again) -> None:
    """No operator is dialled by a replay: so its answer is that of then, and the leg asks again."""
    first = warm.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED, key="asked twice")
    warm.ask_transfer()
    again = warm.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED, key="asked twice")
    assert again == first
    assert not warm.has("dial-operator")
    (hold,) = warm.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED)
    assert isinstance(hold, Park)
    assert warm.has("dial-operator")


def test_a_transfer_whose_document_nobody_asks_for_ends(warm: Again) -> None:
    """Its socket was lost and replaced before, and no new one is open."""
    warm.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED)
    warm.ask_transfer()
    assert warm.ours.timers(warm.call)["lost"] == warm.ours.context.settings.join_timeout_seconds
    warm.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED)
    assert "lost" not in warm.ours.timers(warm.call)


def test_an_operator_who_is_known_once_the_transfer_is_over_is_hung_up(warm: Again) -> None:
    """The answer to the request was lost, and the carrier has dialled all the same."""
    warm.begin()
    warm.api.replies["POST"] = [DOWN]
    warm.dial()
    warm.run("watch-transfer", "dialled")
    warm.run("hang-up-operator")
    warm.operator(HookKind.OPERATOR_STATUS, EventKind.OPERATOR_RINGING)
    warm.api.replies["POST"] = [warm.carrier.accepted]
    warm.api.asked.clear()
    warm.run("hang-up-operator")
    assert OPERATOR in warm.api.asked[0].path
    warm.operator(HookKind.OPERATOR_STATUS, EventKind.OPERATOR_RINGING)
    assert not warm.hang_ups


def test_an_operator_who_is_placed_during_the_next_transfer_is_hung_up(warm: Again) -> None:
    warm.begin()
    first = warm.forward

    def meanwhile() -> None:
        warm.api.meanwhile = lambda: None
        warm.busy()
        warm.back()
        warm.begin()

    warm.api.meanwhile = meanwhile
    warm.dial()
    assert warm.hang_ups == {first}


def test_a_carrier_that_is_down_is_asked_again_whether_two_have_met(warm: Again) -> None:
    warm.until_briefed()
    warm.api.replies["GET"] = [DOWN]
    assert warm.run("watch-transfer", "briefed") == 10.0
    warm.api.replies["GET"] = [
        warm.carrier.state("in-progress" if warm.carrier.name == "twilio" else "answered")
    ]
    assert warm.run("watch-transfer", "briefed") is None
    assert warm.events("operator.joined")


def test_the_legs_of_a_deleted_call_do_not_wait_for_each_other(warm: Again) -> None:
    warm.begin()
    warm.dial()
    warm.answer()
    warm.ours.delete(warm.call)
    legs = {key.rpartition(":")[2] for key in warm.ours.later.waiting if key.startswith("hang-up:")}
    assert legs == {OPERATOR, "the-callers-leg"}


def test_those_who_talk_are_left_alone_by_a_deletion(warm: Again) -> None:
    warm.until_briefed()
    warm.operator(HookKind.ROOM, EventKind.OPERATOR_JOINED)
    warm.ours.delete(warm.call)
    assert not any(key.startswith("hang-up:") for key in warm.ours.later.waiting)


def test_an_answer_that_is_told_late_takes_nothing_from_the_transfer(settings: Settings) -> None:
    """The call's own limit begins anew once the caller is back."""
    with domain(settings) as (ours, api):
        warm = Again(ours, api, FAKES["twilio"], phoneCallProviderBypassEnabled=False)
        warm.begin()
        limit = ours.timers(warm.call)["max-duration"]
        warm.tell(HookKind.STATUS, EventKind.LEG_ANSWERED)
        assert ours.timers(warm.call)["max-duration"] == limit
