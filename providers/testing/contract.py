"""The rules for every carrier: one suite, run for each of them.

The suite is installed with the program, for carriers of other distributions too; it needs the
packages ``pytest`` and ``hypothesis``. A carrier lends a ``Case`` and gets the tests::

    class VonageCase(Case):
        provider = VONAGE
        ...

    class TestVonageContract(ProviderContract):
        case = VonageCase()

Each carrier's own words, markup and signature rules have tests of their own. Some signatures
cover the path and others do not. This suite checks the parts that all signatures cover: the
body of a POST and the query of a GET.
"""

from __future__ import annotations

import inspect
import json
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.base.carrier import NEVER_ANSWERED, PARTS, Carrier
from providers.base.instructions import (
    Brief,
    Connect,
    Details,
    Fetch,
    Forward,
    HangUp,
    Instruction,
    Join,
    Listen,
    Park,
    Play,
    Return,
    Say,
)
from providers.base.media import Audio, MediaSerializer, StreamStart
from providers.base.rest import Account, CarrierClient, OperatorCall, OutboundCall
from providers.base.webhook import HookKind, WebhookRequest
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import (
    BadRequest,
    CarrierError,
    InvalidSignature,
    MissingSignature,
    NoSecret,
    NotConfigured,
    Refused,
)
from providers.events import EndedReason, EventKind

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
"""``received_at`` of every request of a Case, and its signing time."""

ORIGIN = "https://patchbay.example"
TOKEN = "tok_0123456789abcdefghijklmnop"  # the path parameter ``token``
CALL_ID = "7a9d3c52-61f0-4f0e-9a55-3f1f6f5a1b11"  # the path parameter ``call_id``
MEDIA_URL = "wss://patchbay.example/media/carrier/str_0123456789abcdefghijkl"


class Case(ABC):
    """One carrier's data for the suite. All of it is plain data or pure functions."""

    provider: ClassVar[Carrier]
    account: ClassVar[Account]
    """Has every secret of the carrier (REST too). Its first signing secret signs the requests."""
    rotated: ClassVar[Account]
    """The same ref, with a newer signing secret first and that of ``account`` second."""
    keyless: ClassVar[Account]
    """The same ref without any signing secret, built by ``Account(...)`` itself."""
    stranger: ClassVar[Account]
    """An account with another ref and another signing secret."""
    credential: ClassVar[JsonObject]
    """Vapi's credential body that ``provider.config.credential`` makes ``account``'s ref of."""
    signature_header: ClassVar[str]
    """Lower-case name of the header that carries the signature."""
    unknown_word: ClassVar[str]
    unknown: ClassVar[JsonObject]
    """Fields for a STATUS request in which the carrier says ``unknown_word``."""

    @abstractmethod
    def request(
        self,
        hook: HookKind,
        fields: JsonObject | None = None,
        *,
        method: str = "POST",
        query: str = "",
        signer: Account | None = None,
    ) -> WebhookRequest:
        """A signed request of the carrier to its (first) hook of that kind, received at ``NOW``.

        It starts from a recorded request (``requests/``). ``fields`` replace the carrier's own or
        are added; None removes one. ``query`` is the raw query string of our own URL. On GET the
        carrier's fields follow it. ``signer`` (default ``account``) gives only the secret: the
        request still names ``account``.
        """

    @abstractmethod
    def handshake(self, url: str, *, signer: Account | None = None) -> list[tuple[str, str]]:
        """Headers of the media socket's opening request, signed now (not at ``NOW``)."""

    @abstractmethod
    def opening(self) -> Sequence[str | bytes]:
        """The carrier's first messages on the media socket; the last is decoded to StreamStart."""

    @abstractmethod
    def speech(self, pcm: bytes) -> str | bytes:
        """The message with the caller's audio (PCM at the serializer's sample rate)."""

    @abstractmethod
    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        """The audio in messages that we send: PCM at the serializer's sample rate."""


def hook_url(carrier: Carrier, kind: HookKind, query: str = "") -> str:
    """Absolute URL of the carrier's first hook of that kind, path parameters filled in."""
    path = next(hook.path for hook in carrier.hooks if hook.kind is kind)
    path = path.replace("<token>", TOKEN).replace("<call_id>", CALL_ID)
    return f"{ORIGIN}{path}" + (f"?{query}" if query else "")


def arrow(connect: JsonObject | None = None) -> Connect:
    """A Connect with all fields set; ``connect`` replaces some."""
    whole: JsonDict = {
        "call_id": CALL_ID,
        "media_url": MEDIA_URL,
        "stream_url": f"{ORIGIN}/carrier/stream/{TOKEN}",
        "continue_url": f"{ORIGIN}/carrier/after/{TOKEN}",
        "number": "+15005550006",
    }
    return Connect(**{**whole, **(connect or {})})


OUTCOME_URL = f"{ORIGIN}/carrier/dial/{TOKEN}"
INSTRUCTIONS: Mapping[str, Instruction] = {
    "connect": arrow(),
    "forward to a number": Forward("+14155550123", OUTCOME_URL, caller_id="+15005550006"),
    "forward to a sip address": Forward("sip:desk@pbx.example", OUTCOME_URL),
    "return": Return("https://flow.example/back?step=2", {"endedReason": "customer-ended-call"}),
    "say": Say("One moment, please."),
    "hang up": HangUp(),
}
ROOM_URL = f"{ORIGIN}/carrier/room/{TOKEN}"
OF_TRANSFERS: Mapping[str, Instruction] = {
    "hold": Park("patchbay-room", OUTCOME_URL, ROOM_URL),
    "hold with music": Park("patchbay-room", OUTCOME_URL, ROOM_URL, "https://x.example/a.mp3"),
    "join": Join("patchbay-room"),
    "listen": Listen(f"{ORIGIN}/carrier/spoke/{TOKEN}", 60),
    "play": Play("https://x.example/a.mp3"),
    "brief": Brief("<Say>A caller.</Say>", f"{ORIGIN}/carrier/briefed/{TOKEN}"),
    "fetch": Fetch(f"{ORIGIN}/carrier/briefed/{TOKEN}"),
    "forward with headers": Forward(
        "sip:desk@pbx.example",
        OUTCOME_URL,
        sip_headers={"X-Transfer-Summary": "Wants a d\u00e9sk."},
    ),
}
"""What a carrier must be able to say that connects an operator before the caller."""
OPERATORS: Mapping[HookKind, tuple[EventKind, bool]] = {
    HookKind.OPERATOR: (EventKind.OPERATOR_ANSWERED, True),
    HookKind.SPOKE: (EventKind.OPERATOR_ANSWERED, True),
    HookKind.BRIEFED: (EventKind.OPERATOR_BRIEFED, True),
    HookKind.TALKED: (EventKind.OPERATOR_TALKED, True),
    HookKind.OPERATOR_STATUS: (EventKind.OPERATOR_ENDED, False),
}
"""What the recorded request of each of the operator's hooks says, and whether it asks."""
INEXPRESSIBLE: Mapping[str, Instruction] = {
    "media URL with a query": arrow({"media_url": f"{MEDIA_URL}?token=1"}),
    "media URL that is no websocket": arrow({"media_url": "https://patchbay.example/media/x"}),
    "relative media URL": arrow({"media_url": "/media/x"}),
    "relative stream URL": arrow({"stream_url": "/carrier/stream/x"}),
    "relative outcome URL": Forward("+14155550123", "/carrier/dial/x"),
    "relative return URL": Return("/back", {}),
    "return to no website": Return("javascript:alert(1)", {}),
    "forward to nobody": Forward("", OUTCOME_URL),
    "forward to a word": Forward("reception", OUTCOME_URL),
}
MALFORMED_SIGNATURES: Mapping[str, str] = {
    "empty": "",
    "a word": "signature",
    "not ASCII": "Bearer \u00e9\u00e9\u00e9",
    "a lone surrogate": "\ud800",
    "NUL": "\x00",
    "three empty parts": "Bearer ..",
    "8 kB": "Bearer " + "A" * 8192,
}
BAD_FRAMES: Mapping[str, str] = {
    "empty": "",
    "no JSON": "hello",
    "half of it": '{"event":',
    "an array": "[1]",
    "null": "null",
    "no name": "{}",
    "a number as name": '{"event": 5}',
    "nested deeper than any parser": "[" * 50_000,
    "over 64 kB": json.dumps({"event": "x" * 70_000}),
}
WHERE_IT_ASKS = frozenset(
    {
        HookKind.ARRIVE,
        HookKind.FETCH,
        HookKind.CONTINUE,
        HookKind.FORWARD,
        HookKind.FALLBACK,
        HookKind.OPERATOR,
        HookKind.SPOKE,
        HookKind.BRIEFED,
        HookKind.TALKED,
        HookKind.WAIT,
    }
)

OF_ROOMS = (
    "test_a_room_and_what_leads_there_can_be_said",
    "test_both_legs_are_told_the_same_room_and_we_are_told_of_it",
    "test_an_operator_who_cannot_be_dialled_now_is_worth_another_try",
)
"""The tests of carriers whose legs can wait: ``Carrier.holds``."""

inherited = settings(suppress_health_check=[HealthCheck.differing_executors])
"""Hypothesis settings: one test function runs for the classes of several carriers."""


class ProviderContract:
    """The suite. Subclass it as ``Test<Carrier>Contract`` with ``case`` set."""

    case: ClassVar[Case]

    def __init_subclass__(cls, **options: Any) -> None:
        """A carrier that connects every leg at once has no rooms: nothing is asked of them."""
        super().__init_subclass__(**options)
        case = getattr(cls, "case", None)
        if case is not None and not case.provider.holds:
            for name in OF_ROOMS:
                setattr(cls, name, None)

    # -------------------------------------------------------------- names and URLs

    @pytest.mark.parametrize("part", PARTS)
    def test_each_part_has_every_function_with_the_same_parameters(self, part: str) -> None:
        for name, member in vars(PARTS[part]).items():
            if name.startswith("_") or not inspect.isfunction(member):
                continue
            wanted = list(inspect.signature(member).parameters)[1:]
            found = inspect.signature(getattr(getattr(self.case.provider, part), name)).parameters
            assert list(found)[: len(wanted)] == wanted
            more = list(found.values())[len(wanted) :]
            assert all(each.default is not each.empty for each in more)

    def test_its_attributes_are_of_the_kinds_promised(self) -> None:
        provider = self.case.provider
        assert re.fullmatch(r"[a-z]+", provider.name)
        assert isinstance(provider.return_hosts, frozenset)
        assert isinstance(provider.connect_failed, EndedReason)
        assert provider.number_fields.number.startswith(provider.name)
        assert provider.never_answered >= NEVER_ANSWERED
        assert all(isinstance(each, EndedReason) for each in provider.never_answered)

    def test_its_settings_are_below_its_name_and_told_apart(self) -> None:
        provider = self.case.provider
        for setting in provider.settings:
            assert re.fullmatch(rf"{provider.name.upper()}(_[A-Z]+)+", setting.variable)
            assert setting.meaning
        assert len({each.variable for each in provider.settings}) == len(provider.settings)
        assert len({each.field for each in provider.settings}) == len(provider.settings)
        assert any(each.required for each in provider.settings)

    def test_its_hooks_are_below_its_name_and_told_apart(self) -> None:
        provider = self.case.provider
        for hook in provider.hooks:
            assert re.fullmatch(rf"/{provider.name}(/[a-z_]+|/<(token|call_id)>)+", hook.path)
            assert hook.methods
            assert set(hook.methods) <= {"GET", "POST"}
        assert len({hook.path for hook in provider.hooks}) == len(provider.hooks)
        assert {HookKind.ARRIVE, HookKind.STATUS} <= self._kinds()

    # -------------------------------------------------------------- accounts

    def test_a_credential_becomes_the_account(self) -> None:
        provider = self.case.provider
        ref, public, secrets = provider.config.credential(self.case.credential)
        assert provider.config.account(ref, secrets).ref == self.case.account.ref
        json.dumps([public, secrets])

    def test_nothing_secret_is_public_or_printed(self) -> None:
        _, public, secrets = self.case.provider.config.credential(self.case.credential)
        printed = repr(self.case.provider.config.account(self.case.account.ref, secrets))
        for secret in _texts(secrets):
            assert secret not in json.dumps(public)
            assert secret not in printed

    @pytest.mark.parametrize("wrong", [5, "", [""], [5], {"a": "b"}], ids=repr)
    def test_a_secret_of_a_wrong_shape_is_named_and_not_shown(self, wrong: object) -> None:
        for name in self.case.account.secrets:
            secrets = {**self.case.account.secrets, name: wrong}
            with pytest.raises(NotConfigured, match=name) as caught:
                self.case.provider.config.account(self.case.account.ref, secrets)
            for secret in _texts(self.case.account.secrets):
                assert secret not in str(caught.value)

    def test_a_secret_nobody_knows_is_refused_by_name(self) -> None:
        secrets = {**self.case.account.secrets, "pasword": "x"}
        with pytest.raises(NotConfigured, match="pasword"):
            self.case.provider.config.account(self.case.account.ref, secrets)

    @pytest.mark.parametrize("body", [{}, {"provider": "carrierpigeon"}], ids=repr)
    def test_a_credential_of_nothing_is_refused(self, body: JsonObject) -> None:
        with pytest.raises(NotConfigured):
            self.case.provider.config.credential(body)

    # -------------------------------------------------------------- signatures

    def test_every_hook_lets_its_recorded_request_in(self) -> None:
        for kind in self._kinds():
            request = self.case.request(kind)
            assert self.case.provider.signature.claimed_account(request) == self.case.account.ref
            self.case.provider.signature.verify(request, self.case.account)
            self.case.provider.signature.verify(request, self.case.account)  # a repeat

    def test_a_get_is_let_in_where_it_is_allowed(self) -> None:
        request = self.case.request(HookKind.ARRIVE, method="GET", query="assistantId=a%20b")
        self.case.provider.signature.verify(request, self.case.account)

    def test_without_a_signature_there_is_nothing_to_verify(self) -> None:
        request = self._with_signatures()
        with pytest.raises(MissingSignature):
            self.case.provider.signature.verify(request, self.case.account)
        with pytest.raises(MissingSignature):
            self.case.provider.signature.claimed_account(request)

    @pytest.mark.parametrize("text", MALFORMED_SIGNATURES.values(), ids=MALFORMED_SIGNATURES)
    def test_a_malformed_signature_is_refused(self, text: str) -> None:
        with pytest.raises(Refused):
            self.case.provider.signature.verify(self._with_signatures(text), self.case.account)

    def test_two_signatures_are_refused_even_if_both_hold(self) -> None:
        held = self.case.request(HookKind.STATUS).header(self.case.signature_header) or ""
        with pytest.raises(Refused):
            self.case.provider.signature.verify(
                self._with_signatures(held, held), self.case.account
            )

    def test_a_wrong_secret_is_refused(self) -> None:
        request = self.case.request(HookKind.STATUS, signer=self.case.stranger)
        with pytest.raises(InvalidSignature):
            self.case.provider.signature.verify(request, self.case.account)

    def test_another_account_with_the_same_secret_is_refused(self) -> None:
        account = replace(self.case.account, ref=self.case.stranger.ref)
        with pytest.raises(InvalidSignature):
            self.case.provider.signature.verify(self.case.request(HookKind.STATUS), account)

    def test_a_changed_body_is_refused(self) -> None:
        request = self.case.request(HookKind.STATUS)
        for changed in (_one_digit_other(request.body), b"", request.body * 2):
            with pytest.raises(InvalidSignature):
                self.case.provider.signature.verify(
                    replace(request, body=changed), self.case.account
                )

    @pytest.mark.parametrize(
        "change",
        [
            lambda url: url.replace("assistantId=a", "assistantId=b"),  # a value of ours
            lambda url: f"{url}&flow=x",  # one more
            lambda url: _one_digit_other(url.encode()).decode(),  # a value of the carrier's
            lambda url: url.partition("?")[0],  # no field left
        ],
        ids=["ours", "added", "theirs", "none"],
    )
    def test_a_changed_query_of_a_get_is_refused(self, change: Any) -> None:
        request = self.case.request(HookKind.ARRIVE, method="GET", query="assistantId=a")
        with pytest.raises(InvalidSignature):
            self.case.provider.signature.verify(
                replace(request, url=change(request.url)), self.case.account
            )

    def test_without_a_secret_nothing_is_let_in(self) -> None:
        with pytest.raises(NoSecret):
            self.case.provider.signature.verify(
                self.case.request(HookKind.STATUS), self.case.keyless
            )

    def test_an_old_secret_holds_while_secrets_rotate(self) -> None:
        for signer in (self.case.account, self.case.rotated):
            request = self.case.request(HookKind.STATUS, signer=signer)
            self.case.provider.signature.verify(request, self.case.rotated)

    # -------------------------------------------------------------- the media socket

    def test_a_signed_handshake_is_let_in(self) -> None:
        for signer in (self.case.account, self.case.rotated):
            headers = self.case.handshake(MEDIA_URL, signer=signer)
            self.case.provider.signature.verify_socket(MEDIA_URL, headers, self.case.rotated)

    def test_an_unsigned_handshake_is_refused(self) -> None:
        with pytest.raises(MissingSignature):
            self.case.provider.signature.verify_socket(MEDIA_URL, [], self.case.account)

    def test_a_handshake_signed_by_somebody_else_is_refused(self) -> None:
        headers = self.case.handshake(MEDIA_URL, signer=self.case.stranger)
        with pytest.raises(InvalidSignature):
            self.case.provider.signature.verify_socket(MEDIA_URL, headers, self.case.account)

    def test_a_handshake_is_refused_without_a_secret(self) -> None:
        with pytest.raises(NoSecret):
            self.case.provider.signature.verify_socket(
                MEDIA_URL, self.case.handshake(MEDIA_URL), self.case.keyless
            )

    @pytest.mark.parametrize("text", MALFORMED_SIGNATURES.values(), ids=MALFORMED_SIGNATURES)
    def test_a_malformed_handshake_is_refused(self, text: str) -> None:
        with pytest.raises(Refused):
            self.case.provider.signature.verify_socket(
                MEDIA_URL, [(self.case.signature_header, text)], self.case.account
            )

    # -------------------------------------------------------------- reports

    def test_every_hook_reports_events_in_our_words(self) -> None:
        for kind in self._kinds():
            report = self.case.provider.webhooks.parse(kind, self.case.request(kind))
            assert report.events or kind is HookKind.WAIT  # a leg may wait for many turns
            assert not report.unknown
            for event in report.events:
                assert event.source == self.case.provider.name
                assert event.at.utcoffset() == timedelta(0)
                json.dumps([event.data, event.raw])
            assert len({event.key for event in report.events}) == len(report.events)

    def test_it_asks_where_a_carrier_waits_for_an_instruction(self) -> None:
        for kind in self._kinds():
            report = self.case.provider.webhooks.parse(kind, self.case.request(kind))
            assert report.asks == (kind in WHERE_IT_ASKS)

    def test_a_resend_has_the_keys_of_the_first(self) -> None:
        for kind in self._kinds():
            request = self.case.request(kind)
            late = replace(request, received_at=NOW + timedelta(hours=1))
            first, second = (
                self.case.provider.webhooks.parse(kind, each) for each in (request, late)
            )
            assert [event.key for event in first.events] == [event.key for event in second.events]

    def test_a_leg_that_arrives_says_who_and_why(self) -> None:
        query = (
            "assistantId=a%20b&returnUrl=https%3A%2F%2Fx.example%2F%3Fa%3D1&metadata.lang=%C3%A9"
        )
        for method in ("GET", "POST"):
            request = self.case.request(HookKind.ARRIVE, method=method, query=query)
            report = self.case.provider.webhooks.parse(HookKind.ARRIVE, request)
            assert report.leg is not None
            assert report.leg.call_ref
            assert report.leg.leg_ref
            assert report.leg.inbound
            assert report.leg.from_
            assert report.leg.to
            assert report.visit is not None
            assert report.visit.assistant_id == "a b"
            assert report.visit.return_url == "https://x.example/?a=1"
            assert report.visit.metadata == {"lang": "\u00e9"}
            assert report.events[0].kind is EventKind.LEG_FETCHED

    def test_our_words_in_the_carriers_place_mean_nothing(self) -> None:
        request = self.case.request(HookKind.ARRIVE, {"assistantId": "smuggled"})
        visit = self.case.provider.webhooks.parse(HookKind.ARRIVE, request).visit
        assert visit is not None
        assert visit.assistant_id is None

    def test_an_unknown_word_is_kept_and_changes_nothing(self) -> None:
        request = self.case.request(HookKind.STATUS, self.case.unknown)
        self.case.provider.signature.verify(request, self.case.account)
        report = self.case.provider.webhooks.parse(HookKind.STATUS, request)
        assert report.unknown == (self.case.unknown_word,)
        assert [event.kind for event in report.events] == [EventKind.NOTE]
        assert self.case.unknown_word in json.dumps(report.events[0].raw)

    def test_an_unknown_parameter_is_kept(self) -> None:
        request = self.case.request(HookKind.STATUS, {"NewIn2031": "yes"})
        self.case.provider.signature.verify(request, self.case.account)
        event = self.case.provider.webhooks.parse(HookKind.STATUS, request).events[0]
        assert event.raw["NewIn2031"] == "yes"

    @inherited
    @given(body=st.binary(max_size=400), query=st.text(max_size=60), get=st.booleans())
    def test_rubbish_is_a_bad_request_and_nothing_worse(
        self, body: bytes, query: str, get: bool
    ) -> None:
        for kind in HookKind:
            whole = self.case.request(HookKind.STATUS)
            method = "GET" if get else "POST"
            url = f"{whole.url}?{query}"
            request = replace(whole, method=method, url=url, body=b"" if get else body)
            try:
                self.case.provider.webhooks.parse(kind, request)
            except BadRequest:
                continue

    # -------------------------------------------------------------- answers

    @pytest.mark.parametrize("instruction", INSTRUCTIONS.values(), ids=INSTRUCTIONS)
    def test_every_instruction_can_be_said(self, instruction: Instruction) -> None:
        answer = self.case.provider.markup.answer([instruction])
        assert answer.status == 200
        assert answer.content_type
        answer.body.decode("utf-8")
        assert answer == self.case.provider.markup.answer([instruction])

    @pytest.mark.parametrize("instruction", INEXPRESSIBLE.values(), ids=INEXPRESSIBLE)
    def test_what_cannot_be_said_is_our_bug(self, instruction: Instruction) -> None:
        with pytest.raises(ValueError):
            self.case.provider.markup.answer([instruction])

    def test_an_acknowledgement_is_empty(self) -> None:
        answer = self.case.provider.markup.acknowledge()
        assert (answer.status, answer.body) == (204, b"")

    def test_a_refusal_tells_a_forger_nothing_and_the_carrier_whether_to_try_again(self) -> None:
        refusal = self.case.provider.markup.refusal
        told = "the secret is swordfish"
        for error in (MissingSignature(told), InvalidSignature(told), NoSecret(told)):
            again = {503} if isinstance(error, MissingSignature) else set()
            assert refusal(error).status in {401, 403} | again
            assert told.encode() not in refusal(error).body
        assert refusal(BadRequest(told)).status == 400
        assert refusal(BadRequest(told), transient=True).status == 503
        assert refusal(RuntimeError(told), transient=True).status == 503
        assert told.encode() not in refusal(RuntimeError(told), transient=True).body

    @pytest.mark.parametrize("inbound", [True, False])
    def test_details_are_what_a_client_can_serve_from_anywhere(self, inbound: bool) -> None:
        status_url = f"{ORIGIN}/carrier/status/{TOKEN}"
        details = Details("+14155550123", "+15005550006", status_url, inbound, arrow())
        made = self.case.provider.markup.details(details)
        text = json.dumps(made)
        assert {"to", "from"} <= set(made)
        assert MEDIA_URL in text
        assert status_url in text
        for name, value in made.items():
            if name.lower().endswith(("url", "callback")):
                assert all(each.startswith("https://") for each in _texts(value))

    def test_details_leave_out_what_is_not_known(self) -> None:
        details = Details(None, None, f"{ORIGIN}/carrier/status/{TOKEN}", True, arrow())
        made = self.case.provider.markup.details(details)
        assert not {"to", "from"} & set(made)
        assert None not in made.values()

    # -------------------------------------------------------------- transfers

    @pytest.mark.parametrize("instruction", OF_TRANSFERS.values(), ids=OF_TRANSFERS)
    def test_a_room_and_what_leads_there_can_be_said(self, instruction: Instruction) -> None:
        said = self.case.provider.markup.answer([instruction])
        assert said.body != self.case.provider.markup.answer([HangUp()]).body

    def test_both_legs_are_told_the_same_room_and_we_are_told_of_it(self) -> None:
        hold, join = (
            self.case.provider.markup.answer([OF_TRANSFERS[name]]).body for name in ("hold", "join")
        )
        assert b"patchbay-room" in hold
        assert b"patchbay-room" in join
        assert OUTCOME_URL.encode() in hold

    def test_an_operators_leg_is_told_apart_from_the_callers(self) -> None:
        """Its events name no leg of the call: the token in their URL names the transfer."""
        for hook, (kind, asks) in OPERATORS.items():
            if hook in self._kinds():
                report = self.case.provider.webhooks.parse(hook, self.case.request(hook))
                assert (report.leg, report.asks) == (None, asks)
                assert [event.kind for event in report.events] == [kind]

    def test_an_operator_who_cannot_be_dialled_now_is_worth_another_try(self) -> None:
        client, url = self._client_of_nobody(), f"{ORIGIN}/carrier/operator/{TOKEN}"
        order = OperatorCall("+14155550123", "+15005550006", url, url, 600)
        for ask in (
            lambda: client.dial_operator(order),
            lambda: client.replace_document("leg-1", [arrow()]),
        ):
            with pytest.raises(CarrierError) as caught:
                ask()
            assert not caught.value.permanent

    # -------------------------------------------------------------- sound

    def test_a_socket_starts_hears_and_speaks(self) -> None:
        codec, start = self._started()
        assert start.sample_rate == codec.sample_rate
        assert start.parameters.get("callId") == CALL_ID
        pcm = b"\x00\x10" * (codec.sample_rate // 50)
        assert isinstance(heard := codec.decode(self.case.speech(pcm)), Audio)
        assert len(heard.pcm) == len(pcm)
        said = self.case.heard([*codec.audio(pcm), *codec.flush()])
        assert len(said) == len(pcm)
        assert all(abs(each - 0x1000) < 0x80 for each in _samples(said))

    @inherited
    @given(sizes=st.lists(st.integers(0, 2000), max_size=8))
    def test_sound_is_whole_however_it_is_cut(self, sizes: list[int]) -> None:
        codec, _ = self._started()
        pieces = [b"\x00" * size for size in sizes]
        messages = [message for piece in pieces for message in codec.audio(piece)]
        said = self.case.heard([*messages, *codec.flush()])
        total = sum(sizes)
        assert total <= len(said) < total + codec.sample_rate * 2 // 50 + 2
        assert codec.flush() == []

    def test_a_mark_and_a_clear_are_messages(self) -> None:
        codec, _ = self._started()
        assert codec.mark("end of sentence")
        assert codec.clear()

    @pytest.mark.parametrize("message", BAD_FRAMES.values(), ids=BAD_FRAMES)
    def test_what_the_carrier_cannot_have_sent_is_a_bad_request(self, message: str) -> None:
        codec, _ = self._started()
        with pytest.raises(BadRequest):
            codec.decode(message)

    @inherited
    @given(message=st.one_of(st.text(max_size=200), st.binary(max_size=200)))
    def test_a_rubbish_frame_is_a_bad_request_and_nothing_worse(self, message: str | bytes) -> None:
        codec, _ = self._started()
        try:
            codec.decode(message)
        except BadRequest:
            return

    # -------------------------------------------------------------- the carrier's API

    def test_an_api_that_cannot_be_reached_is_worth_another_try(self) -> None:
        client = self._client_of_nobody()
        order = OutboundCall(
            "+14155550123", "+15005550006", arrow(), f"{ORIGIN}/carrier/status/{TOKEN}", 600
        )
        leg = self.case.provider.webhooks.parse(
            HookKind.STATUS, self.case.request(HookKind.STATUS)
        ).leg
        assert leg is not None
        for ask in (
            lambda: client.dial(order),
            lambda: client.hang_up(leg.leg_ref),
            lambda: client.send_text("+14155550123", "+15005550006", "Hello."),
            client.check,
        ):
            with pytest.raises(CarrierError) as caught:
                ask()
            assert not caught.value.permanent
            assert not caught.value.gone

    def test_keys_are_played_by_the_api_or_left_to_the_sound(self) -> None:
        """An API that has no keys says so at once; one that has them is asked."""
        client = self._client_of_nobody()
        leg = self.case.provider.webhooks.parse(
            HookKind.STATUS, self.case.request(HookKind.STATUS)
        ).leg
        assert leg is not None
        assert client.press_keys(leg.leg_ref, "A") is False  # no phone has this key
        try:
            played = client.press_keys(leg.leg_ref, "1w#")
        except CarrierError as error:
            played = error.permanent
        assert played is False

    # -------------------------------------------------------------- helpers

    def _kinds(self) -> set[HookKind]:
        return {hook.kind for hook in self.case.provider.hooks}

    def _with_signatures(self, *values: str) -> WebhookRequest:
        """A STATUS request with one signature header per value."""
        request = self.case.request(HookKind.STATUS)
        name = self.case.signature_header
        rest = [header for header in request.headers if header[0] != name]
        return replace(request, headers=[*rest, *((name, value) for value in values)])

    def _started(self) -> tuple[MediaSerializer, StreamStart]:
        codec = self.case.provider.serializer()
        frames = [codec.decode(message) for message in self.case.opening()]
        assert isinstance(frames[-1], StreamStart)
        return codec, frames[-1]

    def _client_of_nobody(self) -> CarrierClient:
        """A client of an address without a listener: its port was bound and closed."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        account = replace(self.case.account, api_url=f"http://127.0.0.1:{port}")
        return self.case.provider.client(account, timeout=5.0)


def _one_digit_other(text: bytes) -> bytes:
    """The text with its last digit changed: still well-formed, but different."""
    at = max(text.rfind(str(digit).encode()) for digit in range(10))
    digit = (text[at] - ord("0") + 1) % 10
    return text[:at] + str(digit).encode() + text[at + 1 :]


def _texts(value: Any) -> list[str]:
    """All strings in a JSON value."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if _is_list(value) else ()
    return [text for each in inner for text in _texts(each)]


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _samples(pcm: bytes) -> list[int]:
    return [int.from_bytes(pcm[at : at + 2], "little", signed=True) for at in range(0, len(pcm), 2)]
