"""MiniMax: models and voices. Vapi's page has no ended reason of theirs.

https://platform.minimax.io/docs/api-reference/text-openai-api
"""

from __future__ import annotations

import re

from app.vendors.common.field import Field, of_kinds
from app.vendors.common.vendor import CredentialFields, TtsPart, Vendor
from app.vendors.openai import MAX_TOKENS_FIELD, chat_part

REGIONS = {
    "worldwide": "https://api.minimax.io/v1",
    "china": "https://api.minimaxi.com/v1",
}

FIELDS = {
    **of_kinds(
        voiceId=str,
        model=str,
        emotion=str,
        pitch=float,
        speed=float,
        volume=float,
        languageBoost=str,
        textNormalizationEnabled=bool,
    ),
    "region": Field("region", str, tuple(REGIONS)),
}

VENDOR = Vendor(
    name="minimax",
    env_prefix="MINIMAX",
    extra_variables={"groupId": "MINIMAX_GROUP_ID"},
    credential=CredentialFields(shown=("groupId",)),
    llm=chat_part(
        REGIONS["worldwide"],
        model="MiniMax-M2.7",
        reasoning=re.compile("MiniMax-M"),
        max_tokens_field=MAX_TOKENS_FIELD,
        # else its thoughts are a part of the answer, and would be spoken
        extras=((re.compile(""), {"reasoning_split": True}),),
    ),
    tts=TtsPart(make=f"{__name__}.tts:make", fields=FIELDS),
)
