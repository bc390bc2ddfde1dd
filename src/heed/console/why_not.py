"""Why not? Any sender and any number: would a message go now, and if not, the ledger entry that says so, in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, page
from heed.core import gate, reviews
from heed.core.models import Account, LedgerEntry, Sender
from heed.rules import numbers
from heed.rules.consent import Act
from heed.rules.texts import clean


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says of one sender and one person. ``why`` is "" where a message would go."""

    sender: str
    recipient: int
    phone: str
    why: str = ""
    facts: tuple[str, ...] = ()
    timeline: str = ""  # where the entry stands
    review: str = ""  # where it is decided


@page
@require_safe
def why_not(request: ConsoleRequest) -> HttpResponse:
    account = request.account
    asked = {name: clean(request.GET.get(name, ""))[:60].strip() for name in ("from", "number")}
    in_use = Sender.objects.filter(account=account, closed_at=None).select_related("connection")
    choices = list(in_use.order_by("kind", "address"))
    sender = next((one for one in choices if one.address == asked["from"]), None)
    recipient = recipients.known(asked["number"], account.country) if asked["number"] else None
    errors = {}
    if asked["from"] and sender is None:
        errors["from"] = _("There is no such sender in use.")
    if asked["number"] and recipient is None:
        errors["number"] = _("“%(raw)s” is not a phone number.") % {"raw": asked["number"]}
    sender = sender or (choices[0] if choices and not errors else None)
    context = {
        "choices": choices,
        "asked": asked,
        "errors": errors,
        "answer": answer(account, sender, recipient) if sender and recipient else None,
        "stopped": sender.connection if sender and sender.connection.stopped_at else None,
    }
    return render(request, "console/opt_outs/why_not.html", context, status=422 if errors else 200)


def answer(account: Account, sender: Sender, recipient: int) -> Answer:
    shown, phone = recipients.pretty(sender.address), numbers.pretty(recipient)
    found = gate.why_not(account.id, sender.id, recipient, pool_id=sender.pool_id)
    if found is None:
        return Answer(shown, recipient, phone)
    block, entry_id = found
    if block.reason == "in_review":
        held = reviews.holding(account, recipient, (0, sender.id, sender.pool_id))
        review = reverse("review", args=[ids.public(ids.REVIEW, held.id)]) if held else ""
        return Answer(shown, recipient, phone, words.block(block), review=review)
    entry = words.entries(account, [entry_id]).get(entry_id or 0)
    if entry is None:  # a row that some other system's list brought has always one; better less than nothing
        return Answer(shown, recipient, phone, words.block(block))
    return Answer(
        shown,
        recipient,
        phone,
        _opted_out(account, entry),
        _facts(entry),
        f"{reverse('opt_out_history', args=[recipient])}#entry-{entry.id}",
    )


def _opted_out(account: Account, entry: LedgerEntry) -> str:
    places = words.seen_by(account, [entry])
    told = {
        "scope": words.scope(entry.sender_id, places),
        "how": words.how(entry, places),
        "when": words.moment(entry.effective_at),
    }
    return _("They opted out of %(scope)s on %(when)s %(how)s.") % told


def _facts(entry: LedgerEntry) -> tuple[str, ...]:
    """What else decides: that only staff may lift it, and the note that was made of it."""
    lifting = (
        _("Never contact: START does not lift it, only an owner or administrator can.")
        if entry.never
        else _("A START from them lifts it, and an owner or administrator can, with a reason.")
    )
    note = _("Note: %(note)s") % {"note": entry.note} if entry.note else ""
    return tuple(one for one in (lifting if entry.act == Act.OPT_OUT else "", note) if one)


urlpatterns = [path("why-not/", why_not, name="why_not")]
