"""AWS: Polly's voices. Vapi has no ended reason of their own for them.

The variables have a prefix of their own: a machine's keys for other services must not pay for speech.
"""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import CredentialFields, TtsPart, Vendor

FIELDS = of_kinds(voiceId=str, model=str, language=str)

VENDOR = Vendor(
    name="aws",
    env_prefix="AWS_POLLY",
    key_name="SECRET_ACCESS_KEY",
    extra_variables={"awsAccessKeyId": "AWS_POLLY_ACCESS_KEY_ID", "region": "AWS_POLLY_REGION"},
    credential=CredentialFields(
        key="awsSecretAccessKey",
        shown=("awsAccessKeyId", "region"),
        required=("awsAccessKeyId",),
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make", fields=FIELDS, needs_region=True, needs=("awsAccessKeyId",)
    ),
)
