"""The cause of each ``endedReason``, and the test that shows it: the tables of docs/ended-reasons.md.

A simulator's scenario shows the reason it ends with, so ``PROOFS`` has no row for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.vendors import registry
from providers.events import EndedReason as R
from providers.simulation.scenario import Scenario
from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage

SCENARIOS: Mapping[str, Mapping[str, Scenario[Any]]] = {
    "twilio": twilio.SCENARIOS,
    "vonage": vonage.SCENARIOS,
}
SCENARIO_TEST = "tests/e2e/test_scenarios.py::test_scenario"

PROVIDER = "that provider fails, and its retries are spent"

A_HOOK = "a [hook](api.md#hooks-of-a-number) of the number, with the action"

CAUSES: Mapping[R, str] = {
    R.ASSISTANT_ERROR: (
        "the assistant's program fails, its backend cannot be reached, or a transcriber or voice"
        " without a value of its own fails; the carrier's own speech fails"
        " ([ConversationRelay](conversation-relay.md#when-the-socket-breaks))"
    ),
    R.ASSISTANT_NOT_FOUND: "a leg arrives for an `assistantId` that does not exist",
    R.DB_ERROR: "the store is lost during a call and comes back",
    R.NO_SERVER_AVAILABLE: "a leg arrives while `MAX_CONCURRENT_CALLS` are going on",
    R.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED: "the keypad or forwarding tool fails twice in a row",
    R.PIPELINE_ERROR_FIRST_MESSAGE_FAILED: (
        "the first words cannot be spoken, by a voice without a value of its own"
    ),
    R.PIPELINE_ERROR_FUNCTION_FILLER_FAILED: "a filler cannot be spoken, by such a voice",
    R.PIPELINE_ERROR_FUNCTION_FAILED: "a tool's server fails twice in a row",
    R.PIPELINE_ERROR_OPENAI_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_AZURE_OPENAI_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_TOGETHER_AI_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_ANYSCALE_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_OPENROUTER_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_PERPLEXITY_AI_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_DEEPINFRA_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_RUNPOD_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_GROQ_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_ANTHROPIC_LLM_FAILED: PROVIDER,
    R.PIPELINE_ERROR_OPENAI_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED: PROVIDER,
    R.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_ELEVEN_LABS_VOICE_NOT_FOUND: "`voiceId` is unknown there",
    R.PIPELINE_ERROR_ELEVEN_LABS_QUOTA_EXCEEDED: "the account there has nothing left",
    R.PIPELINE_ERROR_PLAYHT_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_LMNT_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_AZURE_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_RIME_AI_VOICE_FAILED: PROVIDER,
    R.PIPELINE_ERROR_NEETS_VOICE_FAILED: PROVIDER,
    R.PIPELINE_NO_AVAILABLE_LLM_MODEL: "no model can be built, or every one of `fallbackModels` fails",
    R.SERVER_SHUTDOWN: (
        "a process stops, and no other process takes its call over; or it was killed before it had"
        " dialled the call, and the carrier's API knows no such call"
    ),
    R.TWILIO_FAILED_TO_CONNECT_CALL: "Twilio says `failed`",
    R.UNKNOWN_ERROR: (
        "an outbound leg is `completed` without an answer, and without a reason; or a process was"
        " killed while it dialled, and the carrier's API cannot say whether it placed the call"
    ),
    R.VONAGE_DISCONNECTED: "Vonage drops the media leg, or the phone leg by itself",
    R.VONAGE_FAILED_TO_CONNECT_CALL: "Vonage says `failed`",
    R.ASSISTANT_NOT_INVALID: "the assistant is not valid any more when its leg arrives",
    R.ASSISTANT_NOT_PROVIDED: "a leg arrives at a number that has no assistant",
    R.ASSISTANT_REQUEST_RETURNED_ERROR: '`{"error"}`, an HTTP error, or nothing in 7.5 s',
    R.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT: "an `assistant` that is not valid",
    R.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT: "an answer without assistant, destination and error",
    R.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER: "a `destination`",
    R.ASSISTANT_ENDED_CALL: "the model calls `endCall`, or the assistant closes its side",
    R.ASSISTANT_SAID_END_CALL_PHRASE: "the assistant speaks one of `endCallPhrases`",
    R.ASSISTANT_FORWARDED_CALL: "the assistant's transfer is carried out",
    R.ASSISTANT_JOIN_TIMED_OUT: "a leg is up for `JOIN_TIMEOUT_SECONDS` without a media socket",
    R.CUSTOMER_BUSY: "the carrier says `busy`",
    R.CUSTOMER_ENDED_CALL: "the phone hangs up",
    R.CUSTOMER_DID_NOT_ANSWER: (
        "`no-answer`; at Vonage `timeout` or `unanswered`; a web call is not joined in time"
    ),
    R.CUSTOMER_DID_NOT_GIVE_MICROPHONE_PERMISSION: "the browser of a web call refuses the microphone",
    R.EXCEEDED_MAX_DURATION: "`maxDurationSeconds` have gone by since the assistant joined",
    R.MANUALLY_CANCELED: "`end-call` by control, or the owner cancels the leg at the carrier",
    R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET: "the media socket is lost more often than it reattaches",
    R.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED: "your own model's server fails",
    R.SILENCE_TIMED_OUT: "neither side speaks for `silenceTimeoutSeconds`",
    R.VOICEMAIL: "a machine answers, by the carrier's or the assistant's detection",
    R.VONAGE_REJECTED: "Vonage says `rejected`",
    R.NO_CALL_RECEIVED: "no leg comes within `BYPASS_TTL_SECONDS`",
    R.CALL_RINGING_HOOK_EXECUTED_SAY: f"{A_HOOK} `say`, is for the caller",
    R.CALL_RINGING_HOOK_EXECUTED_TRANSFER: f"{A_HOOK} `transfer`, is for the caller",
    R.CALL_ENDING_HOOK_EXECUTED_SAY: f"your server names no assistant, and {A_HOOK} `say`, is for that",
    R.CALL_ENDING_HOOK_EXECUTED_TRANSFER: (
        f"your server names no assistant, and {A_HOOK} `transfer`, is for that"
    ),
}

LOCAL = "tests/assistants/local"

VOICE_FAILURES = {
    reason
    for part in registry.tts_parts().values()
    for reason in (part.failed, *(reason for _, reason in part.causes))
} - {R.ASSISTANT_ERROR}

PROOFS: Mapping[R, str] = {
    R.SILENCE_TIMED_OUT: f"{LOCAL}/test_goodbyes.py::test_silence_ends_the_call",
    R.ASSISTANT_SAID_END_CALL_PHRASE: f"{LOCAL}/test_goodbyes.py::test_an_end_call_phrase",
    R.PIPELINE_ERROR_FUNCTION_FAILED: (
        f"{LOCAL}/tools/test_execution.py::test_a_tool_that_goes_on_failing_ends_the_call"
    ),
    R.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED: (
        f"{LOCAL}/tools/test_execution.py::test_a_tool_that_goes_on_failing_ends_the_call"
    ),
    R.PIPELINE_ERROR_FUNCTION_FILLER_FAILED: (
        f"{LOCAL}/tools/test_execution.py::test_a_filler_that_cannot_be_spoken"
    ),
    R.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED: (
        f"{LOCAL}/failures/test_ended_reasons.py::test_a_transcriber_that_fails"
    ),
    **dict.fromkeys(
        (
            *(part.failed for part in registry.llm_parts().values()),
            R.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        ),
        f"{LOCAL}/failures/test_ended_reasons.py::test_a_model_that_fails",
    ),
    **dict.fromkeys(
        (
            *sorted(VOICE_FAILURES),  # a set has another order in each process
            R.PIPELINE_ERROR_FIRST_MESSAGE_FAILED,
        ),
        f"{LOCAL}/failures/test_ended_reasons.py::test_a_voice_that_fails",
    ),
    R.SERVER_SHUTDOWN: "tests/e2e/test_stopping.py::test_at_the_limit_a_call_ends_with_its_report",
    R.DB_ERROR: "tests/domain/legs/test_reconcile.py::test_what_the_store_did_not_take_ends_the_call",
    R.ASSISTANT_NOT_INVALID: (
        "tests/e2e/test_assistant_request.py"
        "::test_a_stored_assistant_that_may_not_be_called_any_more"
    ),
    R.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT: (
        "tests/e2e/test_assistant_request.py::test_no_assistant"
    ),
    R.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT: (
        "tests/e2e/test_assistant_request.py::test_no_assistant"
    ),
    R.ASSISTANT_ERROR: (
        "tests/media/test_close_reason.py::test_failed_assistant_is_an_assistant_error"
    ),
    R.ASSISTANT_NOT_FOUND: (
        "tests/e2e/test_acceptance.py::test_an_arrival_for_an_unknown_assistant_says_why"
    ),
    R.ASSISTANT_NOT_PROVIDED: (
        "tests/e2e/test_acceptance.py::test_an_arrival_without_an_assistant_says_why"
    ),
    R.NO_SERVER_AVAILABLE: "tests/e2e/test_limits.py::test_a_leg_that_finds_no_seat_ends",
    R.UNKNOWN_ERROR: "tests/domain/calls/test_reasons.py::test_a_leg_nobody_answered",
    R.ASSISTANT_JOIN_TIMED_OUT: "tests/domain/calls/test_reasons.py::test_a_socket_that_never_came",
    R.EXCEEDED_MAX_DURATION: "tests/domain/calls/test_reasons.py::test_a_call_that_took_too_long",
    R.CALL_ENDING_HOOK_EXECUTED_SAY: "tests/e2e/test_assistant_request.py::test_a_hook_of_the_end",
    R.CALL_ENDING_HOOK_EXECUTED_TRANSFER: (
        "tests/e2e/test_assistant_request.py::test_a_hook_of_the_end"
    ),
    R.NO_CALL_RECEIVED: "tests/domain/calls/test_reasons.py::test_a_leg_that_never_came",
    R.CUSTOMER_DID_NOT_GIVE_MICROPHONE_PERMISSION: (
        "tests/e2e/test_browser_calls.py::test_a_refused_microphone"
    ),
}
"""Tests of reasons that no scenario shows."""


def scenarios(reason: R) -> list[str]:
    """``carrier-name`` of every scenario that ends so."""
    return [
        f"{carrier}-{name}"
        for carrier, table in SCENARIOS.items()
        for name, scenario in table.items()
        if scenario.reason == reason
    ]


def proof(reason: R) -> str | None:
    """The id of a test that produces it through its cause."""
    found = scenarios(reason)
    return f"{SCENARIO_TEST}[{found[0]}]" if found else PROOFS.get(reason)


def rows(meanings: Mapping[str, str]) -> Iterator[str]:
    """One row of the page for each value."""
    for reason in R:
        yield f"| `{reason}` | {meanings[reason]} | {CAUSES[reason]} | `{proof(reason)}` |"
