"""A number's replies in other languages: who writes in one of them is answered in it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console.access import ConsoleRequest, page, senders_only
from heed.console.numbers import found, line
from heed.core import senders
from heed.core.models import Sender
from heed.core.senders import MOST_REPLY, REPLIES, Setting
from heed.rules import packs, wording
from heed.rules.texts import clean


@dataclass(frozen=True, slots=True)
class Field:
    """One reply in one language; ``usual`` is what is sent without it, ``marketing`` what in it advertises."""

    name: str
    label: str
    text: str
    usual: str
    marketing: str


@page
@require_safe
def translations(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """The languages there are replies in, and an empty set for the one asked for."""
    sender = found(request, public_id)
    asked = request.GET.get("add", "")
    empty: dict[str, dict[str, str]] = {asked: {}} if asked in packs.LANGUAGES else {}
    return _show(request, sender, empty | sender.translations)


@senders_only
@require_POST
def change_translations(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """Save those of all languages; one without any text is gone."""
    sender, given = found(request, public_id), _given(request)
    try:
        senders.change(sender, Setting(translations=given), actor=request.actor)
    except senders.Refused as error:
        return _show(request, sender, given, str(error))
    notices.success(request, _("The replies in other languages are saved."))
    return redirect("translations", public_id)


def _show(request: ConsoleRequest, sender: Sender, given: dict[str, dict[str, str]], error: str = "") -> HttpResponse:
    context = {
        "line": line(sender),
        "languages": [(packs.LANGUAGES[code], _fields(sender, code, given[code])) for code in sorted(given)],
        "others": [one for code, one in packs.LANGUAGES.items() if code not in given],
        "most_reply": MOST_REPLY,
        "error": error,
    }
    return render(request, "console/numbers/translations.html", context, status=422 if error else 200)


def _given(request: ConsoleRequest) -> dict[str, dict[str, str]]:
    """What was typed, by language and reply, from fields like “fr-help_reply”."""
    given: dict[str, dict[str, str]] = {}
    for field, text in request.POST.items():
        code, _dash, name = field.partition("-")
        if name in REPLIES and code in packs.LANGUAGES:
            given.setdefault(code, {})[name] = clean(str(text)).replace("\r\n", "\n").strip()
    return given


def _fields(sender: Sender, code: str, replies: dict[str, str]) -> list[Field]:
    labels = {"reply_message": _("Reply message"), "help_reply": _("Help reply"), "opt_in_reply": _("Opt-in reply")}
    name = sender.account.name if sender.account else ""
    usual = {"help_reply": sender.help_reply or wording.help_answer(name)}
    return [
        Field(
            f"{code}-{reply}",
            labels[reply],
            replies.get(reply, ""),
            usual.get(reply, getattr(sender, reply)) or _("Nothing is sent"),
            wording.marketing_in(replies.get(reply, "")),
        )
        for reply in REPLIES
    ]


urlpatterns = [
    path("numbers/<str:public_id>/languages/", translations, name="translations"),
    path("numbers/<str:public_id>/languages/change/", change_translations, name="change_translations"),
]
