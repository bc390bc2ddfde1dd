"""The second step of a campaign: whom it goes to. A contact list, a file with its columns, or pasted numbers."""

from __future__ import annotations

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from heed.console import columns, ids, recipients
from heed.console.access import ConsoleRequest, senders_only
from heed.core import audience, campaigns, contacts, uploads
from heed.core.campaigns import Refused
from heed.core.models import Campaign
from heed.rules.texts import clean

MOST_LISTS = 500


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Three ways to say who. A file goes to its columns first, the others straight to the counting."""
    campaign = _editable(request, public_id)
    if campaign is None:
        return redirect("campaign", public_id)
    if campaign.sender is None or not campaign.text:
        notices.info(request, _("Pick a sender and write the message first."))
        return redirect("edit_campaign", public_id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _chosen(request, campaign, public_id)
        except (Refused, uploads.Refused) as error:
            by = request.POST.get("by", "")
            errors[by if by in ("file", "list", "numbers") else "again"] = str(error)
    context = {
        "campaign": campaign,
        "id": public_id,
        "columns_of": _columns_of(campaign),
        "lists": [(ids.public(ids.LIST, one.id), one.name) for one in contacts.lists(request.account)[:MOST_LISTS]],
        "asked_list": request.POST.get("list", ""),
        "pasted": clean(request.POST.get("numbers", "")),
        "errors": errors,
    }
    return render(request, "console/campaigns/recipients.html", context, status=422 if errors else 200)


def _columns_of(campaign: Campaign) -> str:
    """The file whose columns can be looked at again; pasted numbers have none."""
    file = campaign.upload
    return ids.public(ids.FILE, file.id) if file and file.name != uploads.PASTED else ""


def _chosen(request: ConsoleRequest, campaign: Campaign, public_id: str) -> HttpResponse:
    account, actor = request.account, request.actor
    match request.POST.get("by"):
        case "file":
            file = columns.store(request)
            return redirect("campaign_columns", public_id, ids.public(ids.FILE, file.id))
        case "list":
            asked = request.POST.get("list", "")
            chosen = contacts.find_list(account, ids.row(ids.LIST, asked)) if asked else None
            if chosen is None:
                raise Refused(_("Pick a list."))
            audience.from_list(account, campaign.id, chosen, actor=actor)
        case "numbers":
            pasted = recipients.split(clean(request.POST.get("numbers", "")))
            if not pasted:
                raise Refused(_("Give at least one phone number."))
            audience.from_pasted(account, campaign.id, pasted, actor=actor)
        case _:
            audience.again(account, campaign.id, actor=actor)
    return redirect("campaign", public_id)


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def map_columns(request: ConsoleRequest, public_id: str, file_id: str) -> HttpResponse:
    campaign = _editable(request, public_id)
    if campaign is None:
        return redirect("campaign", public_id)
    file, errors = columns.file_of(request, file_id), {}
    if request.method == "POST":
        try:
            audience.from_upload(request.account, campaign.id, file, columns.read(request, file), actor=request.actor)
            return redirect("campaign", public_id)
        except (Refused, uploads.Refused) as error:
            errors[error.field] = str(error)
    context = columns.shown(request, file, campaign.text) | {"campaign": campaign, "id": public_id, "errors": errors}
    return render(request, "console/campaigns/columns.html", context, status=422 if errors else 200)


def _editable(request: ConsoleRequest, public_id: str) -> Campaign | None:
    """The campaign, or None if it has begun and its people stand."""
    campaign = campaigns.find(request.account, ids.row(ids.CAMPAIGN, public_id))
    if campaign is None:
        raise Http404("There is no such campaign.")
    return campaign if campaign.state in campaigns.EDITABLE else None


urlpatterns = [
    path("campaigns/<str:public_id>/recipients/", choose, name="campaign_recipients"),
    path("campaigns/<str:public_id>/recipients/<str:file_id>/", map_columns, name="campaign_columns"),
]
