"""Webhooks: where a program is told what happened, what it was told and how it answered, and telling it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.console import confirm, ids, once
from heed.console.access import ConsoleRequest, administrators_only, page
from heed.console.words import Badge
from heed.core import deliveries, webhooks
from heed.core.models import Delivery, DeliveryState, Endpoint, EndpointStyle
from heed.core.webhooks import Refused, Setting

A_PAGE, MOST_SHOWN = 50, 200
EVENTS: dict[str, tuple[str | Promise, str | Promise]] = {
    "opt_out": (gettext_lazy("Opt-outs"), gettext_lazy("somebody left, and how: keyword, form, own words, staff, …")),
    "opt_in": (gettext_lazy("Opt-ins"), gettext_lazy("START, or staff lifted an opt-out")),
    "inbound": (gettext_lazy("Texts received"), gettext_lazy("every text, whatever it says")),
    "submitted": (gettext_lazy("Sent"), gettext_lazy("the carrier took a message, or may have")),
    "delivered": (gettext_lazy("Delivered"), gettext_lazy("its receipt says that it arrived")),
    "failed": (gettext_lazy("Failed"), gettext_lazy("refused, not delivered, out of time, or cancelled")),
    "suppressed": (gettext_lazy("Not sent"), gettext_lazy("an opt-out or a review stopped it")),
    "review_due": (gettext_lazy("Reviews due"), gettext_lazy("a text becomes an opt-out soon unless somebody decides")),
}
STATES = {
    DeliveryState.WAITING: Badge(gettext_lazy("Waiting"), "blue"),
    DeliveryState.SENDING: Badge(gettext_lazy("Sending"), "blue"),
    DeliveryState.DELIVERED: Badge(gettext_lazy("Delivered"), "green"),
    DeliveryState.DEAD: Badge(gettext_lazy("Given up"), "red"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery as the log shows it."""

    delivery: Delivery
    id: str
    badge: Badge
    answer: str


@never_cache
@page
@require_http_methods(["GET", "HEAD", "POST"])
def endpoints(request: ConsoleRequest) -> HttpResponse:
    if request.method != "POST":
        return _list(request, chosen=["opt_out", "opt_in"])
    _needs_administrator(request)
    url, kinds = request.POST.get("url", ""), request.POST.getlist("events")
    try:
        made, secret = webhooks.create(request.account, url, kinds, actor=request.actor)
    except Refused as error:
        return _list(request, 422, url=url[:1000], chosen=kinds, errors={error.field: str(error)})
    return _with_secret(request, made, secret, is_new="yes")


def _list(request: ConsoleRequest, status: int = 200, /, **more: object) -> HttpResponse:
    mine = webhooks.every(request.account)[:MOST_SHOWN]
    context = {
        "endpoints": [(one, ids.public(ids.WEBHOOK, one.id), badge_of(one), _titles(one)) for one in mine],
        "events": EVENTS,
        **more,
    }
    return render(request, "console/webhooks/list.html", context, status=status)


@never_cache
@page
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Its log; ``state`` filters, ``before`` pages. Posted to, it takes another address or other events."""
    found = _found(request, public_id)
    if request.method != "POST":
        return _one(request, found, **once.take(request, f"webhook_{found.id}"))
    _needs_administrator(request)
    _refuse_callbacks(found)
    url, kinds = request.POST.get("url", ""), request.POST.getlist("events")
    try:
        webhooks.change(found, Setting(url=url, kinds=kinds), actor=request.actor)
    except Refused as error:
        return _one(request, found, 422, url=url[:1000], chosen=kinds, errors={error.field: str(error)})
    notices.success(request, _("The webhook is saved."))
    return redirect("webhook", public_id)


def _one(request: ConsoleRequest, found: Endpoint, status: int = 200, /, **more: object) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("state", "before")}
    state = asked["state"] if asked["state"] in STATES else ""
    before = ids.row(ids.DELIVERY, asked["before"]) if asked["before"] else None
    rows = list(deliveries.log(found, state, before)[: A_PAGE + 1])
    lines = [_line(row) for row in rows[:A_PAGE]]
    kept = {"state": state} if state else {}
    context = {
        "endpoint": found,
        "id": ids.public(ids.WEBHOOK, found.id),
        "badge": badge_of(found),
        "is_callback": found.style == EndpointStyle.CALLBACK,
        "lines": lines,
        "state": state,
        "states": STATES.items(),
        "has_dead": deliveries.log(found, DeliveryState.DEAD).exists(),
        "is_first": before is None,
        "newest": urlencode(kept),
        "older": urlencode(kept | {"before": lines[-1].id}) if len(rows) > A_PAGE else "",
        "events": EVENTS,
        "url": found.url,
        "chosen": found.kinds,
        **more,
    }
    return render(request, "console/webhooks/endpoint.html", context, status=status)


def _line(row: Delivery) -> Line:
    answer = row.problem or (_("Answered %(status)s") % {"status": row.status} if row.status else "")
    return Line(row, ids.public(ids.DELIVERY, row.id), STATES[DeliveryState(row.state)], answer)


@never_cache
@administrators_only
@require_POST
def new_secret(request: ConsoleRequest, public_id: str) -> HttpResponse:
    found = _found(request, public_id)
    _refuse_callbacks(found)
    words = _("The present one signs beside it for 24 hours, the one before no more.")
    back = reverse("webhook", args=[public_id])
    if asking := confirm.asked(request, _("Make a new secret?"), words, _("Make a new secret"), back):
        return asking
    changed, secret = webhooks.rotate(found, actor=request.actor)
    return _with_secret(request, changed, secret)


def _with_secret(request: ConsoleRequest, found: Endpoint, secret: str, **more: str) -> HttpResponse:
    once.put(request, f"webhook_{found.id}", secret=secret, **more)
    return redirect("webhook", ids.public(ids.WEBHOOK, found.id))


@administrators_only
@require_POST
def act(request: ConsoleRequest, public_id: str, action: str) -> HttpResponse:
    found, back = _found(request, public_id), reverse("webhook", args=[public_id])
    match action:
        case "test":
            _refuse_callbacks(found)
            deliveries.test(found, actor=request.actor)
            notices.success(request, _("A test event is on its way. Reload this page to see how it was answered."))
        case "on":
            webhooks.change(found, Setting(is_enabled=True), actor=request.actor)
            notices.success(request, _("The webhook is on. What waited is told now."))
        case "off":
            webhooks.change(found, Setting(is_enabled=False), actor=request.actor)
            notices.success(request, _("The webhook is off. It is told of nothing that happens meanwhile."))
        case "replay":
            count = deliveries.replay_dead(found, actor=request.actor)
            words = ngettext("%(n)s event is told again.", "%(n)s events are told again.", count)
            notices.success(request, words % {"n": f"{count:,}"})
        case "remove":
            words = _("What it has not been told by now, it is not told.")
            title = _("Remove the webhook to %(address)s?") % {"address": found.url}
            if asking := confirm.asked(request, title, words, _("Remove the webhook"), back):
                return asking
            webhooks.remove(found, actor=request.actor)
            notices.success(request, _("The webhook is removed."))
            return redirect("webhooks")
        case _:
            raise Http404("There is no such action.")
    return redirect("webhook", public_id)


@page
@require_safe
def delivery(request: ConsoleRequest, public_id: str) -> HttpResponse:
    row = _delivery(request, public_id)
    context = {
        "line": _line(row),
        "endpoint_id": ids.public(ids.WEBHOOK, row.endpoint_id),
        "address": row.url or row.endpoint.url,
        "event_id": ids.public(ids.EVENT, row.event_id),
        "body": _readable(row.body),
        "is_settled": row.state in (DeliveryState.DELIVERED, DeliveryState.DEAD),
        "is_waiting": row.state == DeliveryState.WAITING,
    }
    return render(request, "console/webhooks/delivery.html", context)


@administrators_only
@require_POST
def replay(request: ConsoleRequest, public_id: str) -> HttpResponse:
    if deliveries.replay(_delivery(request, public_id), actor=request.actor):
        notices.success(request, _("The event is told again. Reload this page to see how it was answered."))
    else:
        notices.info(request, _("This event is still being told."))
    return redirect("delivery", public_id)


def _needs_administrator(request: ConsoleRequest) -> None:
    if not request.role.may_lift:
        raise PermissionDenied("Your role does not allow this.")


def badge_of(one: Endpoint) -> Badge:
    if not one.is_enabled:
        return Badge(_("Off"), "secondary")
    if one.paused_at:
        return Badge(_("Paused"), "red")
    return Badge(_("Failing"), "orange") if one.failures else Badge(_("On"), "green")


def _refuse_callbacks(one: Endpoint) -> None:
    if one.style == EndpointStyle.CALLBACK:
        raise Http404("Callbacks have the address, the events and the key of their message.")


def _titles(one: Endpoint) -> str:
    if one.style == EndpointStyle.CALLBACK:
        return _("Status callbacks of messages sent through /2010-04-01")
    return ", ".join(str(title) for kind, (title, _what) in EVENTS.items() if kind in one.kinds)


def _readable(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.replace("&", "\n&")


def _found(request: ConsoleRequest, public_id: str) -> Endpoint:
    found = webhooks.every(request.account).filter(id=ids.row(ids.WEBHOOK, public_id)).first()
    if found is None:
        raise Http404("There is no such webhook.")
    return found


def _delivery(request: ConsoleRequest, public_id: str) -> Delivery:
    found = deliveries.find(request.account, ids.row(ids.DELIVERY, public_id))
    if found is None:
        raise Http404("There is no such delivery.")
    return found


urlpatterns = [
    path("settings/webhooks/", endpoints, name="webhooks"),
    path("settings/webhooks/<str:public_id>/", endpoint, name="webhook"),
    path("settings/webhooks/<str:public_id>/secret/", new_secret, name="webhook_secret"),
    path("settings/webhooks/<str:public_id>/<str:action>/", act, name="act_on_webhook"),
    path("settings/deliveries/<str:public_id>/", delivery, name="delivery"),
    path("settings/deliveries/<str:public_id>/replay/", replay, name="replay_delivery"),
]
