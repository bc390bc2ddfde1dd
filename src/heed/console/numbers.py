"""Numbers: the account's senders; buying and releasing numbers, adding sender names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed import carriers
from heed.console import countries, ids
from heed.console.access import ConsoleRequest, page, senders_only
from heed.console.recipients import pretty
from heed.core import account_level, accounts, sandbox, senders
from heed.core.models import Account, Sender, SenderKind
from heed.rules import numbers as rules

A_PAGE = 100
MOST_NAMES = 500
FOR_SALE = 24  # numbers on one page of the shop
NUMBERS = (SenderKind.NUMBER, SenderKind.SHORT_CODE)


@dataclass(frozen=True, slots=True)
class Line:
    """One sender as the list shows it."""

    sender: Sender
    id: str
    pretty: str
    country: str
    keywords: int = 0


@page
@require_safe
def numbers(request: ConsoleRequest) -> HttpResponse:
    account = request.account
    mine = Sender.objects.filter(account=account, closed_at=None)
    found = mine.filter(kind__in=NUMBERS).annotate(keywords=Count("keyword", filter=Q(keyword__removed_at=None)))
    before = request.GET.get("before", "")
    if before:
        found = found.filter(id__lt=ids.row(ids.SENDER, before))
    rows = list(found.order_by("-id")[: A_PAGE + 1])
    lines = [line(row, row.keywords) for row in rows[:A_PAGE]]
    names = mine.filter(kind=SenderKind.NAME).order_by("key")
    context = {
        "lines": lines,
        "older": urlencode({"before": lines[-1].id}) if len(rows) > A_PAGE else "",
        "is_first": not before,
        "names": [] if before else [line(row) for row in names[:MOST_NAMES]],
        "released": [] if before else _released(account),
        "switch": _switch(account),
        "shared": shared_number(),
        "free_keyword": accounts.free_keyword(account),
    }
    return render(request, "console/numbers/list.html", context)


def line(sender: Sender, keywords: int = 0) -> Line:
    return Line(
        sender, ids.public(ids.SENDER, sender.id), pretty(sender.address), countries.name(sender.country), keywords
    )


def shared_number() -> str:
    """The number that takes free keywords, as people write it, or ""."""
    shared = senders.shared_number()
    return pretty(shared.address) if shared else ""


def _released(account: Account) -> list[tuple[Line, datetime]]:
    """The numbers that were released but still take a STOP, and until when."""
    since = timezone.now() - senders.LINGERS
    rows = Sender.objects.filter(account=account, kind__in=NUMBERS, closed_at__gt=since).order_by("-closed_at")
    return [(line(row), row.closed_at + senders.LINGERS) for row in rows[:A_PAGE] if row.closed_at]


@dataclass(frozen=True, slots=True)
class Switch:
    """The account-level switch of all numbers: whether those bought later start on, and how many are on now."""

    is_on: bool
    on: int
    off: int

    @property
    def is_mixed(self) -> bool:
        return bool(self.off) if self.is_on else bool(self.on)


def _switch(account: Account) -> Switch:
    mine = Sender.objects.filter(account=account, closed_at=None, kind__in=NUMBERS)
    counts = dict(mine.values_list("account_level_opt_out").annotate(count=Count("id")).order_by())
    return Switch(account.new_numbers_account_level, counts.get(True, 0), counts.get(False, 0))


@senders_only
@require_POST
def switch_all(request: ConsoleRequest) -> HttpResponse:
    """Turn the account-level switch of all numbers, and of those bought later."""
    turns_on = request.POST.get("on") == "1"
    account_level.turn_all(request.account, turns_on, actor=request.actor)
    if turns_on:
        notices.success(
            request, _("On for all numbers, and those bought later. The next STOP leaves the whole account.")
        )
    else:
        notices.success(
            request,
            _(
                "Each number has its own switch again, as it was; those bought later start off. Whoever has left stays so."
            ),
        )
    return redirect("numbers")


# Buying


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: ConsoleRequest) -> HttpResponse:
    """The shop: search by country and digits; one button for each number."""
    if request.method == "POST":
        return _bought(request)
    link = sandbox.connection_of()
    sold_in = carriers.countries(link)
    digits = "".join(char for char in request.GET.get("digits", "") if char.isdigit())[:15]
    country = request.GET.get("country", "")
    found = carriers.inventory(link, country, digits, FOR_SALE + 1)
    context = {
        "digits": request.GET.get("digits", "")[:40],
        "country": country,
        "countries": sorted((countries.name(code), code) for code in sold_in),
        "found": [
            (one.phone_number, rules.pretty(int(one.phone_number[1:])), countries.name(one.country))
            for one in found[:FOR_SALE]
        ],
        "has_more": len(found) > FOR_SALE,
        "carrier": link.name,
        "is_sandbox": link.kind == "sandbox",
        "level": request.account.new_numbers_account_level,
    }
    return render(request, "console/numbers/buy.html", context)


def _bought(request: ConsoleRequest) -> HttpResponse:
    link = sandbox.connection_of()
    try:
        number = rules.parse(request.POST.get("phone_number", ""), request.account.country)
        if not carriers.sells(link, number):
            raise senders.Refused(_("This number is not for sale."))
        sender = senders.take_number(request.account, number, link, actor=request.actor)
    except (rules.BadNumber, senders.Refused) as error:
        words = str(error) if isinstance(error, senders.Refused) else _("This is not a phone number.")
        notices.error(request, words)
        return redirect("buy_number")
    notices.success(
        request,
        _("%(number)s is yours. STOP and UNSUBSCRIBE work on it from now on.") % {"number": pretty(sender.address)},
    )
    return redirect("number", ids.public(ids.SENDER, sender.id))


# Sender names


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def add_name(request: ConsoleRequest) -> HttpResponse:
    name, error = request.POST.get("name", ""), ""
    if request.method == "POST":
        try:
            sender = senders.add_name(request.account, name, sandbox.connection_of(), actor=request.actor)
        except senders.Refused as refused:
            error = str(refused)
        else:
            notices.success(request, _("%(name)s can send now.") % {"name": sender.address})
            return redirect("numbers")
    context = {"name": name[:40], "error": error, "free_keyword": accounts.free_keyword(request.account)}
    context |= {"shared": shared_number(), "link": accounts.opt_out_link(request.account)}
    return render(request, "console/numbers/add_name.html", context, status=422 if error else 200)


# Releasing


def found(request: ConsoleRequest, public_id: str, kinds: Sequence[str] = NUMBERS) -> Sender:
    """The account's own sender with this id, in use. Raises Http404."""
    row_id = ids.row(ids.SENDER, public_id)
    mine = Sender.objects.filter(account=request.account, closed_at=None, kind__in=kinds)
    sender = mine.select_related("connection").filter(id=row_id).first()
    if sender is None:
        raise Http404("There is no such number.")
    return sender


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Say what stays and what ends; then release."""
    sender = found(request, public_id, (*NUMBERS, SenderKind.NAME))
    if request.method != "POST":
        until = timezone.now() + senders.LINGERS
        return render(request, "console/numbers/release.html", {"line": line(sender), "until": until})
    senders.release(sender, actor=request.actor)
    notices.success(request, _("%(number)s is released. Its opt-outs stay.") % {"number": pretty(sender.address)})
    return redirect("numbers")


urlpatterns = [
    path("numbers/", numbers, name="numbers"),
    path("numbers/buy/", buy, name="buy_number"),
    path("numbers/add-name/", add_name, name="add_name"),
    path("numbers/switch/", switch_all, name="switch_all_numbers"),
    path("numbers/<str:public_id>/release/", release, name="release_number"),
]
