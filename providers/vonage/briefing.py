"""The actions for the verbs of Vapi's ``twiml``, which an operator's leg runs before the caller comes.

https://developer.vonage.com/en/voice/voice-api/ncco-reference
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from providers.common import operator_twiml
from providers.common.json_types import JsonDict
from providers.common.operator_twiml import GATHER, HANGUP, PAUSE, PLAY, SAY, Verb
from providers.vonage import talk

Action = JsonDict
# Seconds that an ``input`` action waits for the first key, and for the first word.
MAX_KEY_SECONDS, MAX_START_SECONDS = 10, 60
MAX_KEYS = 20
SPEECH, KEYS = "speech", "dtmf"


def actions(twiml: str, url: str) -> list[Action]:
    """The actions of the verbs up to a Hangup, which ends the NCCO.

    ``url`` is asked for the next NCCO once the operator has answered a Gather. Voices of Twilio's
    have no counterpart. Raises ``ValueError`` for what Vonage cannot do.
    """
    found: list[Action] = []
    for verb in operator_twiml.parse(twiml):
        if verb.name == HANGUP:
            break
        found += _gather(verb, url) if verb.name == GATHER else _WRITERS[verb.name](verb)
    return found


def ends(twiml: str) -> bool:
    """Whether nothing may follow the actions."""
    return operator_twiml.hangs_up(operator_twiml.parse(twiml))


def _say(verb: Verb) -> list[Action]:
    spoken_in = {"language": verb.attributes["language"]} if "language" in verb.attributes else {}
    if verb.ssml:
        if len(verb.text) > talk.MAX_TALK:
            raise ValueError(f"Vonage takes {talk.MAX_TALK} characters in a <Say> with SSML")
        said = [f"<speak>{talk.cleaned(verb.ssml)}</speak>"]
    else:
        said = talk.parts(verb.text)
    each = [{"action": "talk", "text": part, **spoken_in} for part in said]
    if verb.loop == 1:
        return each
    if len(each) == 1:
        return [{**each[0], "loop": verb.loop}]
    return each * verb.loop


def _play(verb: Verb) -> list[Action]:
    if "digits" in verb.attributes:
        raise ValueError("Vonage plays no digits: <Play digits> is Twilio's alone")
    loop = {"loop": verb.loop} if verb.loop > 1 else {}
    return [{"action": "stream", "streamUrl": [verb.text], **loop}]


def _pause(verb: Verb) -> list[Action]:
    return [{"action": "wait", "timeout": int(verb.attributes.get("length", "1"))}]


def _gather(verb: Verb, url: str) -> list[Action]:
    """What is heard meanwhile, and the input. Its answer comes to ``url``, and so does silence.

    A key interrupts the last of what is heard: the input has to follow at once.
    """
    heard = [action for each in verb.inside for action in _WRITERS[each.name](each)]
    if heard and heard[-1]["action"] in {"talk", "stream"}:
        heard[-1] = {**heard[-1], "bargeIn": True}
    wanted = verb.attributes.get("input", KEYS).split()
    kinds = {kind: _INPUTS[kind](verb) for kind in sorted(wanted)}
    asked = {"action": "input", "type": list(kinds), **kinds}
    return [*heard, {**asked, "eventUrl": [url], "eventMethod": "POST"}]


def _keys(verb: Verb) -> Action:
    end = verb.attributes.get("finishOnKey", "#")
    if end not in {"#", ""}:
        raise ValueError(f"Vonage ends keys by # only: <Gather finishOnKey={end!r}> is Twilio's")
    most = int(verb.attributes.get("numDigits", MAX_KEYS))
    if most > MAX_KEYS:
        raise ValueError(f"Vonage takes {MAX_KEYS} keys: <Gather numDigits> is {most}")
    return {
        "timeOut": min(_timeout(verb), MAX_KEY_SECONDS),
        "maxDigits": most,
        "submitOnHash": end == "#",
    }


def _speech(verb: Verb) -> Action:
    pause = verb.attributes.get("speechTimeout", "auto")
    spoken_in = {"language": verb.attributes["language"]} if "language" in verb.attributes else {}
    return {
        "startTimeout": min(_timeout(verb), MAX_START_SECONDS),
        "endOnSilence": 1 if pause == "auto" else min(int(pause), MAX_KEY_SECONDS),
        **spoken_in,
    }


def _timeout(verb: Verb) -> int:
    return int(verb.attributes.get("timeout", operator_twiml.GATHER_SECONDS))


_INPUTS: Mapping[str, Callable[[Verb], Action]] = {KEYS: _keys, SPEECH: _speech}
_WRITERS: Mapping[str, Callable[[Verb], Sequence[Action]]] = {
    SAY: _say,
    PLAY: _play,
    PAUSE: _pause,
}
