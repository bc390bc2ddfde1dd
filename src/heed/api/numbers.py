"""The account, its numbers and its sender names."""

from __future__ import annotations

from typing import Any  # JSON of answers

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from heed import carriers
from heed.api.base import (
    ApiError,
    account_of,
    actor_of,
    api,
    both,
    needs_sender,
    page_of,
    page_size,
    row_id,
    shown,
    start_of,
    time_shown,
)
from heed.core import accounts, sandbox, senders
from heed.core.models import Account, Keyword, Sender, SenderKind
from heed.core.senders import Setting, Word
from heed.rules import numbers

router = Router()


class Bought(Schema):
    phone_number: str


class Named(Schema):
    name: str


class Reply(Schema):
    word: str
    reply: str | None = ""


class Change(Schema):
    account_level_opt_out: bool | None = None
    reply_message: str | None = None
    help_reply: str | None = None
    opt_in_reply: str | None = None
    opt_in_words: list[str] | None = None
    keywords: list[Reply] | None = None


@both(router.get, "/account", summary="The account of this key")
def account(request: HttpRequest) -> Any:
    mine = account_of(request)
    shared = Sender.objects.filter(kind=SenderKind.SHARED, closed_at=None).order_by("id").first()
    return {
        "name": mine.name,
        "slug": mine.slug,
        "country": mine.country,
        "free_keyword": accounts.free_keyword(mine),
        "free_keyword_number": shared.address if shared else None,
        "opt_out_link": accounts.opt_out_link(mine),
    }


@both(router.get, "/numbers/inventory", summary="Numbers for sale")
def inventory(request: HttpRequest, country: str = "", digits: str = "", limit: int = 100) -> Any:
    found = carriers.inventory(sandbox.connection_of(), country, digits, page_size(limit))
    return {"items": [{"phone_number": one.phone_number, "country": one.country} for one in found], "next": None}


@both(router.get, "/numbers", summary="The account's numbers, newest first")
def listed(request: HttpRequest, limit: int = 100, next: str = "") -> Any:
    return _listed(account_of(request), SenderKind.NUMBER, limit, next)


@both(router.post, "/numbers", summary="Buy a number")
def buy(request: HttpRequest, bought: Bought) -> HttpResponse:
    needs_sender(request)
    mine, link = account_of(request), sandbox.connection_of()
    number = numbers.parse(bought.phone_number, mine.country)
    if not carriers.sells(link, number):
        raise ApiError(400, "This number is not for sale.", "not_for_sale", "phone_number")
    sender = senders.take_number(mine, number, link, actor=actor_of(request))
    return api.create_response(request, _number(sender), status=201)


@both(router.get, "/numbers/{number_id}", summary="One number")
def one(request: HttpRequest, number_id: str) -> Any:
    return _number(_found(request, number_id))


@both(router.patch, "/numbers/{number_id}", summary="Change a number")
def change(request: HttpRequest, number_id: str, change: Change) -> Any:
    needs_sender(request)
    sender = _found(request, number_id)
    words = None if change.keywords is None else [Word(one.word, one.reply or "") for one in change.keywords]
    setting = Setting(
        change.account_level_opt_out,
        change.reply_message,
        change.help_reply,
        change.opt_in_reply,
        change.opt_in_words,
        words,
    )
    return _number(senders.change(sender, setting, actor=actor_of(request)))


@both(router.delete, "/numbers/{number_id}", summary="Release a number; its opt-outs stay")
def release(request: HttpRequest, number_id: str) -> Any:
    needs_sender(request)
    sender = _found(request, number_id)
    senders.release(sender, actor=actor_of(request))
    return {"id": number_id, "status": "released"}


@both(router.get, "/senders", summary="The account's sender names")
def names(request: HttpRequest, limit: int = 100, next: str = "") -> Any:
    return _listed(account_of(request), SenderKind.NAME, limit, next)


@both(router.post, "/senders", summary="Add a sender name")
def add_name(request: HttpRequest, named: Named) -> HttpResponse:
    needs_sender(request)
    sender = senders.add_name(account_of(request), named.name, sandbox.connection_of(), actor=actor_of(request))
    return api.create_response(request, _name(sender), status=201)


def _listed(mine: Account, kind: SenderKind, limit: int, cursor: str) -> dict[str, Any]:
    size = page_size(limit)
    rows = Sender.objects.filter(account=mine, kind=kind, closed_at=None).order_by("-id")
    if start := start_of(cursor):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: size + 1]), size, _name if kind is SenderKind.NAME else _number)


def _found(request: HttpRequest, number_id: str) -> Sender:
    wanted = row_id("num", number_id)
    mine = Sender.objects.filter(account=account_of(request), kind=SenderKind.NUMBER, closed_at=None)
    sender = mine.select_related("connection").filter(id=wanted).first()
    if sender is None:
        raise ApiError(404, "There is nothing with this id.", "not_found")
    return sender


def _name(sender: Sender) -> dict[str, Any]:
    return {"id": shown("num", sender.id), "name": sender.address, "created_at": time_shown(sender.created_at)}


def _number(sender: Sender) -> dict[str, Any]:
    words = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id")
    return {
        "id": shown("num", sender.id),
        "phone_number": sender.address,
        "country": sender.country,
        "account_level_opt_out": sender.account_level_opt_out,
        "reply_message": sender.reply_message or None,
        "help_reply": sender.help_reply or None,
        "opt_in_reply": sender.opt_in_reply or None,
        "opt_in_words": sender.opt_in_words,
        "keywords": [{"word": word.word, "reply": word.reply or None} for word in words],
        "created_at": time_shown(sender.created_at),
    }
