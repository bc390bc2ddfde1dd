"""One contact: added by hand, their fields and lists, what went both ways, and what they consented to."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.console import ids, opt_outs, recipients, turns
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import contacts
from heed.core.contacts import MOST_FIELDS, MOST_VALUE, Refused
from heed.core.models import Consent, Contact, ContactList, LedgerEntry
from heed.rules import numbers
from heed.rules.consent import State
from heed.rules.texts import clean

BLANK_ROWS = 3  # for new fields
LAST_TURNS = 10
MOST_LISTS = 200


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: ConsoleRequest) -> HttpResponse:
    """Add a contact by hand, perhaps to a list. One who is there already is not written over."""
    account, data = request.account, request.POST if request.method == "POST" else request.GET
    raw, typed, errors = clean(data.get("number", ""))[:60].strip(), _typed(request), {}
    lists = list(contacts.lists(account)[:MOST_LISTS])
    chosen = next((one for one in lists if ids.public(ids.LIST, one.id) == data.get("list")), None)
    known = recipients.known(raw, account.country)
    there = contacts.find(account, known) if known else None
    if request.method == "POST":
        try:
            if there is not None:
                raise Refused(_("This number is a contact already."), field="number")
            made = contacts.save(account, raw, dict(typed), chosen, actor=request.actor)
            notices.success(request, _("The contact is added."))
            return redirect("contact", made.recipient)
        except Refused as error:
            errors[error.field] = str(error)
    context = {
        "number": raw,
        "rows": _rows(typed),
        "lists": [(ids.public(ids.LIST, one.id), one.name, one == chosen) for one in lists],
        "there": there,
        "errors": errors,
        "country": account.country,
        "most_value": MOST_VALUE,
    }
    return render(request, "console/contacts/add.html", context, status=422 if errors else 200)


def _typed(request: ConsoleRequest) -> list[tuple[str, str]]:
    """The fields that were typed: pairs of a name and a value, in order, without empty rows."""
    names, values = request.POST.getlist("field")[:MOST_FIELDS], request.POST.getlist("value")
    pairs = [(clean(name).strip(), clean(value).strip()) for name, value in zip(names, values, strict=False)]
    return [pair for pair in pairs if any(pair)]


def _rows(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*pairs, *[("", "")] * BLANK_ROWS]


@page
@require_safe
def contact(request: ConsoleRequest, recipient: int) -> HttpResponse:
    return _show(request, _found(request, recipient), {})


def _show(request: ConsoleRequest, found: Contact, errors: Mapping[str, str]) -> HttpResponse:
    account, recipient = request.account, found.recipient
    theirs = list(ContactList.objects.filter(listmember__contact=found).order_by("name")[:MOST_LISTS])
    last, older = turns.latest(account, recipient, None, LAST_TURNS)
    out = Consent.objects.filter(account_id=account.id, recipient=recipient, state=State.OUT).order_by("-entry_id")
    entries = LedgerEntry.objects.filter(account_id=account.id, recipient=recipient)
    context = {
        "contact": found,
        "recipient": recipient,
        "phone": numbers.pretty(recipient),
        "rows": _rows(_typed(request) if errors else list(found.fields.items())),
        "fields": [(name, value) for name, value in found.fields.items() if value],
        "lists": _named(theirs),
        "others": _named([one for one in contacts.lists(account)[:MOST_LISTS] if one not in theirs]),
        "standings": opt_outs.standings(account, out[:MOST_LISTS]),
        "entries": entries[:100].count(),
        "turns": last,
        "has_older": older is not None,
        "errors": errors,
        "most_value": MOST_VALUE,
    }
    return render(request, "console/contacts/contact.html", context, status=422 if errors else 200)


def _named(lists: list[ContactList]) -> list[tuple[str, str]]:
    return [(ids.public(ids.LIST, one.id), one.name) for one in lists]


def _found(request: ConsoleRequest, recipient: int) -> Contact:
    found = contacts.find(request.account, recipient) if recipient < 10**numbers.MOST_DIGITS else None
    if found is None:
        raise Http404("There is no such contact.")
    return found


@senders_only
@require_POST
def change(request: ConsoleRequest, recipient: int) -> HttpResponse:
    """Give the contact the fields that were typed, and no others."""
    found = _found(request, recipient)
    try:
        contacts.save(request.account, numbers.show(found.recipient), dict(_typed(request)), actor=request.actor)
    except Refused as error:
        return _show(request, found, {error.field: str(error)})
    notices.success(request, _("The contact is saved."))
    return redirect("contact", recipient)


@senders_only
@require_POST
def change_lists(request: ConsoleRequest, recipient: int) -> HttpResponse:
    """Put the contact into one list, or take them off one."""
    found, raw = _found(request, recipient), request.POST.get("add") or request.POST.get("take_off", "")
    of = contacts.find_list(request.account, ids.row(ids.LIST, raw))
    if of is None:
        raise Http404("There is no such list.")
    if request.POST.get("add"):
        contacts.put_on(request.account, of, found)
        notices.success(request, _("The contact is in “%(name)s” now.") % {"name": of.name})
    else:
        contacts.take_off(request.account, of, [found.recipient])
        notices.success(request, _("The contact is off “%(name)s”.") % {"name": of.name})
    return redirect("contact", recipient)


urlpatterns = [
    path("contacts/add/", add, name="add_contact"),
    path("contacts/<int:recipient>/", contact, name="contact"),
    path("contacts/<int:recipient>/change/", change, name="change_contact"),
    path("contacts/<int:recipient>/lists/", change_lists, name="change_contact_lists"),
]
