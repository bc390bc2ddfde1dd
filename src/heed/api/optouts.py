"""Opt-outs, as Webex Interact's clients know them: arrays in, one item with its own status out for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal  # Any: JSON of answers

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import BaseModel, StrictBool

from heed.api.base import both
from heed.api.errors import ApiError
from heed.api.keys import account_of, actor_of, needs_sender, role_of
from heed.api.lists import Limit, Next, Time, page_of, shown, start_of, time_shown
from heed.core import consent, senders
from heed.core.consent import Cause, Doing
from heed.core.models import Account, Consent, Sender, Source
from heed.rules import codes, numbers
from heed.rules.consent import ALL_SENDERS, State

router = Router(tags=["Opt-outs"])
MOST_AT_ONCE = 1000
CHANNELS = ("SMS", "WHATSAPP")  # Interact has both; here nobody can be opted out of the second


class OptOut(BaseModel):
    """One person's opt-out: of the account (`account_level_opt_out`), or of one sender (`inbound_number`)."""

    phone_number: str = Field(examples=["+447700900501"])
    channel: str = Field("SMS", examples=["SMS"])
    account_level_opt_out: StrictBool = Field(False, examples=[True])
    inbound_number: str | None = Field(None, description="A number or sender name of the account", examples=[None])
    reason: str = Field("", max_length=500, description="Why; kept with the opt-out", examples=["Asked by phone"])


class OptOutShown(BaseModel):
    phone_number: str = Field(examples=["+447700900501"])
    channel: Literal["SMS"]
    account_level_opt_out: bool
    inbound_asset_id: str | None = Field(examples=["num_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    inbound_number: str | None = Field(examples=["+447700900001"])
    opt_out_time: Time | None


class OptOuts(BaseModel):
    items: list[OptOutShown]
    next: str | None


class Answered(BaseModel):
    """The item as it was given, with the number in E.164."""

    phone_number: str
    channel: str
    account_level_opt_out: bool
    inbound_number: str | None
    reason: str
    message: str | None = Field(description="Why it is invalid")


class Added(Answered):
    status: Literal["created", "exists", "invalid"]


class Lifted(Answered):
    status: Literal["deleted", "not_found", "reason_required", "forbidden", "invalid"]


class AddedAll(BaseModel):
    items: list[Added]


class LiftedAll(BaseModel):
    items: list[Lifted]


@both(router.get, "/optouts", OptOuts, summary="Standing opt-outs, newest first")
def list_optouts(
    request: HttpRequest,
    phone_number: str = "",
    account_level_opt_out: Annotated[
        bool | None, Query(description="true: of the account; false: of one sender")
    ] = None,
    inbound_number: Annotated[str, Query(description="Of this sender alone")] = "",
    inbound_asset_id: Annotated[str, Query(description="The same, by its id")] = "",
    since: Annotated[Time | None, Query(description="Standing since then or later")] = None,
    channel: Annotated[str, Query(description="SMS; there are none on WHATSAPP")] = "",
    limit: Limit = 100,
    next: Next = "",
) -> Any:
    account = account_of(request)
    rows = Consent.objects.filter(account_id=account.id, state=State.OUT).order_by("-entry_id")
    if channel and _channel(channel) != "SMS":
        rows = rows.none()
    if phone_number:
        rows = rows.filter(recipient=numbers.person(phone_number, account.country))
    if account_level_opt_out is not None:
        rows = rows.filter(sender_id=0) if account_level_opt_out else rows.exclude(sender_id=0)
    if inbound_number:
        found = senders.find(account, inbound_number, released=True)
        rows = rows.filter(sender_id=senders.consent_id(found)) if found else rows.none()
    if inbound_asset_id:
        rows = rows.filter(sender_id=codes.row_id(settings.ID_KEY, "num", inbound_asset_id) or -1)
    if since:
        rows = rows.filter(since__gte=since)
    if start := start_of(next):
        rows = rows.filter(entry_id__lt=start)
    page = list(rows[: limit + 1])
    addresses = dict(Sender.objects.filter(id__in={row.sender_id for row in page}).values_list("id", "address"))
    return page_of(page, limit, lambda row: _shown(row, addresses), key="entry_id")


@both(router.post, "/optouts", AddedAll, summary="Opt people out")
def add_optouts(request: HttpRequest, items: list[OptOut]) -> Any:
    """One item for each, in order, with its own `status`: the HTTP status alone does not tell what became of each."""
    needs_sender(request)
    named = _named(account_of(request), items)
    outcomes = consent.act_all([_doing(request, consent.Verb.OPT_OUT, one) for one in named if not one.problem])
    return {"items": _answers(named, ["created" if one.changed else "exists" for one in outcomes])}


@both(router.delete, "/optouts", LiftedAll, summary="Lift the opt-outs named, and no other")
def lift_optouts(request: HttpRequest, items: list[OptOut]) -> Any:
    """One item for each, in order. Owners and administrators lift; a `reason` is required where the person opted out."""
    needs_sender(request)
    named = _named(account_of(request), items)
    statuses = _before_lifting(request, [one for one in named if not one.problem])
    lifted = consent.act_all([_doing(request, consent.Verb.LIFT, one) for one, status in statuses if not status])
    outcomes = iter("deleted" if one.changed else "not_found" for one in lifted)
    return {"items": _answers(named, [status or next(outcomes) for _, status in statuses])}


@dataclass(frozen=True, slots=True)
class Named:
    """An item, and whose opt-out of which sender (0: of the account) it names; or what is wrong with it."""

    item: OptOut
    person: int = 0
    sender_id: int = 0
    problem: str = ""


def _named(account: Account, items: list[OptOut]) -> list[Named]:
    if len(items) > MOST_AT_ONCE:
        raise ApiError(400, f"Send at most {MOST_AT_ONCE:,} at once.", "too_many")
    found = cache(lambda raw: senders.find(account, raw, released=True))
    named = []
    for item in items:
        try:
            named.append(Named(item, numbers.person(item.phone_number, account.country), _scope(item, found)))
        except (numbers.BadNumber, ApiError) as error:
            named.append(Named(item, problem=str(error)))
    return named


def _scope(item: OptOut, found: Callable[[str], Sender | None]) -> int:
    if _channel(item.channel) != "SMS":
        raise ApiError(400, "The channel is SMS.", "invalid", "channel")
    if item.account_level_opt_out == bool(item.inbound_number):
        raise ApiError(400, "Give account_level_opt_out or inbound_number.", "invalid")
    if item.account_level_opt_out:
        return ALL_SENDERS
    sender = found(item.inbound_number or "")
    if sender is None:
        raise ApiError(400, "The account has no such sender.", "unknown_sender", "inbound_number")
    return senders.consent_id(sender)


def _channel(raw: str) -> str:
    if raw.upper() not in CHANNELS:
        raise ApiError(400, "The channel is SMS.", "invalid", "channel")
    return raw.upper()


def _doing(request: HttpRequest, verb: consent.Verb, one: Named) -> Doing:
    cause = Cause(Source.API, actor=actor_of(request), note=one.item.reason)
    return Doing(verb, account_of(request).id, one.person, one.sender_id, cause)


def _before_lifting(request: HttpRequest, named: list[Named]) -> list[tuple[Named, str]]:
    """Each with the status that keeps it from being lifted, or ""."""
    account = account_of(request)
    if not role_of(request).may_lift:
        return [(one, "forbidden") for one in named]
    out = Consent.objects.filter(account_id=account.id, state=State.OUT, recipient__in={one.person for one in named})
    standing = set(out.values_list("recipient", "sender_id"))
    statuses = []
    for one in named:
        row = (one.person, one.sender_id)
        status = "" if row in standing else "not_found"
        if not status and not one.item.reason.strip() and consent.needs_reason(account.id, one.sender_id, one.person):
            status = "reason_required"
        if not status:
            standing.remove(row)  # the same one twice is there once
        statuses.append((one, status))
    return statuses


def _answers(named: list[Named], statuses: list[str]) -> list[dict[str, Any]]:
    """Every item as it was given, with its status; ``statuses`` are of those without a problem, in order."""
    rest = iter(statuses)
    return [
        one.item.model_dump()
        | {
            "phone_number": one.item.phone_number[:60] if one.problem else numbers.show(one.person),
            "status": "invalid" if one.problem else next(rest),
            "message": one.problem or None,
        }
        for one in named
    ]


def _shown(row: Consent, addresses: dict[int, str]) -> dict[str, Any]:
    is_account = row.sender_id == ALL_SENDERS
    return {
        "phone_number": numbers.show(row.recipient),
        "channel": "SMS",
        "account_level_opt_out": is_account,
        "inbound_asset_id": None if is_account else shown("num", row.sender_id),
        "inbound_number": addresses.get(row.sender_id),
        "opt_out_time": time_shown(row.since),
    }
