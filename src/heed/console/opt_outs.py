"""Opt-outs: who has left, since when and how; adding and removing by hand; everything known about one number."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db.models import Q
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, administrators_only, page, senders_only
from heed.console.messages import lines
from heed.core import consent, gate, opt_out_files, tables
from heed.core.consent import Cause
from heed.core.models import Account, Consent, Inbound, LedgerEntry, Message, Sender, Source
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, Act, State
from heed.rules.texts import clean

A_PAGE = 50
MOST_COUNTED = 10_000
MOST_BY_HAND = 100  # more than these belong in a file
MOST_NOTE = 500
A_CHUNK = 64 * 1024  # characters of an export
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
    """Newest first, paged by the entry that made them; nothing here counts or skips ten million rows."""
    raw, before = request.GET.get("number", "").strip(), request.GET.get("before", "")
    account = request.account
    found = Consent.objects.filter(account_id=account.id, state=State.OUT)
    count = found.order_by()[: MOST_COUNTED + 1].count()
    recipient = recipients.known(raw, account.country) if raw else None
    if raw:
        found = found.filter(recipient=recipient) if recipient else found.none()
    if before:
        found = found.filter(entry_id__lt=ids.row(ids.ENTRY, before))
    rows = list(found.order_by("-entry_id")[: A_PAGE + 1])
    older = {"number": raw} if raw else {}
    context = {
        "rows": standings(account, rows[:A_PAGE]),
        "count": f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}",
        "is_empty": not count,
        "asked": raw,
        "recipient": recipient,
        "phone": numbers.pretty(recipient) if recipient else "",
        "error": _("“%(raw)s” is not a phone number.") % {"raw": raw} if raw and not recipient else "",
        "is_first": not before,
        "newest": urlencode(older),
        "older": urlencode(older | {"before": ids.public(ids.ENTRY, rows[A_PAGE - 1].entry_id)})
        if len(rows) > A_PAGE
        else "",
    }
    return render(request, "console/opt_outs/list.html", context)


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
@require_safe
def export(request: ConsoleRequest) -> StreamingHttpResponse:
    """The whole list as CSV, page by page as it is read; it imports back unchanged."""
    response = StreamingHttpResponse(_csv(request.account), content_type="text/csv; charset=utf-8")
    name = f"opt-outs-{request.account.slug}-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv(account: Account) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    with tables.write(buffer) as writer:
        writer.writerow(opt_out_files.EXPORT_COLUMNS)
        for row in opt_out_files.rows(account.id):
            writer.writerow(row)
            if buffer.tell() > A_CHUNK:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()


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
        "columns": ", ".join(opt_out_files.COLUMNS),
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


# The history of a number


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


HISTORY = 100


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
    yield from (_of_entry(entry, places, proofs.get(entry.inbound_id or 0, "")) for entry in ledger)
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


def _of_entry(entry: LedgerEntry, places: words.Addresses, text: str) -> Moment:
    scope, how = words.scope(entry.sender_id, places), words.how(entry, places)
    titles = {
        Act.OPT_OUT: _("Opted out of %(scope)s %(how)s"),
        Act.OPT_IN: _("Opted back in to %(scope)s %(how)s"),
        Act.HOLD: _("Held for review at %(scope)s"),
        Act.RELEASE: _("Review of %(scope)s ended"),
        Act.ERASE: _("Texts and evidence erased"),
    }
    facts = [
        _("Never contact: START does not lift it.") if entry.never else "",
        _("Rule: %(rule)s, policy %(policy)s.") % {"rule": entry.rule, "policy": entry.policy} if entry.rule else "",
        _("Took effect on %(day)s.") % {"day": words.day(entry.effective_at)}
        if words.day(entry.effective_at) != words.day(entry.received_at)
        else "",
        entry.note,
    ]
    colour = "orange" if entry.act in (Act.OPT_OUT, Act.HOLD) else "green"
    return Moment(
        entry.received_at,
        titles[Act(entry.act)] % {"scope": scope, "how": how},
        words.Badge(_("Entry %(id)s") % {"id": entry.id}, colour),
        " ".join(fact for fact in facts if fact),
        text,
        evidence=entry.evidence,
    )


urlpatterns = [
    path("opt-outs/", opt_outs, name="opt_outs"),
    path("opt-outs/add/", add, name="add_opt_outs"),
    path("opt-outs/export/", export, name="export_opt_outs"),
    path("opt-outs/<int:recipient>/", opt_out_history, name="opt_out_history"),
    path("opt-outs/<int:recipient>/remove/", remove, name="remove_opt_out"),
]
