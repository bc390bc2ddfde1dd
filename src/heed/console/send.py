"""Quick send: write one text to a few people, see who gets it and who is left out, send."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from heed.console import ids, message_box, recipients, templates, words
from heed.console.access import ConsoleRequest, senders_only
from heed.core import exits, gate, handoff, outbound, senders
from heed.core.models import Account, Sender
from heed.core.outbound import Draft
from heed.rules import numbers, segments
from heed.rules.merging import Template
from heed.rules.numbers import BadNumber
from heed.rules.segments import Segments
from heed.rules.texts import clean

MOST_RECIPIENTS = 1000
DOOR = "quick_send"


@dataclass(slots=True)
class Composing:
    """What the form holds, as it was typed, and what is wrong with it, by field."""

    sender: Sender | None
    asked_sender: str
    to: str
    text: str
    token: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invalid:
    raw: str
    why: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody whom the gate would stop now. ``recipient`` leads to their history."""

    recipient: int
    phone: str
    why: str


@dataclass(slots=True)
class People:
    """Whom the form names: each once, in order, and what could not be used."""

    recipients: list[int] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    invalid: list[Invalid] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Review:
    """Exactly what Send will do, as things stand now; the claim decides."""

    people: People
    to_send: list[str]
    opted_out: list[LeftOut]
    in_review: list[LeftOut]
    left_another: int  # of those to send to: how many left another sender of the account alone
    counted: Segments

    @property
    def left_out(self) -> int:
        return len(self.opted_out) + len(self.in_review)

    @property
    def parts(self) -> int:
        return self.counted.parts * len(self.to_send)

    @property
    def send(self) -> str:
        """What the button says: the verb and the count."""
        count = len(self.to_send)
        if not count:
            return _("Record %(n)s as not sent") % {"n": f"{self.left_out:,}"}
        return ngettext("Send to %(n)s person", "Send to %(n)s people", count) % {"n": f"{count:,}"}


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def quick_send(request: ConsoleRequest) -> HttpResponse:
    """Compose, review, send. Everything that was typed travels in the form, so that going back loses nothing."""
    if request.method != "POST":
        composing = _composing(request, request.GET)
        composing.text = templates.inserted(request.account, composing.text, request.GET.get("template", ""))
        return _compose(request, composing)
    composing = _composing(request, request.POST)
    if line := request.POST.get("line"):
        composing.text = message_box.with_line(composing.text, clean(line))
        return _compose(request, composing)
    if request.POST.get("do") == "template":
        composing.text = templates.inserted(request.account, composing.text, request.POST.get("template", ""))
        return _compose(request, composing)
    if request.POST.get("do") == "edit":
        return _compose(request, composing)
    people = _check(request.account, composing)
    if composing.errors or composing.sender is None:
        return _compose(request, composing, status=422)
    if request.POST.get("do") == "send" and composing.token:
        return _send(request, composing, composing.sender, people)
    return _review(request, composing, composing.sender, people)


def _countries(account: Account, composing: Composing) -> set[str]:
    """Where those live who are typed so far; what is no number yet counts for nothing."""
    asked = recipients.split(composing.to)[:MOST_RECIPIENTS]
    return exits.countries_of(_people(account, None, asked).recipients)


def _composing(request: ConsoleRequest, data: dict[str, str]) -> Composing:
    asked = clean(data.get("from", "")).strip()
    sender = senders.find(request.account, asked) if asked else None
    text = clean(data.get("text", "")).replace("\r\n", "\n")
    return Composing(sender, asked, clean(data.get("to", "")), text, clean(data.get("token", ""))[:40])


def _check(account: Account, composing: Composing) -> People:
    errors = composing.errors
    if composing.sender is None:
        errors["from"] = _("Pick a sender that is in use.") if composing.asked_sender else _("Pick a sender.")
    if not composing.text.strip():
        errors["text"] = _("Write a message.")
    elif fields := Template.of(composing.text).fields:
        errors["text"] = _("Write something in place of %(field)s: only a campaign has columns to fill it from.") % {
            "field": f"${{{fields[0].name}}}"
        }
    elif (parts := segments.count(composing.text[: message_box.MOST_TEXT]).parts) > outbound.MOST_PARTS:
        errors["text"] = _("This message has %(parts)s parts; at most %(most)s can be sent. Shorten it.") % {
            "parts": f"{parts}+" if len(composing.text) > message_box.MOST_TEXT else parts,
            "most": outbound.MOST_PARTS,
        }
    asked = recipients.split(composing.to)
    if len(asked) > MOST_RECIPIENTS:
        errors["to"] = _(
            "You gave %(count)s recipients; a quick send takes at most %(most)s. Remove some, or send in several goes."
        ) % {"count": f"{len(asked):,}", "most": f"{MOST_RECIPIENTS:,}"}
        return People()
    if not asked:
        errors["to"] = _("Give at least one phone number.")
    people = _people(account, composing.sender, asked)
    if asked and not people.recipients:
        errors["to"] = _("None of these is a phone number that a message can be sent to: %(why)s") % {
            "why": "; ".join(f"“{one.raw[:40]}”: {one.why}" for one in people.invalid[:3])
        }
    return people


def _people(account: Account, sender: Sender | None, asked: Sequence[str]) -> People:
    people = People()
    seen: set[int] = set()
    for raw in asked:
        try:
            recipient = numbers.parse(raw, account.country)
        except BadNumber as error:
            people.invalid.append(Invalid(raw, str(words.BAD_NUMBER[error.code])))
            continue
        if recipient in seen:
            people.repeated.append(raw)
        elif sender and not handoff.may_be_handed(sender.connection.kind, numbers.show(recipient)):
            people.invalid.append(Invalid(raw, _("This number is reserved for fiction; only the sandbox has it.")))
        else:
            seen.add(recipient)
            people.recipients.append(recipient)
    return people


def _compose(request: ConsoleRequest, composing: Composing, status: int = 200) -> HttpResponse:
    account = request.account
    open_ones = senders.usable(account)
    choices = sorted(open_ones, key=lambda sender: (not sender.takes_replies, sender.address))
    if composing.sender is None and not composing.asked_sender and choices:
        composing.sender = choices[0]
    context = message_box.under(account, composing.sender, composing.text, _countries(account, composing)) | {
        "composing": composing,
        "choices": choices,
        "templates": templates.choices(account),
        "most": f"{MOST_RECIPIENTS:,}",
        "country": account.country,
    }
    return render(request, "console/send/compose.html", context, status=status)


@senders_only
@require_POST
def count(request: ConsoleRequest) -> HttpResponse:
    """The part under the message, while somebody writes. By POST because texts don't belong in addresses and logs."""
    composing = _composing(request, request.POST)
    countries = _countries(request.account, composing)
    context = message_box.under(request.account, composing.sender, composing.text, countries) | {
        "composing": composing,
        "is_part": True,
    }
    return render(request, "console/send/count.html", context)


def _review(
    request: ConsoleRequest, composing: Composing, sender: Sender, people: People, status: int = 200
) -> HttpResponse:
    composing.token = secrets.token_hex(16)
    composing.text = outbound.check_text(composing.text)
    countries = exits.countries_of(people.recipients)
    context = message_box.under(request.account, composing.sender, composing.text, countries) | {
        "composing": composing,
        "sender": sender,
        "review": _reviewed(request.account, sender, people, composing.text),
    }
    return render(request, "console/send/review.html", context, status=status)


def _reviewed(account: Account, sender: Sender, people: People, text: str) -> Review:
    reach = gate.reach(account.id, sender.id, people.recipients, pool_id=sender.pool_id)
    blocked = reach.blocked
    going = [one for one in people.recipients if one not in blocked]
    left_out = {
        reason: [
            LeftOut(one, numbers.pretty(one), words.block(blocked[one]))
            for one in people.recipients
            if one in blocked and blocked[one].reason == reason
        ]
        for reason in ("opted_out", "in_review")
    }
    return Review(
        people,
        [numbers.pretty(one) for one in going],
        left_out["opted_out"],
        left_out["in_review"],
        len(reach.left_another),
        segments.count(text),
    )


def _send(request: ConsoleRequest, composing: Composing, sender: Sender, people: People) -> HttpResponse:
    text, token = outbound.check_text(composing.text), composing.token
    try:
        _check_exit(request, token, sender, people, text)
    except exits.Refused as error:
        composing.errors["reason"] = str(error)
        return _review(request, composing, sender, people, status=422)
    drafts = [Draft(recipient, numbers.show(recipient), text, token) for recipient in people.recipients]
    try:
        sent = outbound.queue_once(token, sender, drafts, door=DOOR, actor=request.actor)
    except outbound.Refused as error:  # released since it was looked up
        composing.errors["from"] = str(error)
        return _compose(request, composing, status=422)
    states = Counter(request.account.message_set.filter(id__in=sent).values_list("state", flat=True))
    stopped = states["suppressed"]
    going = states.total() - stopped
    if going:
        told = ngettext("Queued for %(n)s person.", "Queued for %(n)s people.", going) % {"n": f"{going:,}"}
        notices.success(request, told)
    if stopped:
        told = ngettext(
            "Not sent to %(n)s person who opted out or is in review.",
            "Not sent to %(n)s people who opted out or are in review.",
            stopped,
        )
        notices.warning(request, told % {"n": f"{stopped:,}"})
    span = {"first": ids.public(ids.MESSAGE, sent[0]), "last": ids.public(ids.MESSAGE, sent[-1])}
    return redirect(f"{reverse('messages')}?{urlencode(span)}")


def _check_exit(request: ConsoleRequest, token: str, sender: Sender, people: People, text: str) -> None:
    """Raise exits.Refused for a text without a way out where one is demanded, unless an administrator says why."""
    if outbound.answer_given(request.account, DOOR, token) is not None:
        return  # a second click on what has gone
    reason = clean(request.POST.get("reason", "")) if request.role.may_lift else ""
    countries = exits.countries_of(people.recipients)
    with transaction.atomic(durable=True):
        exits.check(
            request.account, sender, text, countries, reason=reason, subject=sender.address, actor=request.actor
        )


urlpatterns = [
    path("send/", quick_send, name="quick_send"),
    path("send/count/", count, name="quick_send_count"),
]
