"""The API's use cases for calls: create, read, change, end and delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy.engine import Connection

from app.domain.assistant import carrier_speech, installation, transfer_places, transfer_plan
from app.domain.assistant.behaviour import behaviour_problems, number_problems
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import object_of
from app.domain.assistant.outgoing import check_credential_ids, check_outgoing
from app.domain.assistant.secrets import split_secrets
from app.domain.calls import (
    batches,
    create,
    instructions,
    limits,
    record,
    stored_resources,
    variables,
    web_calls,
)
from app.domain.calls.apply import request_end
from app.domain.calls.create import INBOUND, OUTBOUND, NewCall
from app.domain.calls.record import Call, CallTx
from app.domain.calls.stored_resources import NumberBody
from app.domain.calls.timer_jobs import START_SCHEDULED
from app.domain.calls.tokens import DocumentTokens
from app.domain.context import Context
from app.domain.errors import Invalid, NotFound
from app.domain.legs import (
    caller_back,
    carrier_price,
    dial_limit,
    hangup,
    outbound,
    scheduled,
    transfer,
    transfer_summary,
)
from app.domain.legs.queue import line, wake
from app.domain.live import control, supervisor
from app.domain.recordings import files as recording_files
from app.domain.reporting import explain, pending
from app.domain.reporting.call_json import call_json, opens_control
from app.domain.reporting.event_json import event_json
from app.domain.resources import files as resource_files
from app.domain.resources import server_credentials, squads, structured_outputs
from app.domain.resources.base import paged
from app.domain.resources.number_account import number_account
from app.domain.resources.squads import FirstOfSquad
from app.domain.resources.tools import check_ids
from app.domain.services.messages import MessageService
from app.store import accounts, call_lists, calls, events
from app.store.again import one_transaction
from app.store.call_lists import CallFilter
from providers.base.carrier import Carrier
from providers.base.instructions import Details
from providers.base.webhook import HookKind
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus, EndedReason

SENT = (
    "assistant",
    "assistantOverrides",
    "squad",
    "squadOverrides",
    "customer",
    "metadata",
    "name",
    "maxDurationSeconds",
    "schedulePlan",
    "transport",
    "sipEnabled",
)
"""The request's fields that the call keeps as sent, without secrets."""

NO_NUMBER = "Couldn't Get Phone Number. Need Either `phoneNumberId` Or `phoneNumber`."
NO_SIP_DOMAIN = (
    "`sipEnabled` needs a SIP domain at a carrier: set the carrier's `SIP_DOMAIN`, or leave it out "
    "and open `webCallUrl`"
)
NO_ASSISTANT = (
    "Couldn't Get Assistant. Need Either `assistant`, `assistantId`, `squad`, Or `squadId`."
)


Listing = list[JsonDict]
Last = Callable[[Connection, JsonDict], None]


class CallService:
    """The use cases of ``app/routes/calls.py``. Every look-up is within one organisation."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._messages = MessageService(context)

    def create(
        self,
        org_id: str,
        body: JsonObject,
        last: Last | None = None,
        key_id: str | None = None,
    ) -> JsonDict:
        """Create a bypass call with its ``phoneCallProviderDetails``, or an outbound call.

        ``last`` gets the response at the end of the transaction.
        An exception of ``last`` rolls the transaction back. Raises ``Invalid``, ``TooMany``.
        """
        new, call, secrets = self._built(org_id, body, key_id)
        dialled = not (new.bypass or body.get("schedulePlan"))
        return self._stored(call, secrets, last, dialled=dialled)

    @one_transaction
    def _stored(
        self, built: Call, secrets: JsonObject, last: Last | None, *, dialled: bool
    ) -> JsonDict:
        """Write the call, and dial it. The answer to the request."""
        call = record.copy_of(built)  # the first events change it
        with self.context.store.write() as conn:
            tx = CallTx(self.context, conn, call)
            create.insert_call(tx, secrets)
            if dialled:
                outbound.start(tx)
            answer = call_json(self.context, call)
            if self.context.settings.max_concurrent_calls:
                answer["subscriptionLimits"] = limits.subscription(tx)
            if last is not None:
                last(conn, answer)
            if dialled:
                limits.reserve_slot(tx)
                dial_limit.reserve_call(tx)
        return answer

    @one_transaction
    def _built(
        self, org_id: str, body: JsonObject, key_id: str | None
    ) -> tuple[NewCall, Call, JsonDict]:
        """The call that the request asks for, checked, and its secrets. Raises ``Invalid``."""
        # Only the look-up of a transient number may write its account; others need no write lock.
        look_up = self.context.store.write if body.get("phoneNumber") else self.context.store.read
        later = body.get("schedulePlan")
        if batches.OVERRIDES & (body.get("customer") or {}).keys():
            body = batches.one_of(body, body["customer"])
        with look_up() as conn:
            if later:
                scheduled.check(self.context, conn, org_id, body)
            instructions.refresh_media(self.context, conn)
            new = self._new(conn, org_id, body, key_id)
            call, secrets = create.build_call(self.context, new)
            if self.context.settings.max_concurrent_calls and not later:
                self._check_capacity(CallTx(self.context, conn, call))
            if not new.bypass:
                outbound.check(CallTx(self.context, conn, call))
        if not new.provider.phone:  # the customer joins by the URL that the answer has
            return new, call, secrets
        if new.bypass:
            tokens = instructions.first_tokens(self.context, call)
            secrets["details"] = self._details(call, tokens)
        else:
            outbound.prepare(self.context, call, new.credential)
        return new, call, secrets

    def _check_capacity(self, tx: CallTx) -> None:
        """Raise ``Invalid`` without a free slot, unless the call's leg may wait for one."""
        if not (tx.call.bypass and line.may_enter(tx)):
            limits.check_capacity(tx.context, tx.conn)

    def get(self, org_id: str, call_id: str) -> JsonDict:
        with self.context.store.read() as conn:
            return call_json(self.context, _own(conn, org_id, call_id))

    def list(self, org_id: str, wanted: CallFilter) -> Listing:
        with self.context.store.read() as conn:
            found = record.listing(conn, org_id, self._of_leg(conn, org_id, wanted))
        return [call_json(self.context, call) for call in found]

    def _of_leg(self, conn: Connection, org_id: str, wanted: CallFilter) -> CallFilter:
        """The filter by the carrier's present id of a call, where an earlier one was given.

        A leg that the carrier moved to another conversation has that one's id since.
        """
        ref = wanted.equal.get("provider_call_id")
        for name in self.context.providers if ref else ():
            call = record.find_by_ref(conn, name, str(ref), {org_id})
            now = call.provider_call_id if call else None
            if now is not None:
                return replace(wanted, equal={**wanted.equal, "provider_call_id": now})
        return wanted

    def pages(self, org_id: str, wanted: CallFilter) -> JsonDict:
        """One page of calls, and their number, as far as it is counted."""
        with self.context.store.read() as conn:
            wanted = self._of_leg(conn, org_id, wanted)
            found = record.listing(conn, org_id, wanted)
            total = call_lists.count(conn, org_id, wanted)
        shown = [call_json(self.context, call) for call in found]
        return paged(shown, total, wanted.limit, wanted.page)

    @one_transaction
    def patch(self, org_id: str, call_id: str, body: JsonObject) -> JsonDict:
        with self.context.store.write() as conn:
            call = _own(conn, org_id, call_id, lock=True)
            merged = {**call.body, **body}  # null removes the field
            kept = {name: value for name, value in merged.items() if value is not None}
            CallTx(self.context, conn, call).update(body=kept, updated_at=self.context.now())
        return call_json(self.context, call)

    @one_transaction
    def delete(self, org_id: str, call_id: str) -> JsonDict:
        """Delete the call and all its data.

        A call in progress loses its media socket, and an outbound leg is hung up.
        """
        with self.context.store.write() as conn:
            call = _own(conn, org_id, call_id, lock=True)
            self.erase(conn, call)
        return call_json(self.context, call)

    def erase(self, conn: Connection, call: Call) -> None:
        """Delete a locked call and all its data, as part of this transaction."""
        tx = CallTx(self.context, conn, call)
        hangup.enqueue_deleted(tx)
        caller_back.enqueue_deleted(tx)
        for job in (pending.TIMER, carrier_price.JOB, START_SCHEDULED):
            self.context.jobs.cancel(conn, f"{job}:{call.id}")
        recording_files.delete_of_call(self.context, conn, call.id)
        calls.delete(conn, call.id)
        if call.status != CallStatus.ENDED:
            wake.enqueue(self.context, conn)

    def events(self, org_id: str, call_id: str) -> Listing:
        """The event log in the order of arrival, with the carriers' raw parameters."""
        with self.context.store.read() as conn:
            _own(conn, org_id, call_id)
            return [event_json(row) for row in events.log(conn, call_id)]

    def explain(self, org_id: str, call_id: str) -> JsonDict:
        """Why the call is as it is: its events replayed."""
        with self.context.store.read() as conn:
            call, log = _own(conn, org_id, call_id), events.of_call(conn, call_id)
        never_answered = self.context.providers[call.provider].never_answered
        return explain.summary(log, never_answered, call.ended_reason)

    def messages(self, org_id: str, call_id: str) -> Listing:
        """The server messages in their order, each with all its attempts."""
        return self._messages.of_call(org_id, call_id)

    def resend(self, org_id: str, call_id: str, message_id: str) -> JsonDict:
        """Send a message again, whether it was delivered or failed."""
        return self._messages.resend(org_id, call_id, message_id)

    def control(
        self, org_id: str | None, call_id: str, token: str | None, body: JsonObject
    ) -> None:
        """Execute a control message, authorised by an API key (``org_id``) or the call's token.

        Raises ``Invalid`` for a destination that is not allowed.
        Raises it, too, for a command that the call's assistant cannot execute now."""
        self._control(org_id, call_id, token, body, self._summary(org_id, call_id, token, body))

    @one_transaction
    def _control(
        self, org_id: str | None, call_id: str, token: str | None, body: JsonObject, summary: str
    ) -> None:
        with self.context.store.write() as conn:
            found = record.get(conn, call_id, lock=True)
            if found is None or not self._may_control(found, org_id, token):
                raise NotFound("Call", call_id)
            tx = CallTx(self.context, conn, found)
            if body.get("type") == "transfer":
                told = variables.filled(self.context, found, body)
                transfer.transfer(tx, told["destination"], told.get("content"), summary)
            elif body.get("type") in control.TYPES:
                control.enqueue(tx, variables.filled(self.context, found, body))
            elif found.status == CallStatus.ENDED:
                raise Invalid("`end-call` needs a call that goes on: this one has ended")
            else:
                request_end(tx, EndedReason.MANUALLY_CANCELED)

    def supervise(self, org_id: str | None, call_id: str, token: str | None) -> JsonDict:
        """Where a supervisor speaks to the caller, authorised as a control message is.

        Raises ``Invalid`` for a call on which no supervisor can speak."""
        with self.context.store.read() as conn:
            found = record.get(conn, call_id)
        if found is None or not self._may_control(found, org_id, token):
            raise NotFound("Call", call_id)
        return supervisor.supervisor_socket(self.context, found)

    def _summary(
        self, org_id: str | None, call_id: str, token: str | None, body: JsonObject
    ) -> str:
        """The summary for the operator, if this is a transfer whose plan wants one."""
        place = body.get("destination")
        if body.get("type") != "transfer" or not isinstance(place, Mapping):
            return ""
        if not transfer_plan.read(place).wants_summary:
            return ""
        with self.context.store.read() as conn:
            found = record.get(conn, call_id)
        if found is None or not self._may_control(found, org_id, token):
            return ""
        return transfer_summary.summarise(self.context, call_id, place)

    def _may_control(self, call: Call, org_id: str | None, token: str | None) -> bool:
        if org_id is not None:
            return call.org_id == org_id
        if token is None or not call.facts.assistant.may_be_controlled:
            return False
        return opens_control(self.context, call.id, token)

    # -- create

    def _new(self, conn: Connection, org_id: str, body: JsonObject, key_id: str | None) -> NewCall:
        number = self._number(conn, org_id, body)
        provider = self.context.providers[number["provider"]]
        for part in ("assistant", "assistantOverrides", "squadOverrides", "phoneNumber"):
            if given := body.get(part):
                judge = number_problems if part == "phoneNumber" else behaviour_problems
                check_outgoing(given, self.context.url_problem, f"{part}.", behaviour=judge)
                if "'credentialId'" in str(given):
                    has_credential = partial(server_credentials.missing, conn, org_id)
                    check_credential_ids(given, has_credential, f"{part}.")
                if given.get("artifactPlan"):
                    structured_outputs.check_own(given, f"{part}.")
                model = object_of(given, "model")
                if "toolIds" in model or "hooks" in given:
                    check_ids(conn, org_id, given, f"{part}.")
                if "knowledgeBase" in model or "tools" in model:
                    resource_files.check(conn, org_id, given, f"{part}.")
        return_url = body.get("phoneCallProviderReturnUrl")
        if return_url:
            problem = instructions.return_url_problem(self.context, provider, return_url)
            if problem:
                raise Invalid(problem)
        chosen = self._squad(conn, org_id, body, number)
        if chosen is not None:
            assistant_id, whole = None, chosen.first
        else:
            assistant_id, whole = self._assistant(conn, org_id, body, number)
        if unfit := carrier_speech.mismatch(whole, provider):
            raise Invalid(unfit)
        if provider.phone:
            self._check_transfers(chosen, whole, provider)
        return NewCall(
            org_id=org_id,
            provider=provider,
            type=body.get("type") or OUTBOUND,
            bypass=bool(body.get("phoneCallProviderBypassEnabled")) or not provider.phone,
            credential=number["credential"],
            number=number["number"],
            body=_as_sent(body, number, return_url),
            assistant_id=assistant_id,
            customer_id=body.get("customerId"),
            phone_number_id=number["id"],
            assistant=whole,
            customer=self._customer(conn, org_id, body),
            phone_number=number["body"],
            key_id=key_id,
            server=stored_resources.org_server(self.context, conn, org_id),
            squad=chosen.squad if chosen else None,
        )

    def _check_transfers(
        self, chosen: FirstOfSquad | None, whole: AssistantConfig, carrier: Carrier
    ) -> None:
        """Raises ``Invalid`` for a transfer that this carrier could never make."""
        squad = chosen.squad.json if chosen else {}
        found = [*whole.transfers, *transfer_places.places(squad)]
        if wrong := [*transfer_places.carrier_problems(found, carrier)]:
            raise Invalid(wrong)

    def _squad(
        self, conn: Connection, org_id: str, body: JsonObject, number: JsonObject
    ) -> FirstOfSquad | None:
        """The squad that the request or its number names; None: an assistant answers."""
        named = body.get("squad") is not None or body.get("squadId")
        if not named and (body.get("assistant") is not None or body.get("assistantId")):
            return None
        squad_id = body.get("squadId") or (None if named else number["body"].json.get("squadId"))
        if not named and not squad_id:
            return None
        overrides = (body.get("assistantOverrides"), body.get("squadOverrides"))
        if squad_id:
            return squads.of_id(self.context, conn, org_id, squad_id, *overrides)
        return squads.of_body(self.context, conn, org_id, body["squad"], *overrides)

    def _number(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        """The call's number: ``id provider number credential body assistant_id``."""
        if body.get("type") in web_calls.TYPES:
            if body.get("sipEnabled") and web_calls.sip_domain(self.context) is None:
                raise Invalid(NO_SIP_DOMAIN)
            return dict(web_calls.NUMBER)
        number_id = body.get("phoneNumberId")
        if number_id:
            row = stored_resources.stored_number(self.context, conn, org_id, number_id)
            if row is None:
                raise Invalid(
                    f"Couldn't Get Phone Number. `phoneNumberId` {number_id} Does Not Exist."
                )
            return {**row, "credential": accounts.get_credential(conn, row["credential_id"])}
        if not body.get("phoneNumber"):
            raise Invalid(NO_NUMBER)
        return self._transient_number(conn, org_id, body["phoneNumber"])

    def _transient_number(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        body = {name: value for name, value in body.items() if value is not None}
        provider, number, credential = number_account(self.context, conn, org_id, body)
        return {
            "id": None,
            "provider": provider.name,
            "number": number,
            "credential": credential,
            "body": NumberBody(
                {k: v for k, v in body.items() if k not in provider.number_fields.secrets}
            ),
            "assistant_id": body.get("assistantId"),
        }

    def _assistant(
        self, conn: Connection, org_id: str, body: JsonObject, number: JsonObject
    ) -> tuple[str | None, AssistantConfig]:
        overrides, assistant_id = body.get("assistantOverrides"), None
        if body.get("assistant") is not None:
            whole = AssistantConfig(body["assistant"]).with_overrides(overrides)
        else:
            assistant_id = body.get("assistantId") or number["assistant_id"]
            if not assistant_id:
                raise Invalid(NO_ASSISTANT)
            found = stored_resources.stored_assistant(self.context, conn, org_id, assistant_id)
            if found is None:
                raise Invalid(
                    f"Couldn't Get Assistant. `assistantId` {assistant_id} Does Not Exist."
                )
            whole = found.with_overrides(overrides)
        if assistant_id is None or overrides:  # a stored one was checked when it was stored
            path = "assistant" if assistant_id is None else "assistantOverrides"
            installation.refuse(whole, self.context.settings, f"{path}.")
        return assistant_id, whole

    def _customer(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        customer_id = body.get("customerId")
        if not customer_id:
            return dict(body.get("customer") or {})
        found = stored_resources.stored_customer(self.context, conn, org_id, customer_id)
        if found is None:
            raise Invalid(f"Couldn't Get Customer. `customerId` {customer_id} Does Not Exist.")
        return found

    def _details(self, call: Call, tokens: DocumentTokens) -> JsonDict:
        """``phoneCallProviderDetails``, which connect the assistant to a flow's own call.

        https://docs.vapi.ai/calls/call-handling-with-vapi-and-twilio
        """
        provider = self.context.providers[call.provider]
        theirs, ours = call.facts.customer.get("number") or None, call.facts.number
        inbound = call.type == INBOUND
        callback = tokens.callback
        return provider.markup.details(
            Details(
                to=ours if inbound else theirs,
                from_=theirs if inbound else ours,
                status_url=instructions.hook_url(self.context, provider, HookKind.STATUS, callback),
                inbound=inbound,
                connect=instructions.connect(self.context, call, tokens),
                machine=None
                if inbound
                else instructions.machine_detection(self.context, call, tokens),
            )
        )


def _as_sent(body: JsonObject, number: JsonObject, return_url: str | None) -> JsonDict:
    """The request's fields that the Call repeats, without their secrets."""
    kept = {name: body[name] for name in SENT if body.get(name) is not None}
    for name in ("assistant", "assistantOverrides", "squad", "squadOverrides"):
        if name in kept:
            kept[name], _ = split_secrets(kept[name])
    if body.get("phoneNumber"):
        kept["phoneNumber"] = number["body"].public
    if return_url:
        kept["phoneCallProviderReturnUrl"] = return_url
    return kept


def _own(conn: Connection, org_id: str, call_id: str, *, lock: bool = False) -> Call:
    """The organisation's call. Raises ``NotFound``, for another organisation's call, too."""
    found = record.get(conn, call_id, lock=lock)
    if found is None or found.org_id != org_id:
        raise NotFound("Call", call_id)
    return found
