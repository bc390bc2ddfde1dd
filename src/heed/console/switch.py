"""The account-level switch of one number, and those who left before it was on."""

from __future__ import annotations

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from heed.console import counting
from heed.console.access import ConsoleRequest, senders_only
from heed.console.numbers import found, line
from heed.core import account_level, senders
from heed.core.senders import Setting


@senders_only
@require_POST
def switch(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Turn it; turning it on offers to do the same for who left before."""
    sender, turns_on = found(request, public_id), request.POST.get("on") == "1"
    senders.change(sender, Setting(account_level_opt_out=turns_on), actor=request.actor)
    if not turns_on:
        notices.success(request, _("Off: the next STOP here leaves this number alone. Whoever has opted out stays so."))
    else:
        notices.success(request, _("On: the next STOP here leaves the whole account."))
        if account_level.who_left(sender).exists():
            return redirect("apply_to_account", public_id)
    return redirect("number", public_id)


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def apply_to_account(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Offer, and do, what the switch never does by itself: opt those out of the account who left this number before."""
    sender = found(request, public_id)
    if request.method == "POST" and sender.account_level_opt_out:
        done = account_level.apply(sender, actor=request.actor)
        told = ngettext("%(n)s person is opted out of the account.", "%(n)s people are opted out of the account.", done)
        notices.success(request, told % {"n": f"{done:,}"})
        return redirect("apply_to_account" if account_level.who_left(sender).exists() else "number", public_id)
    count = counting.bounded(account_level.who_left(sender))
    context = {
        "line": line(sender),
        "sender": sender,
        "count": count,
        "now": min(count, account_level.AT_MOST),
        "shown": counting.shown(count),
    }
    return render(request, "console/numbers/apply.html", context)


urlpatterns = [
    path("numbers/<str:public_id>/switch/", switch, name="switch_number"),
    path("numbers/<str:public_id>/apply/", apply_to_account, name="apply_to_account"),
]
