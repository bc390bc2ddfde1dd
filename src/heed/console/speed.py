"""How many campaign messages a second one sender takes, its carrier's limit for it; of numbers and of names."""

from __future__ import annotations

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from heed.console.access import ConsoleRequest, senders_only
from heed.console.numbers import NUMBERS, found, line
from heed.core import senders
from heed.core.models import SenderKind
from heed.core.senders import MOST_RATE, Setting
from heed.rules.texts import clean


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def speed(request: ConsoleRequest, public_id: str) -> HttpResponse:
    sender, error = found(request, public_id, (*NUMBERS, SenderKind.NAME)), ""
    raw = clean(request.POST.get("rate", "")).strip()[:12]
    if request.method == "POST":
        rate = int(raw or 0) if not raw or (raw.isascii() and raw.isdecimal()) else -1
        try:
            senders.change(sender, Setting(rate=rate), actor=request.actor)
        except senders.Refused:
            error = _("Write a whole number up to %(most)s, or leave it empty.") % {"most": f"{MOST_RATE:,}"}
        else:
            notices.success(request, _told(sender.address, rate))
            return redirect("number", public_id) if sender.takes_replies else redirect("numbers")
    context = {
        "line": line(sender),
        "rate": raw if request.method == "POST" else sender.rate or "",
        "most": MOST_RATE,
        "error": error,
    }
    return render(request, "console/numbers/speed.html", context, status=422 if error else 200)


def _told(address: str, rate: int) -> str:
    if not rate:
        return _("Campaigns from %(sender)s go as fast as its carrier takes them.") % {"sender": address}
    told = ngettext(
        "Campaigns from %(sender)s send %(n)s message a second.",
        "Campaigns from %(sender)s send %(n)s messages a second.",
        rate,
    )
    return told % {"sender": address, "n": f"{rate:,}"}


urlpatterns = [path("numbers/<str:public_id>/speed/", speed, name="sender_speed")]
