"""The scenarios that every carrier can play: one table, in the order of ``--list``.

A carrier adds its own scenarios, and its variants of the shared ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.simulation.assistants import ECHO, LISTENING, SQUAD
from providers.simulation.plays import (
    ENDED_BY_ASSISTANT,
    ENDED_BY_CUSTOMER,
    TALKS,
    VOICEMAIL_MODE,
    C,
    Plays,
    S,
)
from providers.simulation.scenario import Scenario, table
from providers.simulation.stage import Callee, CallerAction

CANCELED = "manually-canceled"
FORWARDED = "assistant-forwarded-call"
VOICEMAIL = "voicemail"
BUSY = "customer-busy"
NO_ANSWER = "customer-did-not-answer"
REQUEST_FAILED = "assistant-request-returned-error"
HOOK_SAID = "call.ringing.hook-executed-say"
HOOK_TRANSFERRED = "call.ringing.hook-executed-transfer"
REQUEST_FORWARDED = "assistant-request-returned-forwarding-phone-number"


def scenarios(
    plays: Plays[S, C], own: Mapping[str, Sequence[Scenario[S]]]
) -> dict[str, Scenario[S]]:
    """A carrier's table. ``own``: its own scenarios, by the shared one in front of them.

    Raises ``ValueError`` for a name without a shared scenario.
    """
    rows, left = list[Scenario[S]](), dict(own)
    for row in shared(plays):
        rows += [row, *left.pop(row.name, ())]
    if left:
        raise ValueError(f"no shared scenario is named {', '.join(left)}")
    return table(*rows)


def shared(plays: Plays[S, C]) -> tuple[Scenario[S], ...]:
    words = plays.words
    return (
        Scenario(
            "inbound",
            words["inbound"],
            lambda stage: plays.inbound(stage, CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "inbound-hangup",
            words["inbound-hangup"],
            lambda stage: plays.inbound(stage, CallerAction.HANG_UP),
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "api-bypass",
            words["api-bypass"],
            lambda stage: plays.api_bypass(stage, CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "api-bypass-hangup",
            words["api-bypass-hangup"],
            lambda stage: plays.api_bypass(stage, CallerAction.HANG_UP),
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "api-bypass-return",
            words["api-bypass-return"],
            lambda stage: plays.api_bypass(
                stage, CallerAction.PRESS, phoneCallProviderReturnUrl=stage.config.return_url
            ),
            ENDED_BY_ASSISTANT,
            returned=plays.returned(ENDED_BY_ASSISTANT),
        ),
        Scenario(
            "squad",
            "The same with two assistants: the caller's key hands the call over, and the second one ends.",
            lambda stage: plays.api_bypass(
                stage, CallerAction.CONVERSE, assistantId=None, squad=SQUAD
            ),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "answered",
            "The owner dials with the details of POST /call; the callee presses # and the assistant ends.",
            lambda stage: plays.outbound(stage, "answered", CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "answered-hangup",
            "The same; the callee hangs up.",
            lambda stage: plays.outbound(stage, "answered", CallerAction.HANG_UP),
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "busy",
            "The same; the callee is busy.",
            lambda stage: plays.outbound(stage, "busy"),
            BUSY,
        ),
        Scenario(
            "no-answer",
            "The same; the phone rings out.",
            lambda stage: plays.outbound(stage, plays.no_answer),
            NO_ANSWER,
        ),
        Scenario(
            "failed",
            words["failed"],
            lambda stage: plays.outbound(stage, "failed"),
            plays.not_connected,
        ),
        Scenario(
            "recording",
            "The leg is recorded, and the call has links to both recordings.",
            plays.recorded,
            CANCELED,
        ),
        Scenario(
            "dial-recording",
            "The same of a leg the bridge has dialled.",
            plays.dial_recorded,
            CANCELED,
        ),
        Scenario(
            "human",
            "The same, listened to for a machine: a person answers, and the assistant ends.",
            lambda stage: plays.listened(stage, CallerAction.PRESS, machine=False),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "voicemail",
            "The same; a machine answers, and the assistant's policy is to stop.",
            lambda stage: plays.listened(stage, CallerAction.STAY, machine=True),
            VOICEMAIL,
        ),
        Scenario(
            "canceled",
            "The same; the owner gives up while the phone rings.",
            plays.canceled,
            CANCELED,
        ),
        Scenario(
            "websocket-dropped",
            "The media socket dies once; the bridge takes the leg back in, and the assistant ends.",
            lambda stage: plays.inbound(stage, CallerAction.DROP, CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "shuffled",
            words["shuffled"],
            plays.shuffled,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "duplicated",
            f"Everything {plays.title} sends comes three times at once.",
            plays.duplicated,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "late-no-answer",
            words["late-no-answer"],
            plays.late_no_answer,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "never-arrives",
            "A call is created, and no leg comes.",
            plays.details,
            None,
            status="queued",
        ),
        Scenario(
            "price",
            words["price"],
            plays.priced,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "dial",
            "The bridge dials with an extension; the callee presses # and the assistant ends.",
            plays.dial_extension,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "dial-hangup",
            "The bridge dials; the callee hangs up.",
            lambda stage: plays.dial(stage, Callee(acts=(CallerAction.HANG_UP,))),
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "dial-voicemail",
            "The same; a machine answers, and the assistant's policy is to stop.",
            lambda stage: plays.dial(
                stage, Callee(acts=(CallerAction.STAY,), machine=True), assistantOverrides=LISTENING
            ),
            VOICEMAIL,
        ),
        Scenario(
            "dial-busy",
            "The same; the callee is busy.",
            lambda stage: plays.dial(stage, Callee("busy")),
            BUSY,
        ),
        Scenario(
            "dial-no-answer",
            "The same; the phone rings out.",
            lambda stage: plays.dial(stage, Callee(plays.no_answer)),
            NO_ANSWER,
        ),
        Scenario(
            "dial-failed",
            f"The same; {plays.title} cannot reach the number.",
            lambda stage: plays.dial(stage, Callee("failed")),
            plays.not_connected,
        ),
        Scenario(
            "dial-refused",
            f"The same; {plays.title}'s API refuses the call.",
            plays.dial_refused,
            plays.not_connected,
        ),
        Scenario(
            "dial-unconfirmed",
            f"The same; {plays.title}'s API places the call and answers with an error: its first callback is believed.",
            lambda stage: plays.dial(stage, Callee(unconfirmed=True)),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "dial-end-before-answer",
            "The same; the call is ended through the bridge's API while the phone rings.",
            plays.dial_canceled,
            CANCELED,
        ),
        Scenario(
            "dial-end-after-answer",
            "The same; the call is ended through the bridge's API while it is going on.",
            lambda stage: plays.dial(stage, Callee(acts=(CallerAction.END_CALL,))),
            CANCELED,
        ),
        Scenario(
            "dial-lost-callbacks",
            "The same; the phone rings out and no callback comes: the bridge asks the API.",
            plays.dial_without_callbacks,
            NO_ANSWER,
        ),
        Scenario(
            "transfer-busy",
            "The destination is busy; the caller is back with the assistant, and presses #.",
            lambda stage: plays.refused_destination(stage, "busy"),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "transfer-bye",
            "A caller who came by SIP has a leg that ends (sipVerb), while the caller's own side goes on.",
            lambda stage: plays.by_sip_verb(stage, "bye"),
            FORWARDED,
        ),
        Scenario(
            "warm-transfer",
            "The caller hears music while an operator is dialled and told why; then both talk.",
            plays.warm_answered,
            FORWARDED,
        ),
        Scenario(
            "warm-transfer-busy",
            "The operator is busy; the caller is back with the assistant, and presses #.",
            lambda stage: plays.warm_failed(stage, Callee("busy")),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-no-answer",
            "The operator's phone rings out; the caller is back with the assistant, and presses #.",
            lambda stage: plays.warm_failed(stage, Callee(plays.no_answer)),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-voicemail",
            "A machine answers for the operator; the caller is back with the assistant, and presses #.",
            lambda stage: plays.warm_failed(stage, Callee(machine=True), mode=VOICEMAIL_MODE),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-assistant",
            "An assistant talks with the operator, who presses 1 for the caller; then both talk.",
            plays.warm_agreed,
            FORWARDED,
        ),
        Scenario(
            "warm-transfer-assistant-dialled",
            "The same, of a call that the bridge dials.",
            plays.warm_dialled,
            FORWARDED,
        ),
        Scenario(
            "warm-transfer-assistant-declined",
            "The operator presses 2, and the caller, back with the assistant, presses #.",
            lambda stage: plays.warm_declined(stage, CallerAction.DECLINE),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-assistant-hangup",
            "The same; the operator hangs up on the assistant.",
            lambda stage: plays.warm_declined(stage, CallerAction.HANG_UP),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-assistant-dropped",
            "The same; the operator's media socket dies.",
            lambda stage: plays.warm_declined(stage, CallerAction.DROP),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-assistant-voicemail",
            "The same; a machine answers for the operator.",
            lambda stage: plays.warm_failed(
                stage, Callee(acts=(CallerAction.STAY,), machine=True), **TALKS
            ),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-speaks-first",
            "The operator is told why only after saying something; then both talk.",
            plays.warm_spoken,
            FORWARDED,
        ),
        Scenario(
            "warm-transfer-twiml",
            "The operator's leg runs TwiML of the plan, and a key takes the caller; then both talk.",
            lambda stage: plays.warm_screened(stage, "1"),
            FORWARDED,
        ),
        Scenario(
            "warm-transfer-twiml-declined",
            "The same; the operator presses no key, and the caller is back with the assistant.",
            lambda stage: plays.warm_screened(stage, "", CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-refused",
            f"{plays.title}'s API does not dial the operator; the caller is back with the assistant.",
            lambda stage: plays.warm_failed(stage, Callee(refused=True)),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "warm-transfer-abandoned",
            "The caller hangs up while the operator's phone rings, which stops.",
            plays.warm_abandoned,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "upstream",
            "The assistant is a call at a second Patchbay (VAPI_BASE_URL), whose menu ends the call.",
            lambda stage: plays.upstream(stage, CallerAction.CONVERSE, ENDED_BY_ASSISTANT),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "upstream-hangup",
            "The same; the caller hangs up, and so the call there ends, too.",
            lambda stage: plays.upstream(stage, CallerAction.HANG_UP, ENDED_BY_CUSTOMER),
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "speech-to-speech",
            "A simulated model hears and speaks (OPENAI_BASE_URL); after a key it ends the call.",
            plays.speech_to_speech,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "take-over",
            "A supervisor whispers, takes the call over, speaks to the caller, and gives the call back.",
            plays.supervised,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "owner-callbacks",
            f"{plays.title}'s one callback URL is the bridge's: it counts there and is passed on to the owner.",
            plays.owner_callbacks,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "queue",
            "All slots are taken (MAX_CONCURRENT_CALLS=1): two callers wait, and go in their order.",
            plays.queued,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "queue-hangup",
            "The same; a caller who waits hangs up.",
            plays.queued_in_vain,
            ENDED_BY_CUSTOMER,
        ),
        Scenario(
            "queue-callback",
            "The same; a caller who waits presses 1, and is called back from the same number.",
            plays.queued_for_callback,
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "assistant-request",
            "The number has no assistant; the owner's server names one, and the caller presses #.",
            lambda stage: plays.asked(stage, {"assistant": ECHO}, CallerAction.PRESS),
            ENDED_BY_ASSISTANT,
        ),
        Scenario(
            "assistant-request-error",
            "The same; the server answers with an error, which the caller hears.",
            plays.asked_in_vain,
            REQUEST_FAILED,
        ),
        Scenario(
            "assistant-request-destination",
            "The same; the server answers with a destination, which takes the call.",
            lambda stage: plays.asked(stage, {"destination": stage.bridge.destination()}),
            REQUEST_FORWARDED,
        ),
        Scenario(
            "assistant-request-times-out",
            "The same; the server does not answer.",
            lambda stage: plays.asked(stage, None),
            REQUEST_FAILED,
        ),
        Scenario(
            "number-hook-say",
            "A hook of the number (call.ringing) speaks to the caller; no assistant answers.",
            plays.hooked_say,
            HOOK_SAID,
        ),
        Scenario(
            "number-hook-transfer",
            "The same; the hook has the caller connected to a destination.",
            lambda stage: plays.hooked(
                stage, {"type": "transfer", "destination": stage.bridge.destination()}
            ),
            HOOK_TRANSFERRED,
        ),
    )
