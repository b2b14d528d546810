"""Takes the live control commands of calls, and hands them to their assistants."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from app.domain.services.media import MediaService, StreamClaim
from app.media.call_context import CallContext
from app.media.store_thread import take_in_store_thread
from providers.common.json_types import JsonObject


async def deliver(
    service: MediaService, seats: Collection[tuple[StreamClaim, CallContext]]
) -> None:
    """Hand on the commands that wait for these calls. Raises the store's errors.

    What is taken late is delivered late: it is not taken again.
    """
    contexts = {claim.call_id: context for claim, context in seats}

    def hand_on(given: Iterable[tuple[str, JsonObject]]) -> None:
        for call_id, body in given:
            contexts[call_id].push_command(body)

    claims = [claim for claim, _ in seats]
    hand_on(await take_in_store_thread(hand_on, service.commands, claims))
