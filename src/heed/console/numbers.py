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
from heed.core import account_level, accounts, connections, sandbox, senders
from heed.core.models import Account, Connection, Sender, SenderKind
from heed.rules import numbers as rules
from heed.rules.values import InventoryNumber

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
    """The shop: search one connection by country and digits; one button for each number."""
    sellers = carriers.sellers(request.account)
    link = _chosen(sellers, (request.POST if request.method == "POST" else request.GET).get("connection", ""))
    if request.method == "POST":
        return _bought(request, link)
    sold_in = carriers.countries(link) if link else ()
    country = request.GET.get("country", "")
    found, problem = _for_sale(request, link, country, sold_in)
    context = {
        "digits": request.GET.get("digits", "")[:40],
        "country": country,
        "countries": sorted((countries.name(code), code) for code in sold_in),
        "found": [
            (one.phone_number, rules.pretty(int(one.phone_number[1:])), countries.name(one.country))
            for one in found[:FOR_SALE]
        ],
        "has_more": len(found) > FOR_SALE,
        "problem": problem,
        "sellers": _choices(sellers),
        "connection": ids.public(ids.CONNECTION, link.id) if link else "",
        "is_sandbox": link is not None and link.kind == "sandbox",
        "level": request.account.new_numbers_account_level,
    }
    return render(request, "console/numbers/buy.html", context)


def _for_sale(
    request: ConsoleRequest, link: Connection | None, country: str, sold_in: Sequence[str]
) -> tuple[list[InventoryNumber], str]:
    """What ``link`` has, and what its carrier says against it. Only the sandbox is asked for any country at once."""
    digits = "".join(char for char in request.GET.get("digits", "") if char.isdigit())[:15]
    if link is None or (not country and link.kind != "sandbox"):
        return [], "" if link is None else _("Choose a country.")
    try:
        return (carriers.inventory(link, country, digits, FOR_SALE + 1) if country in ("", *sold_in) else []), ""
    except carriers.Refused as error:
        return [], str(error)


def _choices(links: Sequence[Connection]) -> list[tuple[str, str]]:
    return [(ids.public(ids.CONNECTION, one.id), one.name) for one in links]


def _chosen(links: Sequence[Connection], public_id: str) -> Connection | None:
    """The one of ``links`` that was chosen, else the first. Raises Http404 for one that is not among them."""
    if not public_id:
        return next(iter(links), None)
    wanted = ids.row(ids.CONNECTION, public_id)
    found = next((one for one in links if one.id == wanted), None)
    if found is None:
        raise Http404("There is no such connection.")
    return found


def _bought(request: ConsoleRequest, link: Connection | None) -> HttpResponse:
    try:
        number = rules.parse(request.POST.get("phone_number", ""), request.account.country)
        if link is None:
            raise senders.Refused(_("This number is not for sale."))
        sender = carriers.buy(request.account, number, link, actor=request.actor)
    except (rules.BadNumber, senders.Refused, carriers.Refused) as error:
        notices.error(request, _("This is not a phone number.") if isinstance(error, rules.BadNumber) else str(error))
        return redirect("buy_number")
    notices.success(
        request,
        _("%(number)s is yours. STOP and UNSUBSCRIBE work on it from now on.") % {"number": pretty(sender.address)},
    )
    return redirect("number", ids.public(ids.SENDER, sender.id))


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: ConsoleRequest) -> HttpResponse:
    """Add a number that the account has at a carrier of its own already."""
    mine = [link for link in connections.own(request.account) if link.kind != "sandbox"]
    typed, error = request.POST.get("phone_number", "")[:40], ""
    if request.method == "POST":
        if (link := _chosen(mine, request.POST.get("connection", ""))) is None:
            raise Http404("There is no connection to add it to.")
        try:
            number = rules.parse(typed, request.account.country)
            sender, points_here = carriers.add_number(request.account, number, link, actor=request.actor)
        except rules.BadNumber:
            error = _("This is not a phone number.")
        except (senders.Refused, carriers.Refused) as refused:
            error = str(refused)
        else:
            return _added(request, sender, link, points_here)
    context: dict[str, object] = {"number": typed, "error": error, "connection": request.POST.get("connection", "")}
    context |= {"choices": _choices(mine)}
    return render(request, "console/numbers/add.html", context, status=422 if error else 200)


def _added(request: ConsoleRequest, sender: Sender, link: Connection, points_here: bool) -> HttpResponse:
    told = {"number": pretty(sender.address), "address": connections.hook_url(link)}
    if points_here:
        notices.success(request, _("%(number)s is added, and its texts come here from now on.") % told)
    else:
        words = _("%(number)s is added. At your carrier, have its texts sent to %(address)s")
        notices.warning(request, words % told)
    return redirect("number", ids.public(ids.SENDER, sender.id))


# Sender names


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def add_name(request: ConsoleRequest) -> HttpResponse:
    name, error = request.POST.get("name", ""), ""
    links = [sandbox.connection_of(), *connections.of(request.account).filter(stopped_at=None).exclude(kind="sandbox")]
    if request.method == "POST":
        try:
            link = _chosen(links, request.POST.get("connection", "")) or sandbox.connection_of()
            sender = senders.add_name(request.account, name, link, actor=request.actor)
        except senders.Refused as refused:
            error = str(refused)
        else:
            notices.success(request, _("%(name)s can send now.") % {"name": sender.address})
            return redirect("numbers")
    context: dict[str, object] = {"name": name[:40], "error": error}
    context |= {"free_keyword": accounts.free_keyword(request.account)}
    context |= {"shared": shared_number(), "link": accounts.opt_out_link(request.account)}
    context |= {"choices": _choices(links), "connection": request.POST.get("connection", "")}
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
    path("numbers/add/", add, name="add_number"),
    path("numbers/add-name/", add_name, name="add_name"),
    path("numbers/switch/", switch_all, name="switch_all_numbers"),
    path("numbers/<str:public_id>/release/", release, name="release_number"),
]
