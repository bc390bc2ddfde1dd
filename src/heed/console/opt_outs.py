"""Opt-outs: who has left, since when and how, filtered; adding by hand; the list as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.console import counting, ids, opt_out_filters, recipients, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import consent, exports, opt_out_list
from heed.core.consent import Cause
from heed.core.models import Account, Consent, LedgerEntry, Sender, Source
from heed.core.opt_out_list import Wanted
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State
from heed.rules.texts import clean

A_PAGE = 50
MOST_BY_HAND = 100  # more than these belong in a file
MOST_NOTE = 500
THE_ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Standing:
    """One standing opt-out in words."""

    recipient: int
    phone: str
    scope: str
    scope_id: str  # as a form names it
    how: str
    source: str
    note: str
    since: datetime | None
    never: bool


@page
@require_safe
def opt_outs(request: ConsoleRequest) -> HttpResponse:
    """Newest first, paged by key; nothing here counts or skips ten million rows."""
    account, before = request.account, request.GET.get("before", "")
    asked = opt_out_filters.asked(request.GET)
    wanted, errors = opt_out_filters.wanted(account, asked)
    found = opt_out_list.Page([], None) if errors else _page(account, wanted, before)
    count = counting.bounded(Consent.objects.filter(account_id=account.id, state=State.OUT))
    kept = {name: value for name, value in asked.items() if value}
    context = {
        "rows": standings(account, found.rows),
        "count": counting.shown(count),
        "is_empty": not count,
        "asked": asked,
        "is_filtered": bool(kept),
        "is_one_number": list(kept) == ["number"],
        "scopes": opt_out_filters.scopes(account),
        "sources": Source.choices,
        "recipient": wanted.recipient,
        "phone": numbers.pretty(wanted.recipient) if wanted.recipient else "",
        "errors": errors,
        "is_first": not before,
        "newest": urlencode(kept),
        "older": urlencode(kept | {"before": opt_out_filters.cursor(found.after)}) if found.after else "",
    }
    return render(request, "console/opt_outs/list.html", context)


def _page(account: Account, wanted: Wanted, before: str) -> opt_out_list.Page:
    after = opt_out_filters.place(before) if before else None
    return opt_out_list.page(account.id, wanted, after, limit=A_PAGE)


def standings(account: Account, rows: Iterable[Consent]) -> list[Standing]:
    """``rows`` with their entries in words; two queries for all of them."""
    rows = list(rows)
    ledger = words.entries(account, [row.entry_id for row in rows])
    places = words.seen_by(account, ledger.values()) | words.addresses(account, [row.sender_id for row in rows])
    return [_standing(row, ledger.get(row.entry_id), places) for row in rows]


def _standing(row: Consent, entry: LedgerEntry | None, places: words.Addresses) -> Standing:
    return Standing(
        row.recipient,
        numbers.pretty(row.recipient),
        _("Account") if row.sender_id == ALL_SENDERS else words.scope(row.sender_id, places),
        THE_ACCOUNT if row.sender_id == ALL_SENDERS else ids.public(ids.SENDER, row.sender_id),
        words.how(entry, places) if entry else "",
        str(Source(entry.source).label) if entry else "",
        entry.note if entry else "",
        row.since,
        row.never,
    )


@page
@require_POST
def export(request: ConsoleRequest) -> HttpResponse:
    """Begin to write what the list shows, of all its pages, to a file; everybody who reads may."""
    wanted, errors = opt_out_filters.wanted(request.account, opt_out_filters.asked(request.POST))
    try:
        if errors:
            raise exports.Refused(next(iter(errors.values())))
        job = exports.opt_outs(request.account, wanted, request.POST.get("format", ""), actor=request.actor)
    except exports.Refused as error:
        notices.error(request, str(error))
        return redirect("opt_outs")
    return redirect("job", ids.public(ids.JOB, job.id))


# By hand


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: ConsoleRequest) -> HttpResponse:
    """Opt people out by hand. All of the numbers, or none while one of them can't be read."""
    account, data = request.account, request.POST if request.method == "POST" else request.GET
    form = {name: clean(data.get(name, "")) for name in ("numbers", "scope", "note", "never")}
    errors: dict[str, str] = {}
    if request.method == "POST":
        people = _people(account, form["numbers"], errors)
        sender_id = _scope(account, form["scope"], errors)
        if len(form["note"]) > MOST_NOTE:
            errors["note"] = _("A note has at most %(most)s characters.") % {"most": MOST_NOTE}
        if not errors:
            cause = Cause(Source.CONSOLE, request.actor, note=form["note"].strip())
            for recipient in people:
                consent.opt_out(account.id, sender_id, recipient, cause, never=bool(form["never"]))
            count = len(people)
            done = ngettext("%(n)s person is opted out.", "%(n)s people are opted out.", count) % {"n": count}
            notices.success(request, done)
            return redirect("opt_out_history", people[0]) if count == 1 else redirect("opt_outs")
    choices = [(ids.public(ids.SENDER, one.id), one.address) for one in _places(account)]
    context = {
        "form": form,
        "errors": errors,
        "choices": choices,
        "the_account": THE_ACCOUNT,
        "most": MOST_BY_HAND,
        "most_note": MOST_NOTE,
    }
    return render(request, "console/opt_outs/add.html", context, status=422 if errors else 200)


def _people(account: Account, raw: str, errors: dict[str, str]) -> list[int]:
    asked = recipients.split(raw)
    if len(asked) > MOST_BY_HAND:
        errors["numbers"] = _("You gave %(count)s numbers; by hand you can add %(most)s at once.") % {
            "count": f"{len(asked):,}",
            "most": MOST_BY_HAND,
        }
        return []
    found = {one: recipients.known(one, account.country) for one in asked}
    wrong = [one for one, recipient in found.items() if recipient is None]
    if wrong:
        errors["numbers"] = ngettext(
            "This is not a phone number: %(list)s", "These are not phone numbers: %(list)s", len(wrong)
        ) % {"list": ", ".join(f"“{one[:40]}”" for one in wrong[:10])}
    elif not asked:
        errors["numbers"] = _("Give at least one phone number.")
    return list(dict.fromkeys(recipient for recipient in found.values() if recipient is not None))


def _places(account: Account) -> Iterable[Sender]:
    """What one can leave alone: the senders in use that stand for themselves; a pool stands for its numbers."""
    return Sender.objects.filter(account=account, closed_at=None, pool_id=0).order_by("kind", "address")


def _scope(account: Account, raw: str, errors: dict[str, str]) -> int:
    if raw == THE_ACCOUNT:
        return ALL_SENDERS
    found = {ids.public(ids.SENDER, sender.id): sender.id for sender in _places(account)}
    if raw not in found:
        errors["scope"] = _("Pick the account or one of its senders.")
    return found.get(raw, ALL_SENDERS)


urlpatterns = [
    path("opt-outs/", opt_outs, name="opt_outs"),
    path("opt-outs/add/", add, name="add_opt_outs"),
    path("opt-outs/export/", export, name="export_opt_outs"),
]
