"""Campaigns: the list of them, and the page of one, from its review to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages as notices
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from heed.console import columns, confirm, ids, message_box, reports, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import audience, campaigns, exports, files, running
from heed.core import reports as core_reports
from heed.core.audience import Counts
from heed.core.campaigns import Refused
from heed.core.models import Campaign, FilePurpose
from heed.core.reports import CampaignReport
from heed.rules import numbers
from heed.rules.states import CampaignState

A_PAGE = 50
MOVING = frozenset({CampaignState.BUILDING, CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED})
SETTLES = timedelta(minutes=5)  # receipts come in after the end


@dataclass(frozen=True, slots=True)
class Line:
    campaign: Campaign
    id: str
    badge: words.Badge
    percent: int | None  # of those sent to, while it is on


@dataclass(frozen=True, slots=True)
class Figure:
    words: str
    count: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    phone: str
    text: str
    parts: int


@page
@require_safe
def index(request: ConsoleRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    found = campaigns.page(request.account, before=ids.row(ids.CAMPAIGN, before) if before else 0, limit=A_PAGE + 1)
    lines = [_line(campaign) for campaign in found[:A_PAGE]]
    older = urlencode({"before": lines[-1].id}) if len(found) > A_PAGE else ""
    return render(
        request, "console/campaigns/list.html", {"lines": lines, "older": older, "is_first": not before, "newest": ""}
    )


def _line(campaign: Campaign) -> Line:
    is_on = campaign.state in (CampaignState.RUNNING, CampaignState.PAUSED) and campaign.size
    percent = campaign.fed * 100 // campaign.size if is_on else None
    return Line(campaign, ids.public(ids.CAMPAIGN, campaign.id), words.campaign(campaign.state), percent)


@page
@require_safe
@vary_on_headers("HX-Request")
def campaign(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Its review while it is written, then how it goes. While it moves the page asks for its figures again.

    It asks with the state that it shows (``seen``): when that has changed, all of the page is another.
    """
    found = _campaign(request, public_id)
    is_part = bool(request.htmx) and not request.htmx.boosted
    if is_part and request.GET.get("seen") != found.state:
        return HttpResponseClientRefresh()
    context: dict[str, object] = {
        "campaign": found,
        "id": public_id,
        "badge": words.campaign(found.state),
        "is_part": is_part,
        "again": urlencode({"seen": found.state}) if _is_moving(found) else "",
    }
    if found.state == CampaignState.BUILDING:
        context["job"] = audience.progress(found)
        name = "building" if is_part else "review"
    elif found.state in campaigns.EDITABLE:
        context |= _review(found)
        name = "review"
    else:
        context |= _report(found) | ({} if is_part else _charts(found))
        name = "figures" if is_part else "report"
    return render(request, f"console/campaigns/{name}.html", context)


def _is_moving(campaign: Campaign) -> bool:
    return campaign.state in MOVING or bool(campaign.finished_at and campaign.finished_at > timezone.now() - SETTLES)


def _campaign(request: ConsoleRequest, public_id: str) -> Campaign:
    found = campaigns.find(request.account, ids.row(ids.CAMPAIGN, public_id))
    if found is None:
        raise Http404("There is no such campaign.")
    return found


# Before it starts


def _review(campaign: Campaign) -> dict[str, object]:
    if campaign.state != CampaignState.READY or campaign.sender is None:
        return {}
    counts = audience.counts(campaign)
    examples = [Example(numbers.pretty(one.recipient), one.text, one.parts) for one in audience.examples(campaign)]
    sampled = message_box.sample(campaign.account, campaign.text)
    countries = audience.countries(campaign)
    box = message_box.under(campaign.account, campaign.sender, sampled, countries, merges=True)
    is_later = bool(campaign.start_at and campaign.start_at > timezone.now())
    return {
        "counts": counts,
        "figures": _counted(counts),
        "examples": examples,
        "warning": box["warning"],
        "demanded_by": box["demanded_by"],
        "composing": campaign,
        "is_later": is_later,
        "has_passed": bool(campaign.start_at) and not is_later,
        "send": _send(counts.to_send, is_later=is_later),
    }


def _counted(counts: Counts) -> list[Figure]:
    each = _("up to %(n)s each") % {"n": counts.longest} if counts.longest > 1 else ""
    return [
        Figure(_("To send"), counts.to_send),
        Figure(_("Opted out of the account"), counts.opted_out_account),
        Figure(_("Opted out of this sender"), counts.opted_out_sender),
        Figure(_("In review"), counts.in_review),
        Figure(_("Duplicates"), counts.duplicates),
        Figure(_("Invalid"), counts.invalid),
        *([Figure(_("Without a value"), counts.no_value)] if counts.no_value else []),
        *([Figure(_("Too long"), counts.too_long)] if counts.too_long else []),
        Figure(_("Parts"), counts.parts, each),
    ]


def _send(count: int, *, is_later: bool) -> str:
    """What the button says: the verb and the count."""
    if is_later:
        words_ = ngettext("Schedule for %(n)s person", "Schedule for %(n)s people", count)
    else:
        words_ = ngettext("Send to %(n)s person", "Send to %(n)s people", count)
    return words_ % {"n": f"{count:,}"}


@page
@require_safe
def rejects(request: ConsoleRequest, public_id: str) -> StreamingHttpResponse:
    """The rows that can't be used, each with its reason."""
    found = _campaign(request, public_id)
    file = files.find(request.account, found.rejects_id or 0, FilePurpose.REJECTS)
    if file is None:
        raise Http404("There is no such file.")
    return columns.download(file, f"rejects-{public_id}.csv")


# On its way


def _report(campaign: Campaign) -> dict[str, object]:
    report = core_reports.of_campaign(campaign)
    done = report.outcomes.settled
    reached = campaign.size - report.left_over
    return {
        "report": report,
        "figures": _figures(report),
        "percent": min(100, done * 100 // reached) if reached else 100,
        "done": done,
        "reached": reached,
        "reasons": reports.reasons(report),
        "rate": report.opt_outs.rate(report.outcomes.sent),
        "soon": reports.how_soon(report.opt_outs),
        "window": campaigns.window_of(campaign),
    }


def _charts(campaign: Campaign) -> dict[str, object]:
    rows = reports.rows_of_campaign(campaign)
    return {
        "rows": rows,
        "messages_chart": reports.messages_chart(rows),
        "opt_outs_chart": reports.opt_outs_chart(rows),
    }


@page
@require_safe
def hours_file(request: ConsoleRequest, public_id: str, extension: str) -> HttpResponse:
    """What became of it, hour by hour."""
    found = _campaign(request, public_id)
    if extension not in exports.FORMATS:
        raise Http404("There is no such file.")
    hours, zone = core_reports.hours_of_campaign(found), ZoneInfo(request.account.time_zone)
    return reports.download(core_reports.hour_table(hours, zone), f"hours-{public_id}", extension)


def _figures(report: CampaignReport) -> list[Figure]:
    """What always counts, and of the rest what there is."""
    came = report.outcomes
    always = [
        Figure(_("Sent"), came.sent),
        Figure(_("Delivered"), came.delivered),
        Figure(_("Failed"), came.failed),
        Figure(_("Suppressed"), came.suppressed),
        Figure(_("Still to go"), report.waiting),
    ]
    rest = [
        Figure(_("Undelivered"), came.undelivered),
        Figure(_("Unconfirmed"), came.unconfirmed),
        Figure(_("Expired"), came.expired),
        Figure(_("Cancelled"), came.cancelled),
        Figure(_("Never reached"), report.left_over),
    ]
    return always + [figure for figure in rest if figure.count]


# What one can do with it


@senders_only
@require_POST
def act(request: ConsoleRequest, public_id: str, verb: str) -> HttpResponse:
    found = _campaign(request, public_id)
    account, actor = request.account, request.actor
    if verb in ("cancel", "delete") and (asking := _sure(request, found, verb)):
        return asking
    try:
        match verb:
            case "start":
                expect = request.POST.get("expect", "")
                people = int(expect[:18]) if expect.isdecimal() else -1
                reason = request.POST.get("reason", "") if request.role.may_lift else ""
                running.start(account, found.id, actor=actor, expect=people, reason=reason)
            case "pause":
                running.pause(account, found.id, actor=actor)
            case "resume":
                running.resume(account, found.id, actor=actor)
            case "cancel":
                running.cancel(account, found.id, actor=actor)
            case "unschedule":
                running.unschedule(account, found.id, actor=actor)
            case "duplicate":
                copy = campaigns.duplicate(account, found.id, actor=actor)
                return redirect("edit_campaign", ids.public(ids.CAMPAIGN, copy.id))
            case "delete":
                campaigns.delete(account, found.id, actor=actor)
                notices.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
                return redirect("campaigns")
            case _:
                raise Http404("There is no such page.")
    except Refused as error:
        notices.error(request, str(error))
    return redirect("campaign", public_id)


def _sure(request: ConsoleRequest, found: Campaign, verb: str) -> HttpResponse | None:
    """Before what can't be undone: what it is, and whom it leaves out."""
    name, back = {"name": found.name}, reverse("campaign", args=[ids.public(ids.CAMPAIGN, found.id)])
    if verb == "delete":
        words = _("Its message, its recipients and what was counted go.")
        return confirm.asked(request, _("Delete “%(name)s”?") % name, words, _("Delete the draft"), back)
    left = core_reports.of_campaign(found).waiting
    words = ngettext(
        "%(n)s person who has not been sent to yet is not sent to. This can’t be undone.",
        "%(n)s people who have not been sent to yet are not sent to. This can’t be undone.",
        left,
    ) % {"n": f"{left:,}"}
    return confirm.asked(request, _("Cancel “%(name)s”?") % name, words, _("Cancel the campaign"), back)


@senders_only
@require_POST
def test(request: ConsoleRequest, public_id: str) -> HttpResponse:
    found = _campaign(request, public_id)
    try:
        sent = running.send_test(request.account, found.id, request.POST.get("to", "")[:60], actor=request.actor)
    except Refused as error:
        notices.error(request, str(error))
    else:
        if sent.state == "suppressed":
            notices.warning(request, _("The test is not sent: this number has opted out or is in review."))
        else:
            notices.success(
                request, _("A test is on its way to %(phone)s.") % {"phone": numbers.pretty(sent.recipient)}
            )
    return redirect("campaign", public_id)


urlpatterns = [
    path("campaigns/", index, name="campaigns"),
    path("campaigns/<str:public_id>/", campaign, name="campaign"),
    path("campaigns/<str:public_id>/rejects/", rejects, name="campaign_rejects"),
    path("campaigns/<str:public_id>/hours.<slug:extension>", hours_file, name="campaign_hours"),
    path("campaigns/<str:public_id>/test/", test, name="test_campaign"),
    path("campaigns/<str:public_id>/do/<str:verb>/", act, name="act_on_campaign"),
]
