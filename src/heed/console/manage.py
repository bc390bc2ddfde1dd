"""Manage number: one number's keywords, replies and account-level switch, and what was texted to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from heed.console import offers, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.console.inbox import lines as lines_of
from heed.console.numbers import found, line
from heed.console.recipients import pretty
from heed.console.words import Badge
from heed.core import senders, verdicts
from heed.core.models import Inbound, Keyword, Sender
from heed.core.senders import MOST_REPLY, Setting, Word
from heed.core.verdicts import Trial
from heed.rules import keywords, packs, segments, wording
from heed.rules.segments import Segments
from heed.rules.texts import clean

RECENT = 10  # texts
SHOWN = 20  # texts that would have read otherwise
REPLIES = ("reply_message", "help_reply", "opt_in_reply")
FIXED = frozenset(keywords.key(word) for word in senders.FIXED_WORDS)
_BETWEEN = re.compile("[\n\r,;\u060c\u3001\uff0c\uff1b]+")  # commas and semicolons, also Arabic and Chinese ones


@dataclass(frozen=True, slots=True)
class Written:
    """What stands under a reply while it is written: its parts, and what in it is marketing."""

    text: str
    counted: Segments
    marketing: str = ""


def written(text: str) -> Written:
    return Written(text, segments.count(text), wording.marketing_in(text))


@dataclass(frozen=True, slots=True)
class Shown:
    """One keyword as its row shows it. A fixed one can't be removed."""

    word: str
    key: str
    reply: Written
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """One of the number's replies: what it is for, and what happens without one."""

    name: str
    label: str
    hint: str
    reply: Written
    error: str = ""


@dataclass(slots=True)
class Typed:
    """What was typed and could not be saved, with the errors beside it."""

    words: str = ""
    reply: str = ""
    opt_in_words: str | None = None
    replies: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    tries: str = ""  # what the trial is of: "words" or "opt_in_words"


@page
@require_safe
def number(request: ConsoleRequest, public_id: str) -> HttpResponse:
    return _show(request, found(request, public_id), Typed())


def _show(request: ConsoleRequest, sender: Sender, typed: Typed) -> HttpResponse:
    others = Sender.objects.filter(account=request.account, closed_at=None, pool_id=0).exclude(pk=sender.pk)
    recent = Inbound.objects.filter(sender=sender, account=request.account).select_related("sender").order_by("-id")
    shown = _keywords(sender, typed)
    context = {
        "line": line(sender),
        "sender": sender,
        "pretty": pretty(sender.address),
        "keywords": shown,
        "offers": offers.of(sender, {one.key for one in shown}),
        "removed": offers.removed(sender, request.GET.get("removed", "")),
        "fixed_words": _fixed_words(sender),
        "replies": _replies(request, sender, typed),
        "opt_in_words": ", ".join(sender.opt_in_words) if typed.opt_in_words is None else typed.opt_in_words,
        "typed": typed,
        "most_reply": MOST_REPLY,
        "others": others.count(),
        "is_nanp": senders.is_nanp(sender),
        "all_on": request.account.new_numbers_account_level,
        "otherwise": _otherwise(typed.trial) if typed.trial else [],
        "texts": lines_of(request.account, list(recent[:RECENT])),
    }
    return render(request, "console/numbers/manage.html", context, status=422 if typed.errors else 200)


def _otherwise(trial: Trial) -> list[tuple[str, str, Badge, Badge]]:
    """The texts that would have read otherwise: from whom, what, as what, and as what they would have."""
    return [
        (pretty(row.from_address), row.text, words.verdict(was), words.verdict(then))
        for row, was, then in trial.changed[:SHOWN]
    ]


def _keywords(sender: Sender, typed: Typed) -> list[Shown]:
    rows = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id")
    shown = []
    for row in rows:
        reply = typed.replies.get(row.key, row.reply)
        shown.append(Shown(row.word, row.key, written(reply), row.key in FIXED))
    return sorted(shown, key=lambda one: not one.is_fixed)


def _fixed_words(sender: Sender) -> str:
    """The words beside the listed ones that opt out here whatever is set, as the law of +1 numbers has it."""
    per_se = [word for word in packs.PER_SE if word not in senders.FIXED_WORDS] if senders.is_nanp(sender) else []
    return ", ".join(("STOPALL", *per_se))


def _replies(request: ConsoleRequest, sender: Sender, typed: Typed) -> list[Reply]:
    help_answer = wording.help_answer(request.account.name)
    told = [
        (
            "reply_message",
            _("Reply message"),
            _("To who opts out here by a keyword without a reply of its own. Empty: nothing is sent."),
        ),
        (
            "help_reply",
            _("Help reply"),
            _("To HELP and INFO, at most once an hour. Empty: “%(text)s”.") % {"text": help_answer},
        ),
        ("opt_in_reply", _("Opt-in reply"), _("To who opts in again. Empty: nothing is sent.")),
    ]
    return [
        Reply(name, label, hint, written(typed.replies.get(name, getattr(sender, name))), typed.errors.get(name, ""))
        for name, label, hint in told
    ]


@senders_only
@require_POST
def change_replies(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Save the number's own replies and its opt-in words."""
    sender = found(request, public_id)
    given = {name: _text(request, name) for name in REPLIES}
    raw = clean(request.POST.get("opt_in_words", ""))
    setting = Setting(
        reply_message=given["reply_message"],
        help_reply=given["help_reply"],
        opt_in_reply=given["opt_in_reply"],
        opt_in_words=_split(raw),
    )
    typed = Typed(opt_in_words=raw, replies=given)
    try:
        if request.POST.get("do") == "try":
            asked = senders.opt_in_words(sender, setting)
            typed.trial, typed.tries = _tried(sender, opt_in_words=asked), "opt_in_words"
            return _show(request, sender, typed)
        senders.change(sender, setting, actor=request.actor)
    except senders.Refused as error:
        typed.errors = {error.field: str(error)}
        return _show(request, sender, typed)
    notices.success(request, _("The replies of %(number)s are saved.") % {"number": pretty(sender.address)})
    return redirect("number", public_id)


@senders_only
@require_POST
def add_keywords(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Add one keyword or, between commas, several, with one reply for them."""
    sender, raw, reply = found(request, public_id), clean(request.POST.get("words", "")), _text(request, "reply")
    asked = [Word(word, reply) for word in _split(raw)]
    try:
        if not asked:
            raise senders.Refused(_("Write at least one keyword."), field="words")
        if request.POST.get("do") == "try":
            return _show(request, sender, Typed(raw, reply, trial=_tried(sender, asked), tries="words"))
        senders.change_keywords(sender, lambda had: [*had, *asked], actor=request.actor)
    except senders.Refused as error:
        where = "reply" if error.code == "too_long" else "words"
        return _show(request, sender, Typed(raw, reply, errors={where: str(error)}))
    named = ", ".join(word.word for word in asked[:5])
    count = ngettext("%(words)s opts out now.", "%(words)s opt out now.", len(asked)) % {"words": named}
    notices.success(request, count)
    return redirect("number", public_id)


def _tried(sender: Sender, more: Sequence[Word] = (), opt_in_words: Sequence[str] | None = None) -> Trial:
    """What the change would have done to the last texts. Raises Refused for a risky keyword, as adding it does."""
    for one in more:
        if risk := senders.risk_of(one.word, sender.opt_in_words):
            raise senders.Refused(risk, code="risky", field="keywords")
    return verdicts.try_words(sender, timezone.now(), more=[one.word for one in more], opt_in_words=opt_in_words)


@senders_only
@require_POST
def change_keywords(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Save the replies of all keywords; the button of one row removes its keyword instead."""
    sender = found(request, public_id)
    gone = request.POST.get("remove", "")
    replies = {name.removeprefix("reply-"): _text(request, name) for name in request.POST if name.startswith("reply-")}

    def edit(had: list[Word]) -> list[Word]:
        keyed = [(keywords.key(one.word), one) for one in had]
        if gone:
            return [one for key, one in keyed if key != gone or key in FIXED]
        return [Word(one.word, replies.get(key, one.reply)) for key, one in keyed]

    try:
        senders.change_keywords(sender, edit, actor=request.actor)
    except senders.Refused as error:
        return _show(request, sender, Typed(replies=replies, errors={"keywords": str(error)}))
    if gone:
        return redirect(f"{reverse('number', args=[public_id])}?{urlencode({'removed': gone})}")
    notices.success(request, _("The replies are saved."))
    return redirect("number", public_id)


def _text(request: ConsoleRequest, name: str) -> str:
    return clean(request.POST.get(name, "")).replace("\r\n", "\n").strip()


def _split(raw: str) -> list[str]:
    return [word for word in (" ".join(part.split()) for part in _BETWEEN.split(raw)) if word]


@senders_only
@require_POST
def parts(request: ConsoleRequest) -> HttpResponse:
    """How many parts a reply has and what in it may not be, while somebody writes it.

    By POST because texts don't belong in addresses and logs.
    """
    text = _text(request, request.htmx.trigger_name or "")  # beside it come the other fields of its form
    return render(request, "console/numbers/parts.html", {"written": written(text[:MOST_REPLY])})


urlpatterns = [
    path("numbers/parts/", parts, name="reply_parts"),
    path("numbers/<str:public_id>/", number, name="number"),
    path("numbers/<str:public_id>/replies/", change_replies, name="change_replies"),
    path("numbers/<str:public_id>/keywords/", change_keywords, name="change_keywords"),
    path("numbers/<str:public_id>/keywords/add/", add_keywords, name="add_keywords"),
]
