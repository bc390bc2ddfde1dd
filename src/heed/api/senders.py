"""Sender names: senders of letters, which nobody can answer."""

from __future__ import annotations

from typing import Any  # JSON of answers

from django.http import HttpRequest
from ninja import Field, Router, Status
from pydantic import BaseModel, StrictInt

from heed.api.base import both
from heed.api.errors import not_here
from heed.api.keys import account_of, actor_of, needs_sender
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.api.numbers import RATE
from heed.core import sandbox, senders
from heed.core.models import Sender, SenderKind
from heed.core.senders import Setting

router = Router(tags=["Sender names"])


class Name(BaseModel):
    name: str = Field(description="1 to 11 letters, digits and spaces, with a letter among them", examples=["ACME"])


class NameChange(BaseModel):
    rate: StrictInt | None = Field(None, description=RATE, examples=[10])


class NameShown(BaseModel):
    id: str = Field(examples=["num_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    name: str = Field(examples=["ACME"])
    rate: int | None = Field(description=RATE)
    created_at: Time


class Names(BaseModel):
    items: list[NameShown]
    next: str | None


class Released(BaseModel):
    id: str
    status: str = Field(examples=["released"])


@both(router.get, "/senders", Names, summary="The account's sender names, newest first")
def list_senders(request: HttpRequest, limit: Limit = 100, next: Next = "") -> Any:
    rows = Sender.objects.filter(account=account_of(request), kind=SenderKind.NAME, closed_at=None).order_by("-id")
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: limit + 1]), limit, _shown)


@both(router.post, "/senders", NameShown, status=201, summary="Add a sender name")
def add_sender(request: HttpRequest, name: Name) -> Any:
    """Adding one again answers with the one that is there."""
    needs_sender(request)
    sender = senders.add_name(account_of(request), name.name, sandbox.connection_of(), actor=actor_of(request))
    return Status(201, _shown(sender))


@both(router.patch, "/senders/{name_id}", NameShown, summary="Change a sender name")
def change_sender(request: HttpRequest, name_id: str, change: NameChange) -> Any:
    """What is left out stays as it is."""
    needs_sender(request)
    rate = (change.rate or 0) if "rate" in change.model_fields_set else None
    return _shown(senders.change(_found(request, name_id), Setting(rate=rate), actor=actor_of(request)))


@both(router.delete, "/senders/{name_id}", Released, summary="Release a sender name; its opt-outs stay")
def release_sender(request: HttpRequest, name_id: str) -> Any:
    """Adding it again brings it back with its opt-outs."""
    needs_sender(request)
    senders.release(_found(request, name_id), actor=actor_of(request))
    return {"id": name_id, "status": "released"}


def _found(request: HttpRequest, name_id: str) -> Sender:
    wanted = row_id("num", name_id)
    mine = Sender.objects.filter(account=account_of(request), kind=SenderKind.NAME, closed_at=None)
    sender = mine.filter(id=wanted).first()
    if sender is None:
        raise not_here()
    return sender


def _shown(sender: Sender) -> dict[str, Any]:
    created_at = time_shown(sender.created_at)
    return {"id": shown("num", sender.id), "name": sender.address, "rate": sender.rate, "created_at": created_at}
