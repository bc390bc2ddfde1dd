"""The messages of one campaign: whom it reached, whom not, and why; and all of them as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from heed.console import ids, words
from heed.console.access import ConsoleRequest, page
from heed.console.messages import lines
from heed.core import campaigns, exports, refused, reports
from heed.core.models import Campaign
from heed.rules.states import MessageState

A_PAGE = 50


@page
@require_safe
def campaign_messages(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """In order of number; ``state`` filters, ``after`` is the message that the page before ended with."""
    campaign, state, after = _campaign(request, public_id), request.GET.get("state", ""), request.GET.get("after", "")
    if state and state not in list(MessageState):
        raise Http404("There is no such state.")
    found = reports.messages(campaign, state, after=_recipient(campaign, after), limit=A_PAGE + 1)
    shown = lines(request.account, found[:A_PAGE])
    kept = {"state": state} if state else {}
    context = {
        "campaign": campaign,
        "id": public_id,
        "lines": shown,
        "state": state,
        "states": words.STATES.items(),
        "is_first": not after,
        "first": urlencode(kept),
        "next": urlencode(kept | {"after": shown[-1].id}) if len(found) > A_PAGE else "",
    }
    return render(request, "console/campaigns/messages.html", context)


def _recipient(campaign: Campaign, after: str) -> int:
    if not after:
        return 0
    row = campaign.message_set.filter(id=ids.row(ids.MESSAGE, after)).values_list("recipient", flat=True).first()
    if row is None:
        raise Http404("There is no such message.")
    return row


@page
@require_POST
def export(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Begin to write all of them to a file; everybody who reads may."""
    campaign = _campaign(request, public_id)
    try:
        job = exports.campaign(request.account, campaign.id, request.POST.get("format", ""), actor=request.actor)
    except refused.Refused as error:
        notices.error(request, str(error))
        return redirect("campaign_messages", public_id)
    return redirect("job", ids.public(ids.JOB, job.id))


def _campaign(request: ConsoleRequest, public_id: str) -> Campaign:
    found = campaigns.find(request.account, ids.row(ids.CAMPAIGN, public_id))
    if found is None:
        raise Http404("There is no such campaign.")
    return found


urlpatterns = [
    path("campaigns/<str:public_id>/messages/", campaign_messages, name="campaign_messages"),
    path("campaigns/<str:public_id>/messages/export/", export, name="export_campaign"),
]
