"""The call's messages and transcript."""

from __future__ import annotations

from app.assistants.local.transcript.conversation import Conversation

START = 1_795_000_000.0


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


def test_turns_with_their_times() -> None:
    clock = Clock()
    talk = Conversation([{"role": "system", "content": "Be brief."}], clock=clock)
    clock.now += 2.5
    talk.said("bot", "Hello.", START + 1)
    clock.now += 3
    talk.said("user", "Hi.", START + 4)
    assert talk.messages == [
        {
            "role": "system",
            "message": "Be brief.",
            "time": int(START * 1000),
            "secondsFromStart": 0.0,
        },
        {
            "role": "bot",
            "message": "Hello.",
            "time": int(START * 1000) + 1000,
            "secondsFromStart": 1.0,
            "endTime": int(START * 1000) + 2500,
            "duration": 1500,
        },
        {
            "role": "user",
            "message": "Hi.",
            "time": int(START * 1000) + 4000,
            "secondsFromStart": 4.0,
            "endTime": int(START * 1000) + 5500,
            "duration": 1500,
        },
    ]
    assert talk.transcript == "AI: Hello.\nUser: Hi.\n"
    assert talk.openai == [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Hi."},
    ]


def test_a_later_socket_takes_up_the_thread() -> None:
    clock = Clock()
    first = Conversation([{"role": "system", "content": "Be brief."}], clock=clock)
    first.said("bot", "Hello.")
    clock.now += 60
    second = Conversation([{"role": "system", "content": "Be brief."}], first.messages, clock=clock)
    assert second.continues
    second.said("user", "I am back.")
    assert [each["role"] for each in second.messages] == ["system", "bot", "user"]
    assert second.messages[-1]["secondsFromStart"] == 60.0
    assert second.recalled(tools=False) == [
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "I am back."},
    ]


def test_an_answer_is_due_after_the_callers_turn() -> None:
    talk = Conversation(clock=Clock())
    due = [talk.awaits_answer]
    talk.said("user", "Connect me.")
    due.append(talk.awaits_answer)
    talk.called([{"id": "t1", "type": "function", "function": {"name": "go", "arguments": "{}"}}])
    due.append(talk.awaits_answer)
    talk.added("user", "A note of the operator's.")
    due.append(talk.awaits_answer)
    assert due == [False, True, False, False]


def test_a_beginning_in_the_future_is_not_believed() -> None:
    clock = Clock()
    said = Conversation(clock=clock).said("user", "Hi.", START + 9)
    assert (said["time"], said["duration"]) == (int(START * 1000), 0)


def test_tools_are_messages_and_no_transcript() -> None:
    talk = Conversation(clock=Clock())
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert talk.called([call])["toolCalls"] == [call]
    assert talk.answered("look", "t1", "found")["result"] == "found"
    assert (talk.transcript, talk.openai) == ("", [])
