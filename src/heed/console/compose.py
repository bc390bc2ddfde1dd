"""The first step of a campaign: its name, what it says, from whom, and when. Written down as a draft at every step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from heed.console import ids, message_box, templates
from heed.console.access import ConsoleRequest, senders_only
from heed.core import audience, campaigns, senders
from heed.core.campaigns import Plan, Refused
from heed.core.models import Account, Campaign, Sender
from heed.rules.states import CampaignState
from heed.rules.texts import clean
from heed.rules.timing import Window

A_MOMENT = "%Y-%m-%dT%H:%M"  # as <input type="datetime-local"> has it


@dataclass(slots=True)
class Form:
    """What was typed, and what is wrong with it, by field. ``sender`` and ``text`` are what the message box shows."""

    name: str = ""
    sender: Sender | None = None
    asked_sender: str = ""
    text: str = ""
    starts: str = "now"  # or "at", at ``start_at``
    start_at: str = ""
    valid_until: str = ""
    has_window: bool = False
    opens: str = "8"
    closes: str = "21"
    errors: dict[str, str] = field(default_factory=dict)


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: ConsoleRequest) -> HttpResponse:
    return _step(request, None)


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: ConsoleRequest, public_id: str) -> HttpResponse:
    campaign = campaigns.find(request.account, ids.row(ids.CAMPAIGN, public_id))
    if campaign is None:
        raise Http404("There is no such campaign.")
    if campaign.state not in campaigns.EDITABLE:
        return redirect("campaign", public_id)
    return _step(request, campaign)


def _step(request: ConsoleRequest, campaign: Campaign | None) -> HttpResponse:
    if request.method != "POST":
        plan = campaigns.plan_of(campaign) if campaign else campaigns.new_plan(request.account)
        form = _form_of(plan)
        if campaign is None:
            form.text = templates.inserted(request.account, form.text, request.GET.get("template", ""), merges=True)
        return _shown(request, campaign, form)
    form = _form(request)
    if line := request.POST.get("line"):
        form.text = message_box.with_line(form.text, clean(line))
        return _shown(request, campaign, form)
    if request.POST.get("do") == "template":
        form.text = templates.inserted(request.account, form.text, request.POST.get("template", ""), merges=True)
        return _shown(request, campaign, form)
    plan = _plan(request.account, form)
    if request.POST.get("do") == "next":
        _check_complete(form)
    if form.errors:
        return _shown(request, campaign, form, status=422)
    try:
        campaign = _write(request, campaign, plan)
    except Refused as error:
        form.errors[error.field or "name"] = str(error)
        return _shown(request, campaign, form, status=422)
    public_id = ids.public(ids.CAMPAIGN, campaign.id)
    if request.POST.get("do") != "next":
        return redirect("campaign", public_id)
    has_people = campaign.state != CampaignState.DRAFT
    return redirect("campaign" if has_people else "campaign_recipients", public_id)


def _write(request: ConsoleRequest, campaign: Campaign | None, plan: Plan) -> Campaign:
    if campaign is None:
        return campaigns.create(request.account, plan, actor=request.actor)
    if campaigns.plan_of(campaign) == plan:
        return campaign
    return campaigns.change(request.account, campaign.id, plan, actor=request.actor)


def _form_of(plan: Plan) -> Form:
    form = Form(plan.name, plan.sender, plan.sender.address if plan.sender else "", plan.text)
    if plan.start_at:
        form.starts, form.start_at = "at", timezone.localtime(plan.start_at).strftime(A_MOMENT)
    if plan.valid_until:
        form.valid_until = timezone.localtime(plan.valid_until).strftime(A_MOMENT)
    if plan.window:
        form.has_window, form.opens, form.closes = True, str(plan.window.opens), str(plan.window.closes)
    return form


def _form(request: ConsoleRequest) -> Form:
    data = {name: clean(str(value)) for name, value in request.POST.items()}
    asked = data.get("from", "").strip()
    return Form(
        name=" ".join(data.get("name", "").split())[:200],
        sender=senders.find(request.account, asked) if asked else None,
        asked_sender=asked,
        text=data.get("text", "").replace("\r\n", "\n"),
        starts="at" if data.get("starts") == "at" else "now",
        start_at=data.get("start_at", "")[:40],
        valid_until=data.get("valid_until", "")[:40],
        has_window=bool(data.get("window")),
        opens=data.get("opens", "8")[:2],
        closes=data.get("closes", "21")[:2],
    )


def _plan(account: Account, form: Form) -> Plan:
    start_at = _moment(account, form, "start_at", form.start_at) if form.starts == "at" else None
    if form.starts == "at" and start_at is None:
        form.errors.setdefault("start_at", _("Say when it starts."))
    if start_at and start_at < timezone.now():
        form.errors["start_at"] = _("This moment has passed.")
    window = None
    if form.has_window:
        if form.opens.isdecimal() and form.closes.isdecimal():
            window = Window(int(form.opens), int(form.closes))
        else:
            form.errors["window"] = _("Pick two hours.")
    if form.asked_sender and form.sender is None:
        form.errors["from"] = _("Pick a sender that is in use.")
    valid_until = _moment(account, form, "valid_until", form.valid_until) if form.valid_until else None
    return Plan(form.name, form.sender, form.text.strip(), start_at, valid_until, window)


def _moment(account: Account, form: Form, name: str, raw: str) -> datetime | None:
    """``raw`` as the account's clocks mean it."""
    if not raw:
        return None
    try:
        found = parse_datetime(raw)
        if found is not None and found.tzinfo is None:
            return campaigns.local(account, found)
    except (ValueError, OverflowError):
        pass  # a day that no calendar has
    form.errors[name] = _("Give a day and a time, like 2027-03-31 09:00.")
    return None


def _check_complete(form: Form) -> None:
    if form.sender is None:
        form.errors.setdefault("from", _("Pick a sender."))
    if not form.text.strip():
        form.errors.setdefault("text", _("Write a message."))


def _shown(request: ConsoleRequest, campaign: Campaign | None, form: Form, status: int = 200) -> HttpResponse:
    account = request.account
    form.errors = {{"sender": "from"}.get(name, name): why for name, why in form.errors.items()}
    open_ones = senders.usable(account)
    choices = sorted(open_ones, key=lambda sender: (not sender.takes_replies, sender.address))
    if form.sender is None and not form.asked_sender and choices and campaign is None:
        form.sender = choices[0]
    context = _box(account, form.sender, form.text, audience.countries(campaign) if campaign else ()) | {
        "form": form,
        "campaign": campaign,
        "id": ids.public(ids.CAMPAIGN, campaign.id) if campaign else "",
        "choices": choices,
        "templates": templates.choices(account),
        "hours": [(str(hour), f"{hour:02}:00") for hour in range(25)],
    }
    return render(request, "console/campaigns/compose.html", context, status=status)


def _box(account: Account, sender: Sender | None, text: str, countries: Iterable[str] = ()) -> dict[str, object]:
    sampled = message_box.sample(account, text[: message_box.MOST_TEXT])
    shown = message_box.under(account, sender, sampled, countries, merges=True)
    return shown | {"composing": Form(sender=sender, text=sampled)}


@senders_only
@require_POST
def count(request: ConsoleRequest) -> HttpResponse:
    """The part under the message, while somebody writes."""
    form = _form(request)
    context = _box(request.account, form.sender, form.text) | {"is_part": True}
    return render(request, "console/send/count.html", context)


urlpatterns = [
    path("campaigns/new/", new, name="new_campaign"),
    path("campaigns/count/", count, name="campaign_count"),
    path("campaigns/<str:public_id>/edit/", edit, name="edit_campaign"),
]
