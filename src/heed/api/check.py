"""May I send? The gate's answer for up to ten thousand numbers, without sending anything."""

from __future__ import annotations

from typing import Any, Literal  # Any: JSON of answers

from django.http import HttpRequest, JsonResponse
from ninja import Field, Router
from pydantic import BaseModel

from heed.api.base import both
from heed.api.keys import account_of
from heed.api.lists import Time, time_shown
from heed.api.sms import MOST_NUMBERS, bound, sender_named
from heed.core import gate, handoff
from heed.core.models import Account, Sender
from heed.rules import numbers

router = Router(tags=["Sending"])


class Question(BaseModel):
    sender: str = Field(alias="from", description="A number or sender name of the account", examples=["+447700900001"])
    to: list[str] = Field(description=f"At most {MOST_NUMBERS:,}", examples=[["+447700900501"]])


class Permission(BaseModel):
    phone_number: str = Field(examples=["+447700900501"])
    allowed: bool
    reason: Literal["opted_out", "in_review", "invalid_number"] | None
    scope: Literal["sender", "account"] | None = Field(description="Whose messages the opt-out stops")
    since: Time | None


class Permissions(BaseModel):
    items: list[Permission]


@both(router.post, "/check", Permissions, summary="May I send to these numbers?")
def check(request: HttpRequest, asked: Question) -> Any:
    """One item for each number, in order. A number that can't be read is not allowed: `invalid_number`."""
    account = account_of(request)
    sender = sender_named(account, asked.sender)
    bound(len(asked.to))
    people = [_person(account, sender, raw) for raw in asked.to]
    blocked = gate.may_send(account.id, sender.id, {p for p in people if p is not None}, pool_id=sender.pool_id)
    items = []
    for raw, person in zip(asked.to, people, strict=True):
        block = blocked.get(person) if person is not None else None
        items.append(
            {
                "phone_number": raw[:60] if person is None else numbers.show(person),
                "allowed": person is not None and block is None,
                "reason": "invalid_number" if person is None else block.reason if block else None,
                "scope": block.scope if block else None,
                "since": time_shown(block.since) if block else None,
            }
        )
    return JsonResponse({"items": items})  # ten thousand of them: not through a schema


def _person(account: Account, sender: Sender, raw: str) -> int | None:
    try:
        number = numbers.parse(raw, account.country)
    except numbers.BadNumber:
        return None
    return number if handoff.may_be_handed(sender.connection.kind, numbers.show(number)) else None
