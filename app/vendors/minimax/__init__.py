"""MiniMax: voices. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.field import Field, of_kinds
from app.vendors.common.vendor import CredentialFields, TtsPart, Vendor

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
    tts=TtsPart(make=f"{__name__}.tts:make", fields=FIELDS),
)
