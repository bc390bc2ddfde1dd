"""The account's numbers: what is for sale, buying, changing and releasing them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any  # JSON of answers

from django.http import HttpRequest
from ninja import Field, Router, Status
from pydantic import BaseModel, StrictBool, StrictInt

from heed import carriers
from heed.api.base import both
from heed.api.errors import ApiError, not_here
from heed.api.keys import account_of, actor_of, needs_sender
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.core import senders
from heed.core.models import Connection, Keyword, Sender, SenderKind
from heed.core.senders import Setting, Word
from heed.rules import numbers, wording

router = Router(tags=["Numbers"])


RATE = "Campaign messages a second; null: as fast as the carrier takes them"


class ForSale(BaseModel):
    phone_number: str = Field(examples=["+447700900100"])
    country: str = Field(examples=["GB"])
    connection: str = Field(description="Who sells it", examples=["lnk_0f3c9a4be1d2756880c1b5e2a7d94f36"])


class Inventory(BaseModel):
    items: list[ForSale]
    next: None = Field(description="The inventory is one page")


class Purchase(BaseModel):
    phone_number: str = Field(examples=["+447700900100"])
    connection: str = Field("", description="Who sells it; left out, the first that does")


class KeywordShown(BaseModel):
    word: str = Field(examples=["END"])
    reply: str | None = Field(None, description="null: the number's reply_message", examples=["Bye."])


class Translation(BaseModel):
    """The replies to people who wrote in one language. What is left out is answered with the number's own."""

    reply_message: str | None = Field(None, examples=["Vous êtes désinscrit."])
    help_reply: str | None = None
    opt_in_reply: str | None = None


class Change(BaseModel):
    """What is left out stays as it is; a reply of null is taken away; a list is replaced whole."""

    account_level_opt_out: StrictBool = Field(False, description="Whether STOP to this number leaves the whole account")
    reply_message: str | None = Field(None, description="The answer to an opt-out", examples=["You are opted out."])
    help_reply: str | None = Field(None, description="The answer to HELP; null: a default one")
    opt_in_reply: str | None = Field(None, description="The answer to START")
    translations: dict[str, Translation] = Field(
        {}, description="Replies by language of the text they answer (fr, es, …)"
    )
    opt_in_words: list[str] = Field([], description="Words beside START and UNSTOP", examples=[["JOIN"]])
    keywords: list[KeywordShown] = Field([], description="Opt-out keywords. STOP and UNSUBSCRIBE always stay.")
    rate: StrictInt | None = Field(None, description=RATE, examples=[10])


class ReplyWarning(BaseModel):
    code: str = Field(examples=["marketing"])
    field: str = Field(examples=["reply_message", "translations.fr.reply_message", "keywords.END"])
    word: str = Field(examples=["sale"])


class NumberShown(BaseModel):
    id: str = Field(examples=["num_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    phone_number: str = Field(examples=["+447700900100"])
    country: str = Field(examples=["GB"])
    account_level_opt_out: bool
    reply_message: str | None
    help_reply: str | None
    opt_in_reply: str | None
    translations: dict[str, Translation]
    opt_in_words: list[str]
    keywords: list[KeywordShown]
    warnings: list[ReplyWarning] = Field(description="Replies that seem to advertise, which an answer may not")
    rate: int | None = Field(description=RATE)
    created_at: Time


class Numbers(BaseModel):
    items: list[NumberShown]
    next: str | None


class Released(BaseModel):
    id: str
    status: str = Field(examples=["released"])


@both(router.get, "/numbers/inventory", Inventory, summary="Numbers for sale")
def list_inventory(
    request: HttpRequest, country: str = "", digits: str = "", connection: str = "", limit: Limit = 100
) -> Any:
    """Of one connection, or of all that sell numbers. One whose carrier can't be asked is left out unless it is named."""
    found: list[dict[str, Any]] = []
    for link in _sellers(request, connection):
        try:
            for_sale = carriers.inventory(link, country, digits, limit - len(found))
        except carriers.Refused:
            if connection:
                raise
            continue
        id_ = shown("lnk", link.id)
        found += [{"phone_number": it.phone_number, "country": it.country, "connection": id_} for it in for_sale]
        if len(found) >= limit:
            break
    return {"items": found, "next": None}


def _sellers(request: HttpRequest, connection: str) -> list[Connection]:
    found = carriers.sellers(account_of(request))
    if not connection:
        return found
    wanted = row_id("lnk", connection)
    if not (named := [link for link in found if link.id == wanted]):
        raise not_here()
    return named


@both(router.get, "/numbers", Numbers, summary="The account's numbers, newest first")
def list_numbers(request: HttpRequest, limit: Limit = 100, next: Next = "") -> Any:
    rows = Sender.objects.filter(account=account_of(request), kind=SenderKind.NUMBER, closed_at=None).order_by("-id")
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    page = list(rows[: limit + 1])
    words = _words(page)
    return page_of(page, limit, lambda sender: _shown(sender, words[sender.id]))


@both(router.post, "/numbers", NumberShown, status=201, summary="Buy a number")
def buy_number(request: HttpRequest, purchase: Purchase) -> Any:
    needs_sender(request)
    mine = account_of(request)
    number = numbers.parse(purchase.phone_number, mine.country)
    for link in _sellers(request, purchase.connection):
        is_fitting = numbers.is_fictional(number) == (link.kind == "sandbox")
        if is_fitting and (purchase.connection or carriers.sells(link, number)):
            return Status(201, _one(carriers.buy(mine, number, link, actor=actor_of(request))))
    raise ApiError(400, "This number is not for sale.", "not_for_sale", "phone_number")


@both(router.get, "/numbers/{number_id}", NumberShown, summary="One number")
def show_number(request: HttpRequest, number_id: str) -> Any:
    return _one(_found(request, number_id))


@both(router.patch, "/numbers/{number_id}", NumberShown, summary="Change a number")
def change_number(request: HttpRequest, number_id: str, change: Change) -> Any:
    """What is left out stays as it is; a reply of null is taken away; `keywords` and `opt_in_words` are replaced whole."""
    needs_sender(request)
    given = change.model_dump(exclude_unset=True)
    replies: dict[str, Any] = {name: given[name] or "" for name in senders.REPLIES if name in given}
    if "translations" in given:
        replies["translations"] = {
            code: {name: text or "" for name, text in one.items()} for code, one in given["translations"].items()
        }
    words = [Word(one.word, one.reply or "") for one in change.keywords] if "keywords" in given else None
    setting = Setting(
        account_level_opt_out=given.get("account_level_opt_out"),
        opt_in_words=given.get("opt_in_words"),
        keywords=words,
        rate=(given["rate"] or 0) if "rate" in given else None,
        **replies,
    )
    return _one(senders.change(_found(request, number_id), setting, actor=actor_of(request)))


@both(router.delete, "/numbers/{number_id}", Released, summary="Release a number; its opt-outs stay")
def release_number(request: HttpRequest, number_id: str) -> Any:
    """A STOP to it counts for 60 days more, and whoever buys it again finds its opt-outs."""
    needs_sender(request)
    senders.release(_found(request, number_id), actor=actor_of(request))
    return {"id": number_id, "status": "released"}


def _found(request: HttpRequest, number_id: str) -> Sender:
    wanted = row_id("num", number_id)
    mine = Sender.objects.filter(account=account_of(request), kind=SenderKind.NUMBER, closed_at=None)
    sender = mine.select_related("connection").filter(id=wanted).first()
    if sender is None:
        raise not_here()
    return sender


def _words(some: list[Sender]) -> dict[int, list[Keyword]]:
    words: dict[int, list[Keyword]] = defaultdict(list)
    for word in Keyword.objects.filter(sender__in=some, removed_at=None).order_by("id"):
        words[word.sender_id].append(word)
    return words


def _one(sender: Sender) -> dict[str, Any]:
    return _shown(sender, _words([sender])[sender.id])


def _shown(sender: Sender, words: list[Keyword]) -> dict[str, Any]:
    return {
        "id": shown("num", sender.id),
        "phone_number": sender.address,
        "country": sender.country,
        "account_level_opt_out": sender.account_level_opt_out,
        "reply_message": sender.reply_message or None,
        "help_reply": sender.help_reply or None,
        "opt_in_reply": sender.opt_in_reply or None,
        "translations": sender.translations,
        "opt_in_words": sender.opt_in_words,
        "keywords": [{"word": word.word, "reply": word.reply or None} for word in words],
        "warnings": list(_warnings(sender, words)),
        "rate": sender.rate,
        "created_at": time_shown(sender.created_at),
    }


def _warnings(sender: Sender, words: list[Keyword]) -> Iterator[dict[str, str]]:
    """The replies that have words of marketing in them."""
    written = {name: getattr(sender, name) for name in senders.REPLIES}
    for code, replies in sender.translations.items():
        written |= {f"translations.{code}.{name}": text for name, text in replies.items()}
    written |= {f"keywords.{word.word}": word.reply for word in words}
    for name, text in written.items():
        if found := wording.marketing_in(text):
            yield {"code": "marketing", "field": name, "word": found}
