"""Inbox: what people wrote to the account's numbers, and how it was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import gate, inbound, senders
from heed.core.models import Account, Inbound, Review
from heed.rules import numbers
from heed.rules.verdicts import Verdict

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One text as the list shows it.

    ``stands`` is whether its sender has left what a STOP there would leave, ``is_held`` whether a review holds that.
    ``review`` is the id of its own review, ``decision`` what was decided there.
    """

    text: Inbound
    id: str
    phone: str
    badge: words.Badge
    stands: bool
    is_held: bool
    review: str
    decision: words.Badge | None
    reply: str
    to: str


@page
@require_safe
def inbox(request: ConsoleRequest) -> HttpResponse:
    found = Inbound.objects.filter(account=request.account).select_related("sender")
    if before := request.GET.get("before", ""):
        found = found.filter(id__lt=ids.row(ids.INBOUND, before))
    rows = list(found.order_by("-id")[: A_PAGE + 1])
    shown = lines(request.account, rows[:A_PAGE])
    older = urlencode({"before": shown[-1].id}) if len(rows) > A_PAGE else ""
    return render(request, "console/inbox/list.html", {"lines": shown, "older": older, "is_first": not before})


def lines(account: Account, rows: Sequence[Inbound]) -> list[Line]:
    blocked = _blocked(account, rows)
    found = {one.inbound_id: one for one in Review.objects.filter(account=account, inbound__in=_in_review(rows))}
    return [
        Line(
            row,
            ids.public(ids.INBOUND, row.id),
            numbers.pretty(row.recipient) if row.recipient else row.from_address,
            words.verdict(row.verdict),
            blocked.get(row.id) == "opted_out",
            blocked.get(row.id) == "in_review",
            ids.public(ids.REVIEW, found[row.id].id) if row.id in found else "",
            words.decision(found[row.id]) if row.id in found else None,
            _reply(row),
            recipients.pretty(row.to_address),
        )
        for row in rows
    ]


def _in_review(rows: Sequence[Inbound]) -> list[int]:
    return [row.id for row in rows if row.verdict == Verdict.REVIEW]


def _blocked(account: Account, rows: Sequence[Inbound]) -> dict[int, str]:
    """The texts whose senders the gate lets nothing more go to, from what an opt-out there would leave, and why."""
    by_scope: dict[int, list[Inbound]] = defaultdict(list)
    for row in rows:
        if row.sender and row.recipient:
            by_scope[senders.scope_of(row.sender)].append(row)
    return {
        row.id: blocked[row.recipient].reason
        for scope, texts in by_scope.items()
        for blocked in [gate.may_send(account.id, scope, [row.recipient or 0 for row in texts])]
        for row in texts
        if row.recipient in blocked
    }


def _reply(row: Inbound) -> str:
    if row.recipient is None or row.sender is None or row.sender.closed_at is not None:
        return ""
    asked = urlencode({"from": row.sender.address})
    return f"{reverse('conversation', args=[row.recipient])}?{asked}#reply"


@senders_only
@require_POST
def opt_out(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Read a text as an opt-out."""
    row_id = ids.row(ids.INBOUND, public_id)
    row = Inbound.objects.select_related("sender").filter(account=request.account, id=row_id).first()
    if row is None or row.sender is None or row.recipient is None:
        raise Http404("There is no such text.")
    outcome = inbound.opt_out(row, actor=request.actor)
    phone = numbers.pretty(row.recipient)
    if outcome.changed:
        notices.success(request, _("%(phone)s is opted out.") % {"phone": phone})
    else:
        notices.info(request, _("%(phone)s had opted out already.") % {"phone": phone})
    return redirect("inbox")


urlpatterns = [
    path("inbox/", inbox, name="inbox"),
    path("inbox/<str:public_id>/opt-out/", opt_out, name="opt_out_text"),
]
