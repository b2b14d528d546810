"""Vapi: its own voices, and its calls, which may be a call's assistant (docs/upstream-vapi.md).

No one else may offer its voices: another vendor's similar voice speaks, which
``app/vendors/similar.py`` chooses. https://docs.vapi.ai/providers/voice/vapi-voices
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from app.vendors.common.field import Field
from app.vendors.common.similar_voice import (
    BRIGHT,
    CANADIAN,
    DEEP,
    FEMALE,
    INDIAN,
    MALE,
    SOUTHERN,
    Sound,
)
from app.vendors.common.vendor import CredentialFields, TtsPart, Vendor

ADDRESS = "https://api.vapi.ai"
MISSING = "Vapi's SDK is not installed: pip install 'patchbay[vapi]'"


def is_installed() -> bool:
    """Whether Vapi's SDK is there. It is not imported."""
    return find_spec("vapi") is not None


# By the name in lower case, as the page describes each.
SOUNDS: Mapping[str, Sound] = {
    "elliot": Sound(MALE, accent=CANADIAN),  # soothing, friendly, professional
    "savannah": Sound(FEMALE, accent=SOUTHERN),  # straightforward
    "rohan": Sound(MALE, BRIGHT, INDIAN),  # bright, energetic
    "emma": Sound(FEMALE),  # warm, conversational
    "clara": Sound(FEMALE),  # warm, professional
    "nico": Sound(MALE, BRIGHT),  # young, casual
    "kai": Sound(MALE),  # friendly, relaxed
    "sagar": Sound(MALE, accent=INDIAN),  # steady, professional
    "godfrey": Sound(MALE, BRIGHT),  # young, energetic
    "neil": Sound(MALE, accent=INDIAN),  # clear, professional
    "layla": Sound(FEMALE, BRIGHT),  # bright, cheerful
    "sid": Sound(MALE, DEEP),  # smooth, deep-toned
    "naina": Sound(FEMALE, accent=INDIAN),  # calm, collected
    "gustavo": Sound(MALE),
    # retired at Vapi on 2026-03-01
    "spencer": Sound(FEMALE, BRIGHT),  # energetic, lighthearted
    "neha": Sound(FEMALE, accent=INDIAN),  # professional, charming
    "harry": Sound(MALE, BRIGHT),  # clear, energetic
    "cole": Sound(MALE, DEEP),  # deeper tone, calming
    "paige": Sound(FEMALE, DEEP),  # deeper tone, calming
    "hana": Sound(FEMALE),  # soft, soothing
    "lily": Sound(FEMALE, BRIGHT),  # bubbly, cheerful
    "kylie": Sound(FEMALE, BRIGHT),
    # of an open model, with no more than a name each
    "leah": Sound(FEMALE),
    "tara": Sound(FEMALE),
    "jess": Sound(FEMALE, BRIGHT),
    "mia": Sound(FEMALE, BRIGHT),
    "zoe": Sound(FEMALE),
    "leo": Sound(MALE),
    "dan": Sound(MALE, DEEP),
    "zac": Sound(MALE, BRIGHT),
}
# Of a name that is not there, such as a cloned voice's id: Vapi's own default is Elliot.
UNKNOWN = SOUNDS["elliot"]

VENDOR = Vendor(
    name="vapi",
    env_prefix="VAPI",
    extra_variables={"phoneNumberId": "VAPI_PHONE_NUMBER_ID"},
    credential=CredentialFields(shown=("phoneNumberId",)),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        needs_account=False,
        spoken_by_others=True,
        fields={
            "voiceId": Field("voiceId", str),
            "language": Field("language", str),
            "speed": Field("speed", float),
        },
    ),
)
