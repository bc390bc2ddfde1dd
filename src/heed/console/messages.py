"""Messages: what was sent, what was not, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import pending, queued
from heed.core.models import Account, LedgerEntry, Message, Purpose
from heed.rules import numbers
from heed.rules.states import MessageState

A_PAGE = 50
UNSETTLED = frozenset({MessageState.QUEUED, MessageState.SENDING})
SOON = timedelta(minutes=2)  # a message that waits no longer than this is still watched
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
    """Newest first. ``number`` and ``state`` filter, ``first`` and ``last`` show one send, ``before`` pages.

    While something is moving the page asks for its rows again, with ``seen`` of those it has: 204 if nothing has changed.
    """
    asked = {name: request.GET.get(name, "").strip() for name in ("number", "state", "first", "last", "before")}
    found, error = _filtered(request.account, asked)
    older = found.filter(id__lt=ids.row(ids.MESSAGE, asked["before"])) if asked["before"] else found
    rows = list(older.select_related("sender").order_by("-id")[: A_PAGE + 1])
    shown = lines(request.account, rows[:A_PAGE])
    is_part = bool(request.htmx) and not request.htmx.boosted
    if is_part and request.GET.get("seen") == _seen(shown):
        return HttpResponse(status=204)
    kept = {name: value for name, value in asked.items() if value and name != "before"}
    is_one_send = bool(asked["first"] and asked["last"])
    context = {
        "lines": shown,
        "asked": asked,
        "error": error,
        "is_filtered": bool(kept),
        "is_one_send": is_one_send,
        "summary": _summary(found) if is_one_send else [],
        "states": words.STATES.items(),
        "is_first": not asked["before"],
        "newest": urlencode(kept),
        "older": urlencode(kept | {"before": shown[-1].id}) if len(rows) > A_PAGE else "",
        "again": urlencode(kept | {"seen": _seen(shown)}) if not asked["before"] and _is_moving(shown) else "",
        "is_part": is_part,
    }
    return render(request, "console/messages/" + ("rows.html" if is_part else "list.html"), context)


def _seen(shown: Sequence[Line]) -> str:
    facts = "".join(f"{line.id}{line.message.state}{line.why}" for line in shown)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _is_moving(shown: Sequence[Line]) -> bool:
    soon = timezone.now() + SOON
    return any(
        line.message.state in UNSETTLED
        or (line.message.state == MessageState.WAITING and line.message.due_at and line.message.due_at < soon)
        for line in shown
    )


def _summary(found: QuerySet[Message]) -> list[tuple[words.Badge, int]]:
    """How one send stands: how many messages are in which state."""
    counts = dict(found.order_by().values_list("state").annotate(Count("id")))
    return [(badge, counts[state]) for state, badge in words.STATES.items() if state in counts]


def _filtered(account: Account, asked: dict[str, str]) -> tuple[QuerySet[Message], str]:
    found, error = Message.objects.filter(account=account), ""
    if asked["number"]:
        recipient = recipients.known(asked["number"], account.country)
        error = "" if recipient else _("“%(raw)s” is not a phone number.") % {"raw": asked["number"]}
        found = found.filter(recipient=recipient) if recipient else found.none()
    if asked["state"] in list(MessageState):
        found = pending.in_state(found, asked["state"])
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
    if request.htmx and request.GET.get("seen") == _seen([line]):
        return HttpResponse(status=204)
    ledger = words.entries(request.account, [row.entry_id])
    context = {
        "line": line,
        "steps": _steps(line, ledger.get(row.entry_id or 0)),
        "by": _by(row),
        "again": urlencode({"seen": _seen([line])}) if _is_moving([line]) else "",
    }
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
        "inbox": _("Reply"),
        "api": _("API"),
        "command": _("Command line"),
        "campaign": _("Campaign"),
        "test": _("Test of a campaign"),
        "answer": _("Automatic answer"),
    }
    door = doors.get(row.door, row.door)
    return _("%(door)s, by %(actor)s") % {"door": door, "actor": row.actor} if row.actor else door


@senders_only
@require_POST
def cancel(request: ConsoleRequest, public_id: str) -> HttpResponse:
    row = _message(request.account, public_id)
    if row.purpose == Purpose.MESSAGE and queued.cancel(request.account.id, row.id):
        notices.success(request, _("The message is cancelled. It will not be sent."))
    else:
        notices.error(request, _("It is too late to cancel this message."))
    return redirect("message", public_id=public_id)


urlpatterns = [
    path("messages/", messages, name="messages"),
    path("messages/<str:public_id>/", message, name="message"),
    path("messages/<str:public_id>/cancel/", cancel, name="cancel_message"),
]
