"""Reviews: texts that may be an opt-out, each with its clock and the conversation around it, and what people decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from heed.console import counting, ids, recipients, turns, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.console.opt_outs import MOST_NOTE
from heed.core import reviews
from heed.core.consent import Outcome
from heed.core.models import Account, Decision, Inbound, Review
from heed.rules import numbers
from heed.rules.texts import clean

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One review as lists show it. ``marked`` is its text: what stands before the words that asked, they, the rest."""

    review: Review
    id: str
    phone: str
    to: str
    scope: str
    marked: tuple[str, str, str]
    clock: words.Badge
    decision: words.Badge | None


# What waits


@page
@require_safe
def queue(request: ConsoleRequest) -> HttpResponse:
    """The most urgent ones: overdue first, then oldest first. The others come up as these are decided."""
    now, waiting = timezone.now(), reviews.queue(request.account)
    rows = list(waiting.filter(due_at__lte=now)[:A_PAGE])
    rows += waiting.filter(due_at__gt=now)[: A_PAGE - len(rows)]
    context = {
        "lines": lines(request.account, rows),
        "count": counting.waiting(waiting),
        "is_more": len(rows) == A_PAGE,
        "a_page": A_PAGE,
    }
    return render(request, "console/reviews/queue.html", context)


@page
@require_safe
def decided(request: ConsoleRequest) -> HttpResponse:
    """What was decided, by whom; the latest first."""
    before = request.GET.get("before", "")
    found = reviews.decided(request.account, ids.row(ids.REVIEW, before) if before else None)
    rows = list(found[: A_PAGE + 1])
    shown = lines(request.account, rows[:A_PAGE])
    older = urlencode({"before": shown[-1].id}) if len(rows) > A_PAGE else ""
    return render(request, "console/reviews/decided.html", {"lines": shown, "older": older, "is_first": not before})


def lines(account: Account, rows: Sequence[Review]) -> list[Line]:
    places = words.addresses(account, [row.sender_id for row in rows])
    return [
        Line(
            row,
            ids.public(ids.REVIEW, row.id),
            numbers.pretty(row.recipient),
            recipients.pretty(row.inbound.to_address),
            words.scope(row.sender_id, places),
            _marked(row.inbound),
            clock(row.due_at, timezone.now()),
            words.decision(row),
        )
        for row in rows
    ]


def _marked(row: Inbound) -> tuple[str, str, str]:
    """Reading folds a text, so its words may stand there otherwise than they were read; then nothing is marked."""
    spelled = r"\W+".join(re.escape(word) for word in row.word.split())
    found = re.search(spelled, row.text, re.IGNORECASE) if spelled else None
    if found is None:
        return row.text, "", ""
    return row.text[: found.start()], found[0], row.text[found.end() :]


def clock(due_at: datetime, now: datetime) -> words.Badge:
    """How long there still is to decide, in words."""
    left = due_at - now
    if left <= timedelta(0):
        return words.Badge(_("Overdue"), "red")
    hours = left // timedelta(hours=1)
    if hours < 1:
        return words.Badge(_("Due within the hour"), "red")
    if left <= reviews.WARN_BEFORE:
        return words.Badge(ngettext("Due in %(n)s hour", "Due in %(n)s hours", hours) % {"n": hours}, "orange")
    return words.Badge(ngettext("Due in %(n)s day", "Due in %(n)s days", left.days) % {"n": left.days}, "secondary")


# One of them


@page
@require_safe
def review(request: ConsoleRequest, public_id: str) -> HttpResponse:
    row = _found(request, public_id)
    following = _below(request.account, row)
    context = {
        "line": lines(request.account, [row])[0],
        "review": row,
        "turns": turns.around(request.account, row),
        "following": ids.public(ids.REVIEW, following.id) if following else "",
        "most_note": MOST_NOTE,
    }
    return render(request, "console/reviews/review.html", context)


def _found(request: ConsoleRequest, public_id: str) -> Review:
    found = reviews.of(request.account).filter(id=ids.row(ids.REVIEW, public_id)).first()
    if found is None:
        raise Http404("There is no such review.")
    return found


def _below(account: Account, this: Review) -> Review | None:
    """The review below ``this`` in the queue; below the last one it is the first."""
    now, others = timezone.now(), reviews.queue(account).exclude(id=this.id)
    late, early = others.filter(due_at__lte=now), others.filter(due_at__gt=now)
    mine, rest = (late, early) if this.due_at <= now else (early, late)
    return mine.filter(id__gt=this.id).first() or rest.first() or mine.first()


# Deciding


@senders_only
@require_POST
def decide(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Decide, and go on to the next one."""
    row, raw = _found(request, public_id), request.POST.get("decision", "")
    if raw not in Decision.values:
        raise BadRequest("There is no such decision.")
    following = _below(request.account, row)
    note = clean(request.POST.get("note", "")).strip()[:MOST_NOTE]
    try:
        outcome = reviews.decide(row, Decision(raw), actor=request.actor, note=note)
    except reviews.Decided as error:
        notices.warning(request, _too_late(error.review))
    else:
        notices.success(request, _told(row, Decision(raw), outcome))
    if following is None:
        return redirect("reviews")
    return redirect("review", ids.public(ids.REVIEW, following.id))


def _told(row: Review, decision: Decision, outcome: Outcome) -> str:
    phone = {"phone": numbers.pretty(row.recipient)}
    if decision is Decision.NOT_AN_OPT_OUT:
        return _("Not an opt-out: the text of %(phone)s holds nothing back any more.") % phone
    if outcome.changed:
        return _("%(phone)s is opted out.") % phone
    return _("%(phone)s had opted out already.") % phone


def _too_late(row: Review) -> str:
    told = {"phone": numbers.pretty(row.recipient), "who": row.decided_by, "decision": row.get_decision_display()}
    if row.decided_by:
        return _("%(who)s has decided about %(phone)s already: %(decision)s. Nothing is changed.") % told
    return _("The time to decide about %(phone)s was over: opted out. Nothing is changed.") % told


urlpatterns = [
    path("reviews/", queue, name="reviews"),
    path("reviews/decided/", decided, name="decided_reviews"),
    path("reviews/<str:public_id>/", review, name="review"),
    path("reviews/<str:public_id>/decide/", decide, name="decide_review"),
]
