"""Connections: the account's own ways to carriers, added, changed, checked and closed; the installation's are shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed import carriers
from heed.console import confirm, ids
from heed.console.access import ConsoleRequest, administrators_only
from heed.console.words import Badge
from heed.core import connections as core
from heed.core import reconciliation
from heed.core.models import Connection

ANSWERS: dict[str, str | Promise] = {
    "stop": gettext_lazy("STOP"),
    "start": gettext_lazy("START"),
    "help": gettext_lazy("HELP"),
}
_SETTING = "setting_"  # before the names of a carrier's own fields, which could be any


@dataclass(frozen=True, slots=True)
class Line:
    """One connection as the list shows it. ``is_ours`` is whether it belongs to the account."""

    link: Connection
    id: str
    badge: Badge
    title: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Input:
    """One setting of a carrier as the form asks for it. A secret's value is never shown."""

    name: str
    label: str
    value: str
    hint: str
    error: str
    is_required: bool
    is_secret: bool
    is_long: bool
    choices: tuple[str, ...]


@administrators_only
@require_safe
def connections(request: ConsoleRequest) -> HttpResponse:
    context = {
        "lines": [_line(one, request) for one in core.of(request.account)],
        "kinds": sorted(carriers.kinds(), key=lambda one: (one[0] == "generic", one[1].casefold())),
    }
    return render(request, "console/connections/list.html", context)


def _line(link: Connection, request: ConsoleRequest) -> Line:
    is_ours = link.account_id == request.account.id
    return Line(link, ids.public(ids.CONNECTION, link.id), _badge(link), carriers.title(link.kind), is_ours)


def _badge(link: Connection) -> Badge:
    return Badge(_("Stopped"), "red") if link.stopped_at else Badge(_("On"), "green")


@never_cache
@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: ConsoleRequest, kind: str) -> HttpResponse:
    try:
        inputs = _inputs(kind, {}, {})
    except carriers.Refused as error:
        raise Http404("There is no such kind of carrier.") from error
    title = carriers.title(kind)
    context = {"kind": kind, "title": title, "name": title, "inputs": inputs}
    if request.method != "POST":
        usual = carriers.usually_answered(kind)
        return render(request, "console/connections/add.html", context | {"answers": _answers(usual)})
    name, values, answered = _typed(request)
    try:
        link = carriers.add(kind, name, values, answered=answered, account=request.account, actor=request.actor)
    except (carriers.Refused, core.Refused) as error:
        return render(
            request, "console/connections/add.html", context | _again(kind, name, values, answered, error), status=422
        )
    notices.success(request, _("The connection is added. Check it, and give your carrier the address below."))
    return redirect("connection", ids.public(ids.CONNECTION, link.id))


@never_cache
@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def connection(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """How it is doing, what it is set to, and its carrier's opt-outs. Posted to, it takes other settings."""
    if request.method != "POST":
        return _one(request, _found(request, public_id))
    link = _own(request, public_id)
    name, values, answered = _typed(request)
    try:
        carriers.change(link, name, values, answered=answered, actor=request.actor)
    except (carriers.Refused, core.Refused) as error:
        return _one(request, link, 422, **_again(link.kind, name, values, answered, error))
    notices.success(request, _("The connection is saved."))
    return redirect("connection", public_id)


def _one(request: ConsoleRequest, link: Connection, status: int = 200, /, **more: object) -> HttpResponse:
    line = _line(link, request)
    context = {"line": line, "link": link, "name": link.name, "compared": reconciliation.last(link)}
    if line.is_ours:
        context |= {
            "hook_url": core.hook_url(link),
            "inputs": _inputs(link.kind, core.shown_settings(link), {}),
            "answers": _answers(core.answered(link)),
        }
    return render(request, "console/connections/connection.html", context | more, status=status)


@administrators_only
@require_POST
def act(request: ConsoleRequest, public_id: str, action: str) -> HttpResponse:
    link = _own(request, public_id)
    match action:
        case "check":
            _check(request, link)
        case "compare":
            compared = carriers.reconcile(link)
            if compared.words:
                notices.warning(request, compared.words)
            else:
                notices.success(request, _("Opt-outs are compared."))
        case "stop":
            core.stop(link, actor=request.actor)
            notices.success(request, _("The connection is stopped. What is queued for it waits."))
        case "resume":
            core.resume(link, actor=request.actor)
            notices.success(request, _("The connection is on again. What waited leaves first."))
        case "close":
            title = _("Close the connection “%(name)s”?") % {"name": link.name}
            words = _("Nothing is sent through it any more. A late STOP from it is still heard.")
            back = reverse("connection", args=[public_id])
            if asking := confirm.asked(request, title, words, _("Close the connection"), back):
                return asking
            return _close(request, link, public_id)
        case _:
            raise Http404("There is no such action.")
    return redirect("connection", public_id)


def _check(request: ConsoleRequest, link: Connection) -> None:
    try:
        found = carriers.health(link)
    except carriers.Refused as error:
        notices.warning(request, str(error))
        return
    if found.is_well:
        notices.success(request, found.words or _("The carrier takes these credentials."))
    else:
        notices.error(request, found.words or _("The carrier refuses these credentials."))


def _close(request: ConsoleRequest, link: Connection, public_id: str) -> HttpResponse:
    try:
        core.close(link, actor=request.actor)
    except core.Refused as error:
        notices.error(request, str(error))
        return redirect("connection", public_id)
    notices.success(request, _("The connection is closed. A late STOP that its carrier brings still counts."))
    return redirect("connections")


# The form


def _typed(request: ConsoleRequest) -> tuple[str, dict[str, str], list[str]]:
    values = {key.removeprefix(_SETTING): value for key, value in request.POST.items() if key.startswith(_SETTING)}
    answered = [word for word in ANSWERS if word in request.POST.getlist("answers")]
    return request.POST.get("name", ""), {name: str(value) for name, value in values.items()}, answered


def _again(
    kind: str, name: str, values: Mapping[str, str], answered: Collection[str], error: carriers.Refused | core.Refused
) -> dict[str, object]:
    """The form with what was typed, but for secrets, and what is wrong beside its field."""
    inputs = _inputs(kind, values, {error.field: str(error)})
    is_beside = error.field == "name" or error.field in {one.name.removeprefix(_SETTING) for one in inputs}
    return {
        "name": name[:200],
        "inputs": inputs,
        "answers": _answers(answered),
        "name_error": str(error) if error.field == "name" else "",
        "error": "" if is_beside else str(error),
    }


def _inputs(kind: str, values: Mapping[str, str], errors: Mapping[str, str]) -> list[Input]:
    return [
        Input(
            name=_SETTING + one.name,
            label=one.label,
            value="" if one.is_secret else values.get(one.name, one.default)[: core.MOST_VALUE],
            hint=one.help,
            error=errors.get(one.name, ""),
            is_required=one.is_required,
            is_secret=one.is_secret,
            is_long=one.is_long,
            choices=one.choices,
        )
        for one in carriers.fields(kind)
    ]


def _answers(answered: Collection[str]) -> list[tuple[str, str | Promise, bool]]:
    return [(word, title, word in answered) for word, title in ANSWERS.items()]


def _found(request: ConsoleRequest, public_id: str) -> Connection:
    found = core.of(request.account).filter(id=ids.row(ids.CONNECTION, public_id)).first()
    if found is None:
        raise Http404("There is no such connection.")
    return found


def _own(request: ConsoleRequest, public_id: str) -> Connection:
    """One that the account may change. The installation's are its operator's."""
    found = _found(request, public_id)
    if found.account_id != request.account.id:
        raise Http404("There is no such connection of this account.")
    return found


urlpatterns = [
    path("settings/connections/", connections, name="connections"),
    path("settings/connections/add/<slug:kind>/", add, name="add_connection"),
    path("settings/connections/<str:public_id>/", connection, name="connection"),
    path("settings/connections/<str:public_id>/<str:action>/", act, name="act_on_connection"),
]
