"""One number: may one send to it, what stands and how staff lift it, and everything that happened, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console import ids, words
from heed.console.access import ConsoleRequest, administrators_only, page
from heed.console.messages import lines
from heed.console.opt_outs import MOST_NOTE, THE_ACCOUNT, standings
from heed.core import consent, gate, replay
from heed.core.consent import Cause
from heed.core.models import Account, Consent, Decision, Inbound, LedgerEntry, Message, Review, Sender, Source
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, Act, Row, State
from heed.rules.texts import clean

HISTORY = 100  # moments on a page


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. ``text`` is what somebody wrote."""

    at: datetime
    title: str
    badge: words.Badge | None = None
    detail: str = ""
    text: str = ""
    link: str = ""
    evidence: str = ""  # the SHA-256 of the text and its salt
    entry_id: int = 0


@dataclass(frozen=True, slots=True)
class Removing:
    """A removal that was refused: of which scope, with which reason, and why."""

    scope_id: str
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a sender may send to the number now."""

    address: str
    may_send: bool
    why: str


@page
@require_safe
def opt_out_history(request: ConsoleRequest, recipient: int) -> HttpResponse:
    _known(recipient)
    return _history(request, recipient)


def _history(request: ConsoleRequest, recipient: int, removing: Removing | None = None) -> HttpResponse:
    """Everything the account knows about one number, newest first: ledger, texts from it, messages to it."""
    account, before = request.account, _moment(request.GET.get("before", ""))
    moments = sorted(_moments(account, recipient, before), key=lambda moment: moment.at, reverse=True)
    older = ""
    if len(moments) > HISTORY:
        cut = moments[HISTORY - 1].at  # everything of one instant stays on one page
        moments = [moment for moment in moments if moment.at >= cut]
        older = urlencode({"before": ids.public(ids.MOMENT, (cut - _EPOCH) // timedelta(microseconds=1))})
    rows = Consent.objects.filter(account_id=account.id, recipient=recipient, state=State.OUT).order_by("-entry_id")
    theirs = consent.asked_themselves(account.id, recipient)
    answers = _answers(account, recipient)
    context = {
        "recipient": recipient,
        "phone": numbers.pretty(recipient),
        "number": numbers.show(recipient),
        "rows": [(one, row.sender_id in theirs) for one, row in zip(standings(account, rows), rows, strict=True)],
        "has_left": any(row.sender_id == ALL_SENDERS for row in rows),
        "answers": answers,
        "allowed": sum(answer.may_send for answer in answers),
        "moments": moments,
        "older": older,
        "is_first": before is None,
        "removing": removing,
        "most_note": MOST_NOTE,
    }
    return render(request, "console/opt_outs/history.html", context, status=422 if removing else 200)


def _answers(account: Account, recipient: int) -> Sequence[Answer]:
    """What the gate answers to each sender in use, in one question."""
    blocked = gate.blocked_senders(account.id, recipient)
    in_use = Sender.objects.filter(account=account, closed_at=None).order_by("kind", "address")
    return [Answer(one.address, one.id not in blocked, words.block(blocked.get(one.id))) for one in in_use]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(cursor: str) -> datetime | None:
    return _EPOCH + timedelta(microseconds=ids.row(ids.MOMENT, cursor)) if cursor else None


def _moments(account: Account, recipient: int, before: datetime | None) -> Iterator[Moment]:
    """At most HISTORY + 1 of each kind."""
    most = HISTORY + 1
    entries = LedgerEntry.objects.filter(account_id=account.id, recipient=recipient).order_by("-id")
    ledger = list((entries.filter(received_at__lt=before) if before else entries)[:most])
    places = words.seen_by(account, ledger)
    evidence = {entry.inbound_id for entry in ledger if entry.inbound_id}
    # A free keyword may come in on a number of another account: what else stands in such a text is not ours to read.
    ours = Q(account=account) | Q(account=None)
    proofs = {row.id: row.text for row in Inbound.objects.filter(ours, id__in=evidence)}
    found = Review.objects.filter(account=account, recipient=recipient, inbound__in=evidence)
    decided = {one.release_entry_id: one for one in found}
    last_start = next((entry.id for entry in ledger if replay.is_start(entry)), 0)
    resisting = replay.only_recorded(account.id, recipient, last_start) if last_start else {}
    for entry in ledger:
        proof = proofs.get(entry.inbound_id or 0, "")
        yield _of_entry(entry, places, proof, decided.get(entry.id), resisting.get(entry.id))
    texts = Inbound.objects.filter(account=account, recipient=recipient).exclude(id__in=evidence).order_by("-id")
    yield from (_of_text(row) for row in (texts.filter(received_at__lt=before) if before else texts)[:most])
    sent = Message.objects.filter(account=account, recipient=recipient).select_related("sender").order_by("-id")
    rows = (sent.filter(created_at__lt=before) if before else sent)[:most]
    for line in lines(account, rows):
        title = _("Answer from %(sender)s") if line.message.purpose != "message" else _("Message from %(sender)s")
        yield Moment(
            line.message.created_at,
            title % {"sender": line.message.sender.address},
            line.badge,
            line.why,
            line.message.text,
            reverse("message", args=[line.id]),
        )
    # What a shared number answered may name other accounts, so only that it did is told.
    answers = Message.objects.filter(account=None, inbound_id__in=evidence, inbound__account=None, recipient=recipient)
    for answer in answers.select_related("sender"):
        title = _("Answer from the shared number %(sender)s") % {"sender": answer.sender.address}
        yield Moment(answer.created_at, title, words.state(answer.state))


def _of_text(row: Inbound) -> Moment:
    title = _("Text to %(number)s") % {"number": row.to_address}
    detail = _("Read as “%(word)s” (%(rule)s)") % {"word": row.word, "rule": row.rule} if row.rule else ""
    return Moment(row.received_at, title, words.verdict(row.verdict), detail, row.text)


def _of_entry(
    entry: LedgerEntry, places: words.Addresses, text: str, decided: Review | None, resisting: Row | None
) -> Moment:
    """One entry in words. ``resisting`` is the opt-out for which it, a START, did not act."""
    told = {"scope": words.scope(entry.sender_id, places), "how": words.how(entry, places)}
    titles = {
        Act.OPT_OUT: _("Opted out of %(scope)s %(how)s") % told,
        Act.OPT_IN: _opted_in(entry, is_recorded=resisting is not None) % told,
        Act.HOLD: _("Held by a review: this may be an opt-out of %(scope)s") % told,
        Act.RELEASE: _ended(decided, told["scope"]),
        Act.ERASE: _("Texts and evidence erased"),
    }
    facts = [
        _("Never contact: START does not lift it.") if entry.never else "",
        _resisted(resisting) if resisting else "",
        _rule(entry),
        _("Took effect on %(day)s.") % {"day": words.day(entry.effective_at)}
        if words.day(entry.effective_at) != words.day(entry.received_at)
        else "",
        entry.note,
    ]
    stays_out = resisting is not None or (decided is not None and decided.decision == Decision.OPT_OUT)
    leaves = stays_out or entry.act in (Act.OPT_OUT, Act.HOLD)
    return Moment(
        entry.received_at,
        titles[Act(entry.act)],
        words.Badge(_("Entry %(id)s") % {"id": entry.id}, "orange" if leaves else "green"),
        " ".join(fact for fact in facts if fact),
        "" if decided else text,  # it stands at the hold, or at the opt-out
        evidence=entry.evidence,
        entry_id=entry.id,
    )


def _resisted(row: Row) -> str:
    """Why a START did not act."""
    if row.never:
        return _("It did not act because staff chose “never contact”.")
    return _("It did not act because the opt-out of %(day)s is newer than this text.") % {
        "day": words.moment(row.last_out_at) if row.last_out_at else ""
    }


def _opted_in(entry: LedgerEntry, *, is_recorded: bool) -> str:
    """A START on an account-level number lifts the account's opt-out too; what staff do is not the person's doing."""
    if is_recorded:
        return _("Asked back in to %(scope)s %(how)s: recorded, did not act")
    if Source(entry.source).is_staff:
        return _("Opt-out of %(scope)s removed %(how)s")
    if entry.account_level and entry.sender_id != ALL_SENDERS:
        return _("Opted back in to %(scope)s and the account %(how)s")
    return _("Opted back in to %(scope)s %(how)s")


def _ended(review: Review | None, scope: str) -> str:
    """How a review ended."""
    told = {"scope": scope, "who": review.decided_by if review else ""}
    if review is None:
        return _("The review about %(scope)s ended") % told
    if not review.decided_by:
        return _("The review about %(scope)s was not decided in time: an opt-out") % told
    if review.decision == Decision.OPT_OUT:
        return _("The review about %(scope)s was decided by %(who)s: an opt-out") % told
    return _("The review about %(scope)s was decided by %(who)s: not an opt-out") % told


def _rule(entry: LedgerEntry) -> str:
    """Which rule acted, and on which words where these were not a keyword."""
    if not entry.rule:
        return ""
    told = {"rule": entry.rule, "policy": entry.policy, "words": entry.word}
    if entry.source in (Source.REQUEST, Source.REVIEW, Source.DEADLINE):
        return _("Rule: %(rule)s, for “%(words)s”, policy %(policy)s.") % told
    return _("Rule: %(rule)s, policy %(policy)s.") % told


@administrators_only
@require_POST
def remove(request: ConsoleRequest, recipient: int) -> HttpResponse:
    """Lift the one opt-out named. What the person asked for themselves needs a reason."""
    _known(recipient)
    raw, reason = request.POST.get("scope", ""), clean(request.POST.get("reason", "")).strip()
    sender_id = ALL_SENDERS if raw == THE_ACCOUNT else ids.row(ids.SENDER, raw)
    account_id = request.account.id
    standing = Consent.objects.filter(account_id=account_id, recipient=recipient, sender_id=sender_id, state=State.OUT)
    error = ""
    if consent.needs_reason(account_id, sender_id, recipient) and not reason:
        error = _("They asked for this themselves. Give a reason to remove it; it is kept.")
    elif len(reason) > MOST_NOTE:
        error = _("A reason has at most %(most)s characters.") % {"most": MOST_NOTE}
    if error:
        return _history(request, recipient, Removing(raw, reason, error))
    if standing.exists():
        consent.lift(account_id, sender_id, recipient, Cause(Source.CONSOLE, request.actor, note=reason))
        notices.success(request, _("The opt-out is removed. Every other one of this number stands."))
    else:
        notices.warning(request, _("This opt-out does not stand any more."))
    return redirect("opt_out_history", recipient)


def _known(recipient: int) -> None:
    if not 10 ** (numbers.FEWEST_DIGITS - 1) <= recipient < 10**numbers.MOST_DIGITS:
        raise Http404("There is no such number.")


urlpatterns = [
    path("opt-outs/<int:recipient>/", opt_out_history, name="opt_out_history"),
    path("opt-outs/<int:recipient>/remove/", remove, name="remove_opt_out"),
]
