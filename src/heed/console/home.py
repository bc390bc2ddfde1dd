"""Home: what to do first, what needs somebody, today and the last thirty days; and which of one's accounts to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console import attention, counting
from heed.console import reports as account_reports
from heed.console.access import ACCOUNT_KEY, ConsoleRequest, page
from heed.core import accounts, outcomes, reports, senders
from heed.core.models import Account, Consent, Inbound, Member, Message, Sender, SenderKind
from heed.core.reports import Day
from heed.rules.consent import State
from heed.rules.states import MessageState

DAYS = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a newcomer does, and whether it is done."""

    title: str
    detail: str
    address: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    count: str
    address: str


@page
@require_safe
def home(request: ConsoleRequest) -> HttpResponse:
    account = request.account
    steps = _steps(account)
    today = timezone.localdate()
    days = reports.days(account, today - timedelta(days=DAYS - 1), today)
    rows = [account_reports.row(day) for day in days]
    context = {
        "steps": steps,
        "is_new": not all(step.is_done for step in steps),
        "figures": _figures(account, days[-1]),
        "needs": attention.needs(account, days),
        "messages_chart": account_reports.messages_chart(rows),
        "opt_outs_chart": account_reports.opt_outs_chart(rows),
        "rows": rows,
        "free_keyword": accounts.free_keyword(account),
        "shared": senders.shared_number(),
        "link": accounts.opt_out_link(account),
    }
    return render(request, "console/home.html", context)


def _steps(account: Account) -> list[Step]:
    mine = Message.objects.filter(account=account)
    return [
        Step(
            _("Buy a number"),
            _("STOP and UNSUBSCRIBE work on it from the first moment."),
            reverse("buy_number"),
            Sender.objects.filter(account=account, kind=SenderKind.NUMBER).exists(),
        ),
        Step(
            _("Send a text to a phone on the screen"),
            _("The handset shows what a person gets."),
            f"{reverse('quick_send')}?to=%2B447700900500",
            mine.filter(purpose="message").exists(),
        ),
        Step(
            _("Reply STOP on the handset"),
            _("As anybody with a phone may, at any moment."),
            reverse("handset"),
            Consent.objects.filter(account_id=account.id, state=State.OUT).exists(),
        ),
        Step(
            _("Send again"),
            _("The message is not sent, and Heed says why."),
            f"{reverse('quick_send')}?to=%2B447700900500",
            outcomes.has_any(account.id, MessageState.SUPPRESSED),
        ),
    ]


def _figures(account: Account, today: Day) -> list[Figure]:
    """Today in the account's time zone. Nothing here looks through all that the account ever sent or got."""
    since = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    came, address = today.outcomes, reverse("messages")
    return [
        Figure(_("Messages sent today"), f"{came.sent:,}", address),
        Figure(_("Not sent: opted out or in review"), f"{came.suppressed:,}", f"{address}?state=suppressed"),
        Figure(_("Texts received today"), _received(account, since), reverse("inbox")),
        Figure(_("People who left today"), f"{today.opt_outs:,}", reverse("opt_outs")),
    ]


def _received(account: Account, since: datetime) -> str:
    """Of the newest, because only their order has an index."""
    newest = Inbound.objects.filter(account=account).order_by("-id")[: counting.MOST + 1]
    return counting.shown(Inbound.objects.filter(id__in=newest.values("id"), received_at__gte=since).count())


# Several accounts


@page
@require_safe
def choose(request: ConsoleRequest) -> HttpResponse:
    return render(request, "console/accounts.html")


@require_POST
def chosen(request: HttpRequest, slug: str) -> HttpResponse:
    """Look at another of one's accounts from here on."""
    mine = Member.objects.filter(user_id=request.user.pk or 0, account__slug=slug, account__closed_at=None)
    member = mine.first()
    if member is None:
        raise Http404("There is no such account.")
    request.session[ACCOUNT_KEY] = member.account_id
    return redirect("home")


urlpatterns = [
    path("", home, name="home"),
    path("accounts/", choose, name="accounts"),
    path("accounts/<slug:slug>/", chosen, name="choose_account"),
]
