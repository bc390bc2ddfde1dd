"""A conversation with one person: what went both ways, and a reply, which the gate may refuse."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console import ids, turns, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.console.manage import Written
from heed.core import contacts, gate, handoff, outbound
from heed.core.models import Account, Inbound, Sender
from heed.core.outbound import Draft
from heed.rules import numbers, segments
from heed.rules.texts import clean

A_PAGE = 50
MOST_TEXT = 2000
DOOR = "inbox"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Typed:
    """A reply that was not sent, as it was typed, and why, by field."""

    sender: str
    text: str
    errors: dict[str, str]


@page
@require_safe
def conversation(request: ConsoleRequest, recipient: int) -> HttpResponse:
    return _show(request, _known(recipient), None)


def _show(request: ConsoleRequest, recipient: int, typed: Typed | None) -> HttpResponse:
    account, before = request.account, _moment(request.GET.get("before", ""))
    found, cut = turns.latest(account, recipient, before, A_PAGE)
    choices = written_to(account, recipient)
    asked = typed.sender if typed else clean(request.GET.get("from", ""))
    chosen = next((one for one in choices if one.address == asked), choices[0] if choices else None)
    blocked = _blocked(account, chosen, recipient)
    contact = contacts.find(account, recipient)
    context = {
        "recipient": recipient,
        "phone": numbers.pretty(recipient),
        "name": _name(contact.fields) if contact else "",
        "is_contact": contact is not None,
        "turns": found,
        "choices": choices,
        "chosen": chosen,
        "blocked": blocked,
        "typed": typed,
        "token": secrets.token_hex(16),
        "most_text": MOST_TEXT,
        "is_first": before is None,
        "older": urlencode({"before": cursor(cut)}) if cut else "",
    }
    return render(request, "console/inbox/conversation.html", context, status=422 if typed else 200)


def _name(fields: dict[str, str]) -> str:
    """What to call a contact: the first values of their fields."""
    return " ".join(list(fields.values())[:2])[:60]


def written_to(account: Account, recipient: int) -> Sequence[Sender]:
    """The account's numbers in use that the person has texted, the latest first: a reply comes from one of them."""
    texts = Inbound.objects.filter(account=account, recipient=recipient, sender__closed_at=None)
    latest = texts.order_by("-id").values_list("sender_id", flat=True)[:200]
    order = list(dict.fromkeys(one for one in latest if one))
    found = {one.id: one for one in Sender.objects.filter(account=account, id__in=order).select_related("connection")}
    return [found[id_] for id_ in order if id_ in found]


def _blocked(account: Account, sender: Sender | None, recipient: int) -> str:
    """Why the gate lets no reply go now, or ""."""
    if sender is None:
        return ""
    return words.block(gate.may_send(account.id, sender.id, [recipient], pool_id=sender.pool_id).get(recipient))


@senders_only
@require_POST
def reply(request: ConsoleRequest, recipient: int) -> HttpResponse:
    """Answer somebody who wrote, from a number that they wrote to. It needs no way out: they asked."""
    _known(recipient)
    raw, asked = clean(request.POST.get("text", ""))[: MOST_TEXT + 1], clean(request.POST.get("from", ""))
    sender = next((one for one in written_to(request.account, recipient) if one.address == asked), None)
    token = clean(request.POST.get("token", ""))[:40] or secrets.token_hex(16)
    try:
        if sender is None:
            raise outbound.Refused(_("They have texted no number of yours that is in use."), field="from")
        if not handoff.may_be_handed(sender.connection.kind, numbers.show(recipient)):
            raise outbound.Refused(_("This number is reserved for fiction; only the sandbox has it."), field="text")
        draft = Draft(recipient, numbers.show(recipient), outbound.check_text(raw), token)
        if outbound.answer_given(request.account, DOOR, token) is None and (
            why := _blocked(request.account, sender, recipient)
        ):
            raise outbound.Refused(_("Not sent. %(why)s") % {"why": why}, field="text")
        outbound.queue_once(token, sender, [draft], door=DOOR, actor=request.actor)
    except outbound.Refused as error:
        where = "from" if error.field == "from" else "text"
        return _show(request, recipient, Typed(asked, raw, {where: str(error)}))
    notices.success(request, _("The reply is queued."))
    return redirect("conversation", recipient)


@senders_only
@require_POST
def parts(request: ConsoleRequest) -> HttpResponse:
    """How many parts a reply has, while somebody writes it."""
    text = clean(request.POST.get("text", "")).strip()[:MOST_TEXT]
    return render(request, "console/numbers/parts.html", {"written": Written(text, segments.count(text))})


def cursor(moment: datetime) -> str:
    return ids.public(ids.MOMENT, (moment - _EPOCH) // timedelta(microseconds=1))


def _moment(raw: str) -> datetime | None:
    return _EPOCH + timedelta(microseconds=ids.row(ids.MOMENT, raw)) if raw else None


def _known(recipient: int) -> int:
    if not 10 ** (numbers.FEWEST_DIGITS - 1) <= recipient < 10**numbers.MOST_DIGITS:
        raise Http404("There is no such number.")
    return recipient


urlpatterns = [
    path("inbox/parts/", parts, name="conversation_parts"),
    path("inbox/<int:recipient>/", conversation, name="conversation"),
    path("inbox/<int:recipient>/reply/", reply, name="reply"),
]
