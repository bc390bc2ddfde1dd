"""Messages: what was sent, what was not, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import outbound
from heed.core.models import Account, LedgerEntry, Message, Purpose
from heed.rules import numbers
from heed.rules.states import MessageState

A_PAGE = 50
UNSETTLED = frozenset({MessageState.QUEUED, MessageState.SENDING})
CANCELLABLE = frozenset({MessageState.WAITING, MessageState.QUEUED})


@dataclass(frozen=True, slots=True)
class Line:
    """One message as the list shows it."""

    message: Message
    id: str
    to: str
    badge: words.Badge
    why: str
    may_cancel: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a message's life."""

    at: datetime | None
    title: str
    detail: str = ""


@page
@require_safe
@vary_on_headers("HX-Request")
def messages(request: ConsoleRequest) -> HttpResponse:
    """Newest first. ``number`` and ``state`` filter, ``first`` and ``last`` show one send, ``before`` pages."""
    asked = {name: request.GET.get(name, "").strip() for name in ("number", "state", "first", "last", "before")}
    found, error = _filtered(request.account, asked)
    older = found.filter(id__lt=ids.row(ids.MESSAGE, asked["before"])) if asked["before"] else found
    rows = list(older.select_related("sender").order_by("-id")[: A_PAGE + 1])
    shown = lines(request.account, rows[:A_PAGE])
    kept = {name: value for name, value in asked.items() if value and name != "before"}
    context = {
        "lines": shown,
        "asked": asked,
        "error": error,
        "is_filtered": bool(kept),
        "states": words.STATES.items(),
        "older": urlencode(kept | {"before": shown[-1].id}) if len(rows) > A_PAGE else "",
        "is_moving": not asked["before"] and any(line.message.state in UNSETTLED for line in shown),
    }
    is_part = bool(request.htmx) and not request.htmx.boosted
    return render(request, "console/messages/" + ("rows.html" if is_part else "list.html"), context)


def _filtered(account: Account, asked: dict[str, str]) -> tuple[QuerySet[Message], str]:
    found, error = Message.objects.filter(account=account), ""
    if asked["number"]:
        recipient = recipients.known(asked["number"], account.country)
        error = "" if recipient else _("“%(raw)s” is not a phone number.") % {"raw": asked["number"]}
        found = found.filter(recipient=recipient) if recipient else found.none()
    if asked["state"] in list(MessageState):
        found = found.filter(state=asked["state"])
    elif asked["state"]:
        error, found = _("There is no such state."), found.none()
    if asked["first"] and asked["last"]:
        first, last = (ids.row(ids.MESSAGE, asked[name]) for name in ("first", "last"))
        # Ids of another send may lie between; this one's share its token.
        token = found.filter(id=first).values_list("correlation_id", flat=True).first()
        found = found.filter(id__range=(first, last), correlation_id=token) if token else found.none()
    return found, error


def lines(account: Account, rows: Iterable[Message]) -> list[Line]:
    """``rows`` with their states and reasons in words; two queries for all of them."""
    rows = list(rows)
    ledger = words.entries(account, [row.entry_id for row in rows])
    places = words.seen_by(account, ledger.values())
    return [
        Line(
            row,
            ids.public(ids.MESSAGE, row.id),
            numbers.pretty(row.recipient),
            words.state(row.state),
            words.why(row, ledger.get(row.entry_id or 0), places),
            row.state in CANCELLABLE and row.purpose == Purpose.MESSAGE,
        )
        for row in rows
    ]


@page
@require_safe
def message(request: ConsoleRequest, public_id: str) -> HttpResponse:
    row = _message(request.account, public_id)
    line = lines(request.account, [row])[0]
    ledger = words.entries(request.account, [row.entry_id])
    context = {"line": line, "steps": _steps(line, ledger.get(row.entry_id or 0))}
    return render(request, "console/messages/detail.html", context)


def _message(account: Account, public_id: str) -> Message:
    found = Message.objects.filter(account=account, id=ids.row(ids.MESSAGE, public_id)).select_related(
        "sender", "inbound"
    )
    row = found.first()
    if row is None:
        raise Http404("There is no such message.")
    return row


def _steps(line: Line, entry: LedgerEntry | None) -> list[Step]:
    """The life of a message, oldest first."""
    row, steps = line.message, []
    if row.inbound is not None:
        steps.append(Step(row.inbound.received_at, _("Text received that this answers"), row.inbound.text))
    steps.append(Step(row.created_at, _("Queued"), _by(row)))
    if row.state == MessageState.WAITING and row.due_at:
        steps.append(Step(row.due_at, _("Due"), _("It is tried again then.") if row.tries else ""))
    if entry is not None:
        steps.append(Step(entry.effective_at, _("Opt-out took effect"), entry.note))
    if row.claimed_at and row.state != MessageState.SUPPRESSED:
        steps.append(Step(row.claimed_at, _("Taken for sending"), _("Try %(count)s") % {"count": row.tries}))
    if row.settled_at:
        steps.append(Step(row.settled_at, str(line.badge.words), line.why))
    return sorted(steps, key=lambda step: step.at or row.created_at)


def _by(row: Message) -> str:
    doors = {
        "quick_send": _("Quick send"),
        "api": _("API"),
        "command": _("Command line"),
        "answer": _("Automatic answer"),
    }
    door = doors.get(row.door, row.door)
    return _("%(door)s, by %(actor)s") % {"door": door, "actor": row.actor} if row.actor else door


@senders_only
@require_POST
def cancel(request: ConsoleRequest, public_id: str) -> HttpResponse:
    row = _message(request.account, public_id)
    if row.purpose == Purpose.MESSAGE and outbound.cancel(request.account.id, row.id):
        notices.success(request, _("The message is cancelled. It will not be sent."))
    else:
        notices.error(request, _("It is too late to cancel this message."))
    return redirect("message", public_id=public_id)


urlpatterns = [
    path("messages/", messages, name="messages"),
    path("messages/<str:public_id>/", message, name="message"),
    path("messages/<str:public_id>/cancel/", cancel, name="cancel_message"),
]
