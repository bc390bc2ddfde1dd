"""Opt-outs, as Webex Interact's clients know them: arrays in, one item with its own status out for each."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # JSON of answers

from django.http import HttpRequest
from ninja import Field, Router, Schema

from heed.api.base import (
    ApiError,
    account_of,
    actor_of,
    both,
    needs_sender,
    page_size,
    role_of,
    shown,
    start_of,
    time_shown,
)
from heed.core import consent, senders
from heed.core.consent import Cause
from heed.core.models import Account, Consent, Sender, Source
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State

router = Router()
MOST_AT_ONCE = 1000


class OptOut(Schema):
    phone_number: str
    channel: str = "SMS"
    account_level_opt_out: bool = False
    inbound_number: str | None = None
    reason: str = Field("", max_length=500)


@both(router.get, "/optouts", summary="Standing opt-outs, newest first")
def listed(
    request: HttpRequest,
    phone_number: str = "",
    account_level_opt_out: bool | None = None,
    inbound_number: str = "",
    since: datetime | None = None,
    limit: int = 100,
    next: str = "",
) -> Any:
    account, size = account_of(request), page_size(limit)
    rows = Consent.objects.filter(account_id=account.id, state=State.OUT).order_by("-entry_id")
    if phone_number:
        rows = rows.filter(recipient=numbers.parse(phone_number, account.country))
    if account_level_opt_out is not None:
        rows = rows.filter(sender_id=0) if account_level_opt_out else rows.exclude(sender_id=0)
    if inbound_number:
        found = senders.find(account, inbound_number)
        rows = rows.filter(sender_id=senders.consent_id(found) if found else -1)
    if since:
        rows = rows.filter(since__gte=since)
    if start := start_of(next):
        rows = rows.filter(entry_id__lt=start)
    page = list(rows[: size + 1])
    addresses = dict(Sender.objects.filter(id__in={row.sender_id for row in page}).values_list("id", "address"))
    more = shown("cur", page[size - 1].entry_id) if len(page) > size else None
    return {"items": [_record(row, addresses) for row in page[:size]], "next": more}


@both(router.post, "/optouts", summary="Opt people out")
def add(request: HttpRequest, items: list[OptOut]) -> Any:
    needs_sender(request)
    return {"items": [_answered(request, item, _add) for item in _bounded(items)]}


@both(router.delete, "/optouts", summary="Lift the opt-outs named, and no other")
def remove(request: HttpRequest, items: list[OptOut]) -> Any:
    needs_sender(request)
    return {"items": [_answered(request, item, _lift) for item in _bounded(items)]}


def _bounded(items: list[OptOut]) -> list[OptOut]:
    if len(items) > MOST_AT_ONCE:
        raise ApiError(400, f"Send at most {MOST_AT_ONCE:,} at once.", "too_many")
    return items


def _answered(request: HttpRequest, item: OptOut, verb: Any) -> dict[str, Any]:
    account = account_of(request)
    answer: dict[str, Any] = item.dict() | {"phone_number": item.phone_number[:60], "channel": "SMS"}
    try:
        person, sender_id = numbers.parse(item.phone_number, account.country), _scope(account, item)
    except (numbers.BadNumber, ApiError) as error:
        return answer | {"status": "invalid", "message": str(error)}
    return answer | {"phone_number": numbers.show(person), "status": verb(request, account, person, sender_id, item)}


def _scope(account: Account, item: OptOut) -> int:
    if item.channel.upper() != "SMS":
        raise ApiError(400, "The channel is SMS.", "invalid", "channel")
    if item.account_level_opt_out == bool(item.inbound_number):
        raise ApiError(400, "Give account_level_opt_out or inbound_number.", "invalid")
    if item.account_level_opt_out:
        return ALL_SENDERS
    sender = senders.find(account, item.inbound_number or "")
    if sender is None:
        raise ApiError(400, "The account has no such sender.", "unknown_sender", "inbound_number")
    return senders.consent_id(sender)


def _add(request: HttpRequest, account: Account, person: int, sender_id: int, item: OptOut) -> str:
    cause = Cause(Source.API, actor=actor_of(request), note=item.reason)
    return "created" if consent.opt_out(account.id, sender_id, person, cause).changed else "exists"


def _lift(request: HttpRequest, account: Account, person: int, sender_id: int, item: OptOut) -> str:
    if not role_of(request).may_lift:
        return "forbidden"
    if not Consent.objects.filter(
        account_id=account.id, recipient=person, sender_id=sender_id, state=State.OUT
    ).exists():
        return "not_found"
    if not item.reason.strip() and consent.needs_reason(account.id, sender_id, person):
        return "reason_required"
    cause = Cause(Source.API, actor=actor_of(request), note=item.reason)
    return "deleted" if consent.lift(account.id, sender_id, person, cause).changed else "not_found"


def _record(row: Consent, addresses: dict[int, str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "phone_number": numbers.show(row.recipient),
        "channel": "SMS",
        "account_level_opt_out": row.sender_id == ALL_SENDERS,
        "opt_out_time": time_shown(row.since),
    }
    if row.sender_id != ALL_SENDERS:
        record |= {
            "inbound_asset_id": shown("num", row.sender_id),
            "inbound_number": addresses.get(row.sender_id),
        }
    return record
