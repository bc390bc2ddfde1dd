"""Templates: the texts that an account keeps, and the form that one is written in."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.console import confirm, ids, message_box
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import accounts, templates
from heed.core.models import Account, MessageTemplate
from heed.rules import merging, segments
from heed.rules.merging import Template
from heed.rules.segments import Segments
from heed.rules.texts import clean


@dataclass(frozen=True, slots=True)
class Line:
    template: MessageTemplate
    id: str
    counted: Segments  # with fields by their default, or else their name


@dataclass(slots=True)
class Form:
    name: str = ""
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@page
@require_safe
def index(request: ConsoleRequest) -> HttpResponse:
    kept = templates.of(request.account)[: templates.MOST]
    return render(request, "console/templates/list.html", {"lines": [_line(request.account, one) for one in kept]})


def _line(account: Account, kept: MessageTemplate) -> Line:
    return Line(kept, ids.public(ids.TEMPLATE, kept.id), segments.count(message_box.sample(account, kept.text)))


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: ConsoleRequest) -> HttpResponse:
    if request.method != "POST":
        return _show(request, Form())
    form = _form(request)
    try:
        templates.create(request.account, form.name, form.text, actor=request.actor)
    except templates.Refused as error:
        form.errors[error.field or "name"] = str(error)
        return _show(request, form)
    notices.success(request, _("“%(name)s” is kept.") % {"name": form.name})
    return redirect("templates")


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: ConsoleRequest, public_id: str) -> HttpResponse:
    kept = _found(request, public_id)
    if request.method != "POST":
        return _show(request, Form(kept.name, kept.text), kept)
    form = _form(request)
    try:
        templates.change(request.account, kept.id, form.name, form.text, actor=request.actor)
    except templates.Refused as error:
        form.errors[error.field or "name"] = str(error)
        return _show(request, form, kept)
    notices.success(request, _("“%(name)s” is changed. What was sent with it stays as it was.") % {"name": form.name})
    return redirect("templates")


@senders_only
@require_POST
def delete(request: ConsoleRequest, public_id: str) -> HttpResponse:
    kept = _found(request, public_id)
    title, button = _("Delete “%(name)s”?") % {"name": kept.name}, _("Delete the template")
    back = reverse("edit_template", args=[public_id])
    if asking := confirm.asked(request, title, _("What was sent with it stays."), button, back):
        return asking
    templates.delete(request.account, kept.id, actor=request.actor)
    notices.success(request, _("“%(name)s” is deleted.") % {"name": kept.name})
    return redirect("templates")


def _found(request: ConsoleRequest, public_id: str) -> MessageTemplate:
    found = templates.find(request.account, ids.row(ids.TEMPLATE, public_id))
    if found is None:
        raise Http404("There is no such template.")
    return found


def _form(request: ConsoleRequest) -> Form:
    name, text = clean(request.POST.get("name", "")), clean(request.POST.get("text", ""))
    return Form(" ".join(name.split())[:200], text.replace("\r\n", "\n"))


def _show(request: ConsoleRequest, form: Form, kept: MessageTemplate | None = None) -> HttpResponse:
    context = {
        "form": form,
        "template": kept,
        "id": ids.public(ids.TEMPLATE, kept.id) if kept else "",
    }
    return render(request, "console/templates/edit.html", context, status=422 if form.errors else 200)


# Where somebody writes


def choices(account: Account) -> list[tuple[str, str]]:
    """What a composer offers, by name."""
    kept = templates.of(account).values_list("id", "name")[: templates.MOST]
    return [(ids.public(ids.TEMPLATE, id_), name) for id_, name in kept]


def inserted(account: Account, text: str, public_id: str, *, merges: bool = False) -> str:
    """``text`` with the template's below it: what somebody has written is never lost. Raises Http404 for a strange id.

    Without ``merges`` nothing will fill its fields later, so what stands for a missing value is written now.
    """
    kept = templates.find(account, ids.row(ids.TEMPLATE, public_id)) if public_id else None
    if kept is None:
        return text
    return message_box.with_line(text, kept.text if merges else _filled(account, kept.text))


def _filled(account: Account, text: str) -> str:
    """Fields by their default and the personal link by the account's; what has neither is left for the writer."""
    template = Template.of(text)
    values = {one.key: f"${{{one.name}}}" for one in template.fields if one.default is None}
    return template.fill(values | {merging.OPT_OUT_LINK: accounts.opt_out_link(account)})[0]


urlpatterns = [
    path("templates/", index, name="templates"),
    path("templates/new/", new, name="new_template"),
    path("templates/<str:public_id>/", edit, name="edit_template"),
    path("templates/<str:public_id>/delete/", delete, name="delete_template"),
]
