"""Every genuine form is let in, and every other cut of its text is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import InvalidSignature
from providers.testing.contract import hook_url
from providers.twilio import TWILIO, cut, signature
from tests.providers.twilio.case import (
    ACCOUNT_SID,
    CALL_SID,
    CHILD_SID,
    REQUESTS,
    STREAM_SID,
    TOKEN,
    holding,
    recorded,
    signed,
)

Pairs = Sequence[tuple[str, str]]
ACCOUNT = holding(TOKEN)
URL = hook_url(TWILIO, HookKind.ARRIVE)
LEAST = (("AccountSid", ACCOUNT_SID), ("CallSid", CALL_SID), ("CallStatus", "ringing"))
FORMS = [
    tuple(recorded(path.stem)["fields"].items())
    for path in sorted(REQUESTS.glob("*.json"))
    if path.stem != "inbound_without_token"
]

STREAM_NAME = 24
"""Characters of a name of ours."""
# Only a leg's own requests bring names of others.
VOICE = [form for form in FORMS if {"From", "To", "Direction"} <= dict(form).keys()]


def let_in(request: WebhookRequest) -> bool:
    try:
        signature.verify(request, ACCOUNT)
    except InvalidSignature:
        return False
    return True


def is_whole(pairs: Pairs) -> bool:
    """What the closer look says of a form, whether or not the quick one asks for it."""
    try:
        cut.check_cut(URL, pairs)
    except InvalidSignature:
        return False
    return True


def read(pairs: Pairs) -> dict[str, str]:
    """What the webhooks decide by. A word that is not Twilio's decides nothing."""
    return {
        name: value
        for name, value in pairs
        if name in cut.BEGINS and re.match(cut.BEGINS[name], value)
    }


# A name of the voice SDK's, of a SIP header's or of a flow's own; any value a caller may say.
NAMES = st.one_of(
    st.sampled_from(
        [
            "__TWI_CALLER_NAME",
            "SipHeader_X-ParentCallSid",
            "SipHeader_X-AnsweredBy",
            "SipHeader_X-StreamSid",
            "DialSipHeader_X-ParentCallSid",
            "SpeechResult",
            "Confidence",
            "data[Direction]",
            "agentCallSid",
            "first name",
            "a:b",
            "_private",
            "MyDirection",
        ]
    ),
    st.from_regex(r"[a-z_\[][A-Za-z0-9_ \[\]:.-]{0,12}", fullmatch=True),
)
VALUES = st.one_of(
    st.sampled_from(["my CallDuration9 is", "human", CHILD_SID, "inbound", "", "AccountSid", "To"]),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
EXTRAS = st.lists(st.tuples(NAMES, VALUES), max_size=4)


@given(form=st.sampled_from(VOICE), extras=EXTRAS)
def test_every_genuine_form_is_let_in(form: Pairs, extras: Pairs) -> None:
    assume(not any("\n" in name for name, _ in extras))
    assume(not any(reads_both_ways(form, each) for each in extras))
    assert let_in(signed(URL, [*form, *extras]))


@given(name=st.from_regex(r"[A-Za-z0-9_-]{12}(To|From)[0-9]{8}[A-Za-z]{2,4}", fullmatch=True))
@example("PBSUo1XFaw3n5sTo7715B814")
def test_a_random_name_of_a_stream_hides_nothing(name: str) -> None:
    """One stream in some 27,000 has a name that reads so."""
    form = recorded("stream_started")["fields"] | {"StreamName": name}
    assert let_in(signed(URL, [*form.items()])) is (len(name) == STREAM_NAME)


def reads_both_ways(form: Pairs, extra: tuple[str, str]) -> bool:
    """A SIP header brings a parameter of ours, which the form has too: either may be the genuine one."""
    name = extra[0].partition("SipHeader_X-")[2]
    return name in dict(form) and bool(cut.ANY.match(name + extra[1]))


@pytest.mark.parametrize("header", ["SipHeader_X-", "DialSipHeader_X-"])
def test_a_header_that_brings_again_what_the_form_has_is_refused(header: str) -> None:
    """A text that a caller made up may end in ``SipHeader_X-``, before the genuine parameter."""
    extra = (f"{header}ParentCallSid", CHILD_SID)
    form = [*LEAST, ("Direction", "outbound-dial"), ("From", "+14158675310")]
    assert let_in(signed(URL, [*form, extra]))
    assert not reads_both_ways(form, extra)
    form.append(("ParentCallSid", CALL_SID))
    assert not let_in(signed(URL, [*form, extra]))
    assert reads_both_ways(form, extra)


@given(
    form=st.sampled_from(FORMS),
    extras=EXTRAS,
    at=st.integers(0, 30),
    marks=st.lists(st.integers(0, 150), min_size=1, max_size=4),
)
def test_every_other_cut_of_it_is_refused(
    form: Pairs, extras: Pairs, at: int, marks: Sequence[int]
) -> None:
    """Two neighbours of the signed text are joined, and cut anew at any places."""
    genuine = signed(URL, [*form, *extras])
    ordered = sorted({*form, *extras})
    at %= len(ordered) - 1
    text = "".join(map("".join, ordered[at : at + 2]))
    places = sorted({mark % (len(text) + 1) for mark in marks} | {0, len(text)})
    parts = [text[a:b] for a, b in pairwise(places)]
    anew = [(parts[i], "".join(parts[i + 1 : i + 2])) for i in range(0, len(parts), 2)]
    forged = [*ordered[:at], *anew, *ordered[at + 2 :]]
    assume(forged == sorted(set(forged)))
    assume(all(name for name, _ in forged))
    refused = not let_in(replace(genuine, body=urlencode(forged).encode()))
    assert refused or is_whole(forged), "the quick look passed what the closer one refuses"
    # Text that nobody reads may be cut anyhow, and a party's address is any text.
    before, after = read(ordered), read(forged)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if changed <= before.keys() & after.keys() & {"From", "To"}:
        return
    assert refused


GENUINE: Sequence[tuple[str, str]] = [
    ("__TWI_CALLER_NAME", "Ann"),
    ("SipHeader_X-ParentCallSid", CHILD_SID),
    ("SipHeader_X-AnsweredBy", "human"),
    ("SipHeader_X-StreamSid", STREAM_SID),
    ("DialSipHeader_X-ParentCallSid", CHILD_SID),
    ("SipHeader_X-Direction", "inbound"),
    ("my name", "Ann"),
    ("data[a]", "b"),
    ("data:a", "b"),
    ("_a", "b"),
    ("SpeechResult", "my CallDuration9 is"),
    ("SipHeader_X-aParentCallSid", CHILD_SID),  # it sorts before the header
    ("B", "xDirectioninbound"),  # it would have been signed after CallSid
    ("MyDirection", "inbound"),
    ("agentCallSid", CHILD_SID),
    ("AccountId", "7"),
    ("1st", "b"),
]


@pytest.mark.parametrize("pair", GENUINE, ids=lambda pair: pair[0])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_names_of_others_are_let_in(pair: tuple[str, str], method: str) -> None:
    more = (("Direction", "inbound"), ("From", "+14158675310"))
    assert let_in(signed(URL, [*LEAST, *more, pair], method=method))


def test_a_repeated_name_is_signed_with_its_values_sorted_once() -> None:
    pairs = [*LEAST, ("tag", "b"), ("tag", "a"), ("tag", "b")]
    request = signed(URL, pairs)

    class Many(dict[str, list[str]]):
        def getlist(self, name: str) -> list[str]:
            return self[name]

    many = Many({name: [v for n, v in pairs if n == name] for name, _ in pairs})
    assert request.header(signature.HEADER) == RequestValidator(TOKEN).compute_signature(URL, many)
    assert let_in(request)


HIDING: Sequence[Pairs] = [
    # A later text of the caller's stands in for the status that was cut away.
    [("CallStat", "uscompletedCallerNameA"), ("CallStatus", "ringing")],
    [("CallStatus", "ringing"), ("CallerName", "A"), ("E", "Directioninbound")],
    [("Directionx", "y"), ("From", "+14155550100FromCitySF")],
    [("Di", "rectioninbound")],
    [("CallStatus", "ringing"), ("Dir", "xDirectioninbound"), ("Direction", "outbound-api")],
    [("CallStatus", "ringing"), ("Directioninbound", ""), ("From", "+14155550100")],
    [("CallerName", "x"), ("Direction", "inbound"), ("G", "Directionoutbound-apiTo+1415")],
    # The same parameter has another value, in a text that is signed earlier or later.
    [("B", f"xCallSid{CHILD_SID}"), ("CallStatus", "ringing")],
    [("B", f"xAccountSidAC{'0' * 32}"), ("CallStatus", "ringing")],
    # Only the shape of a party's number shows where the next parameter began.
    [("CallStatus", "ringing"), ("To", "+14155550100ToCitySF")],
    # A header that no trunk has: its name would be ``SipHeader_a``.
    [("CallStatus", "ringing"), ("SipHeader_aStreamSid", STREAM_SID)],
    # The word itself is cut: neither the name nor the value holds all of it.
    [("CallStatus", "ringing"), ("ConfidenceStreamEvents", "tream-started")],
    [("CallStatus", "ringing"), ("DDirectioni", "nbound")],
]


@pytest.mark.parametrize("rest", HIDING, ids=str)
def test_a_form_that_hides_a_parameter_is_refused(rest: Pairs) -> None:
    assert not let_in(signed(URL, [*LEAST[:2], *rest]))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("SpeechResult", True),
        ("MyDirection", False),  # one of ours
        ("xDirectio", False),  # a part of one, which the value may complete
        ("xD", False),
        ("xDirectiox", True),
    ],
)
def test_a_name_that_ends_as_one_of_ours_begins_is_looked_at(name: str, plain: bool) -> None:
    assert cut.are_plain(frozenset({"AccountSid", "CallSid", name})) is plain


@pytest.mark.parametrize(
    ("query", "name", "passes"),
    [
        ("", "1", True),
        ("", "?assistantId=x", False),
        ("", "/x", False),
        ("?metadata.a=x", "1", False),  # the query was a=x1, perhaps
        ("?metadata.a=x", "Account", False),
        ("?flow=FW" + "0a" * 16, "Account", True),
        ("?flow=FW" + "0a" * 16, "1", True),
        (
            "?assistantId=2ffb1f23-87e3-46cc-bc1e-a1f6054cce14&flow=FW" + "0a" * 16,
            "AccountId",
            True,
        ),
        ("?metadata.a=x", "Age", True),
    ],
)
def test_a_first_name_must_not_be_the_end_of_the_url(query: str, name: str, passes: bool) -> None:
    assert let_in(signed(URL + query, [(name, "y"), *LEAST])) == passes


# ------------------------------------------------------------------ spellings of the query

SPELLINGS = [
    ("a=x%40y%3Az", "a=x@y:z"),
    ("a=x@y:z", "a=x%40y%3Az"),
    ("a=x%40y%3az", "a=x@y:z"),
    ("a=x@y%3Az", "a=x%40y%3Az"),
    ("a=x@y%3Az", "a=x@y:z"),
]


@pytest.mark.parametrize(("sent", "held"), SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_either_spelling_of_a_query_is_tried(sent: str, held: str, method: str) -> None:
    honest = signed(f"{URL}?{held}", LEAST, method=method)
    other = replace(honest, url=honest.url.replace(held, sent))
    assert let_in(other)
    key = hashlib.sha256(signature.signed_text(other).encode()).hexdigest()
    assert key == hashlib.sha256(signature.signed_text(honest).encode()).hexdigest()


@pytest.mark.parametrize(
    "sent", ["a=x%2540y", "a=x%2Fy", "a=x+y", "a%3Dx@y", "b=x@y", "a=x%40%20y"]
)
def test_no_other_spelling_holds(sent: str) -> None:
    honest = signed(f"{URL}?a=x@y", LEAST)
    assert not let_in(replace(honest, url=f"{URL}?{sent}"))
