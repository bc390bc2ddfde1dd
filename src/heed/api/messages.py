"""Messages that were sent, through whatever door."""

from __future__ import annotations

from typing import Any  # JSON of answers

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router
from pydantic import BaseModel

from heed.api.base import both
from heed.api.errors import not_here
from heed.api.keys import account_of
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.core import pending
from heed.core.models import Message
from heed.rules import numbers
from heed.rules.states import MessageState

router = Router(tags=["Messages"])


class MessageShown(BaseModel):
    transaction_id: str = Field(examples=["tid_5be1d2756880c1b5e2a7d94f360f3c9a"])
    sender: str = Field(alias="from", examples=["+447700900001"])
    to: str = Field(examples=["+447700900501"])
    text: str = Field(examples=["Hello Anna"])
    parts: int = Field(examples=[1])
    status: MessageState
    reason: str | None = Field(description="Why it was not sent", examples=["opted_out"])
    code: str | None = Field(description="The carrier's own code, if it refused")
    name: str | None = Field(description="Of the send that it was part of", examples=["Spring sale"])
    correlation_id: str | None = Field(examples=["order-42"])
    created_at: Time
    settled_at: Time | None


class Messages(BaseModel):
    items: list[MessageShown]
    next: str | None


@both(router.get, "/messages", Messages, summary="Messages, newest first")
def list_messages(
    request: HttpRequest, to: str = "", status: MessageState | None = None, limit: Limit = 100, next: Next = ""
) -> Any:
    account = account_of(request)
    rows: QuerySet[Message] = Message.objects.select_related("sender").filter(account=account).order_by("-id")
    if to:
        rows = rows.filter(recipient=numbers.person(to, account.country))
    if status:
        rows = pending.in_state(rows, status)
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: limit + 1]), limit, _shown)


@both(router.get, "/messages/{transaction_id}", MessageShown, summary="One message")
def show_message(request: HttpRequest, transaction_id: str) -> Any:
    wanted = row_id("tid", transaction_id)
    found = Message.objects.select_related("sender").filter(account=account_of(request), id=wanted).first()
    if found is None:
        raise not_here()
    return _shown(found)


def _shown(row: Message) -> dict[str, Any]:
    return {
        "transaction_id": shown("tid", row.id),
        "from": row.sender.address,
        "to": numbers.show(row.recipient),
        "text": row.text,
        "parts": row.parts,
        "status": row.state,
        "reason": row.reason or None,
        "code": row.code or None,
        "name": row.name or None,
        "correlation_id": row.correlation_id or None,
        "created_at": time_shown(row.created_at),
        "settled_at": time_shown(row.settled_at),
    }
