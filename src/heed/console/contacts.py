"""Contacts and their lists: found, imported from a file, deleted. No opt-out hangs on them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from heed.console import columns, confirm, counting, ids
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import contacts, files, uploads
from heed.core.contacts import Refused
from heed.core.models import Contact, ContactList, FilePurpose
from heed.rules import numbers
from heed.rules.texts import clean

A_PAGE = 50
MOST_LISTS = 200  # that the page of all contacts names
MOST_SHOWN = 6  # merge fields of a contact


@dataclass(frozen=True, slots=True)
class Line:
    recipient: int
    phone: str
    fields: list[tuple[str, str]]
    contact: Contact


@page
@require_safe
def index(request: ConsoleRequest) -> HttpResponse:
    return render(request, "console/contacts/index.html", _index(request))


def _index(request: ConsoleRequest) -> dict[str, object]:
    lists = contacts.lists(request.account)[:MOST_LISTS]
    return _found(request, None) | {"lists": [(ids.public(ids.LIST, one.id), one.name) for one in lists]}


def _found(request: ConsoleRequest, of: ContactList | None) -> dict[str, object]:
    """A page of the contacts that were asked for, newest first."""
    query, before = clean(request.GET.get("q", ""))[:100].strip(), request.GET.get("before", "")
    after = ids.row(ids.CONTACT, before) if before else 0
    found = contacts.search(request.account, query, of, before=after, limit=A_PAGE + 1)
    kept = {"q": query} if query else {}
    last = ids.public(ids.CONTACT, found[A_PAGE - 1].id) if len(found) > A_PAGE else ""
    return {
        "lines": [_line(contact) for contact in found[:A_PAGE]],
        "query": query,
        "is_first": not before,
        "newest": urlencode(kept),
        "older": urlencode(kept | {"before": last}) if last else "",
    }


def _line(contact: Contact) -> Line:
    fields = [(name, value) for name, value in contact.fields.items() if value][:MOST_SHOWN]
    return Line(contact.recipient, numbers.pretty(contact.recipient), fields, contact)


@senders_only
@require_POST
def add_list(request: ConsoleRequest) -> HttpResponse:
    try:
        made = contacts.create_list(request.account, request.POST.get("name", ""), actor=request.actor)
    except Refused as error:
        context = _index(request) | {"error": str(error), "name": clean(request.POST.get("name", ""))[:200]}
        return render(request, "console/contacts/index.html", context, status=422)
    return redirect("contact_list", ids.public(ids.LIST, made.id))


@page
@require_safe
@vary_on_headers("HX-Request")
def one_list(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """A list, and how its import goes; while one is open the page asks for that part again."""
    return _list_page(request, _list(request, public_id), {})


def _list_page(request: ConsoleRequest, found: ContactList, errors: dict[str, str]) -> HttpResponse:
    job = contacts.latest_import(request.account, found)
    context: dict[str, object] = {"list": found, "id": ids.public(ids.LIST, found.id), "job": job, "errors": errors}
    if request.htmx and not request.htmx.boosted:
        if job is None or not job.is_open:
            return HttpResponseClientRefresh()
        return render(request, "console/contacts/importing.html", context)
    context |= _found(request, found)
    context["count"] = counting.shown(contacts.size(found, counting.MOST))
    return render(request, "console/contacts/list.html", context, status=422 if errors else 200)


def _list(request: ConsoleRequest, public_id: str) -> ContactList:
    found = contacts.find_list(request.account, ids.row(ids.LIST, public_id))
    if found is None:
        raise Http404("There is no such list.")
    return found


@senders_only
@require_POST
def change_list(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Rename the list, or delete it: its contacts stay."""
    found = _list(request, public_id)
    if request.POST.get("do") == "delete":
        count = counting.shown(contacts.size(found, counting.MOST))
        title = _("Delete the list “%(name)s”?") % {"name": found.name}
        stays = _("Its contacts (%(count)s) stay, and so do all opt-outs.") % {"count": count}
        if asking := confirm.asked(
            request, title, stays, _("Delete the list"), reverse("contact_list", args=[public_id])
        ):
            return asking
        contacts.delete_list(request.account, found.id, actor=request.actor)
        notices.success(request, _("The list “%(name)s” is deleted. Its contacts stay.") % {"name": found.name})
        return redirect("contacts")
    try:
        contacts.rename_list(request.account, found.id, request.POST.get("name", ""), actor=request.actor)
    except Refused as error:
        return _list_page(request, found, {"name": str(error)})
    return redirect("contact_list", public_id)


# Import


@senders_only
@require_POST
def upload(request: ConsoleRequest, public_id: str) -> HttpResponse:
    found = _list(request, public_id)
    try:
        file = columns.store(request)
    except uploads.Refused as error:
        return _list_page(request, found, {"file": str(error)})
    return redirect("import_contacts", public_id, ids.public(ids.FILE, file.id))


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def import_file(request: ConsoleRequest, public_id: str, file_id: str) -> HttpResponse:
    found, file, errors = _list(request, public_id), columns.file_of(request, file_id), {}
    if request.method == "POST":
        try:
            mapping = columns.read(request, file)
            contacts.import_upload(request.account, found, file, mapping, actor=request.actor)
            return redirect("contact_list", public_id)
        except uploads.Refused as error:
            errors[error.field] = str(error)
    context = columns.shown(request, file) | {"list": found, "id": public_id, "errors": errors}
    return render(request, "console/contacts/import.html", context, status=422 if errors else 200)


@page
@require_safe
def rejects(request: ConsoleRequest, public_id: str) -> StreamingHttpResponse:
    """The rows of the latest import that can't be used, each with its reason."""
    job = contacts.latest_import(request.account, _list(request, public_id))
    file = files.find(request.account, (job and job.rejects_id) or 0, FilePurpose.REJECTS)
    if file is None:
        raise Http404("There is no such file.")
    return columns.download(file, f"rejects-{public_id}.csv")


# Deleting


@senders_only
@require_POST
def remove(request: ConsoleRequest) -> HttpResponse:
    """Delete contacts, or take them off a list. What they said about messages stays."""
    asked = [int(one) for one in request.POST.getlist("contact")[:A_PAGE] if one.isdecimal() and len(one) <= 15]
    of = _list(request, request.POST["list"]) if request.POST.get("list") else None
    if not asked:
        notices.info(request, _("Select contacts first."))
    elif of is not None and request.POST.get("do") == "take_off":
        count = contacts.take_off(request.account, of, asked)
        words = ngettext("%(n)s contact is off this list.", "%(n)s contacts are off this list.", count)
        notices.success(request, words % {"n": count})
    else:
        if asking := _sure_to_delete(request, asked, of):
            return asking
        count = contacts.delete(request.account, asked, actor=request.actor)
        words = ngettext(
            "%(n)s contact is deleted. Whoever opted out stays opted out.",
            "%(n)s contacts are deleted. Whoever opted out stays opted out.",
            count,
        )
        notices.success(request, words % {"n": count})
    return redirect("contact_list", ids.public(ids.LIST, of.id)) if of else redirect("contacts")


def _sure_to_delete(request: ConsoleRequest, asked: list[int], of: ContactList | None) -> HttpResponse | None:
    count, phone = len(asked), numbers.pretty(asked[0])
    title, button = (
        (_("Delete the contact %(phone)s?") % {"phone": phone}, _("Delete %(phone)s") % {"phone": phone})
        if count == 1
        else (_("Delete %(n)s contacts?") % {"n": count}, _("Delete %(n)s contacts") % {"n": count})
    )
    stays = _("Their fields and places in lists go. Opt-outs, messages and texts stay.")
    back = reverse("contact_list", args=[ids.public(ids.LIST, of.id)]) if of else reverse("contacts")
    return confirm.asked(request, title, stays, button, back)


urlpatterns = [
    path("contacts/", index, name="contacts"),
    path("contacts/remove/", remove, name="remove_contacts"),
    path("contacts/lists/", add_list, name="add_contact_list"),
    path("contacts/lists/<str:public_id>/", one_list, name="contact_list"),
    path("contacts/lists/<str:public_id>/change/", change_list, name="change_contact_list"),
    path("contacts/lists/<str:public_id>/rejects/", rejects, name="contact_rejects"),
    path("contacts/lists/<str:public_id>/import/", upload, name="upload_contacts"),
    path("contacts/lists/<str:public_id>/import/<str:file_id>/", import_file, name="import_contacts"),
]
