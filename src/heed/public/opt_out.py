"""The page behind an opt-out link: one phone number, no sign-in, no cookie, no script. POST opts out; GET never does.

A personal link knows the number already, so that its page asks for one tap alone. Every page is in the visitor's own
language and in the account's colours.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Any  # What a template is given.

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from heed.core import consent, links, senders
from heed.core.consent import Cause
from heed.core.models import Account, Message, Source
from heed.public import languages
from heed.public.visitors import Limit, address_of
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.texts import clean

MOST_BYTES = 10_000  # of a body: a phone number and what browsers put around it
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MESSAGED_WITHIN = timedelta(days=60)
limit = Limit(posts=20, window_s=600)  # thousands of phones share one address, so beyond it there is one tap more

PICK = languages.LANGUAGES.items()

WORDS = {
    "empty": gettext_lazy("Please write your phone number."),
    "not_a_number": gettext_lazy("This is not a phone number. Please write digits, like on a telephone."),
    "no_country": gettext_lazy("Please write this number with + and its country code."),
    "too_short": gettext_lazy("This number is too short. Is a digit missing?"),
    "too_long": gettext_lazy("This number is too long. Please write one number."),
    "not_valid": gettext_lazy(
        "We don't know this kind of number. Please check it, or write it with + and its country code."
    ),
    "several": gettext_lazy("Please write one phone number at a time."),
    "unreadable": gettext_lazy("We could not read this form. Please write your phone number here."),
}


class Unclear(ValueError):
    """The form names no number that can be opted out. ``typed`` is what to show again."""

    def __init__(self, code: str, typed: str = "") -> None:
        super().__init__(code)
        self.code, self.typed = code, typed


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, link_code: str, personal_code: str = "") -> HttpResponse:
    """Ask for a number, and opt it out of the account. What is said never depends on what was known of the number.

    A personal code whose message is gone, or that was copied wrongly, asks for the number as the account's own link does.
    """
    with translation.override(languages.of(request)):
        return _form(request, link_code, personal_code)


def _form(request: HttpRequest, link_code: str, personal_code: str) -> HttpResponse:
    try:
        account = Account.objects.filter(link_code=link_code).first()  # a closed account's link works too
        if account is None:
            return _page("unknown", 404, pick=PICK)
        if personal_code and (message := links.message_of(account, personal_code)):
            return _personal(request, account, message.recipient)
        if request.method != "POST":
            return _page("form", account=account, pick=PICK)
        return _posted(request, account)
    except (OperationalError, InterfaceError):
        response = _page("unavailable", 503)
        response["Retry-After"] = "10"
        return response


def _personal(request: HttpRequest, account: Account, recipient: int) -> HttpResponse:
    """One tap, never limited. People forward messages, so the number is shown masked."""
    shown = numbers.mask(recipient)
    if request.method != "POST":
        return _page("personal", account=account, shown=shown, pick=PICK, picked=request.GET.get(languages.PICKED))
    consent.opt_out(account.id, ALL_SENDERS, recipient, Cause(Source.WEB_FORM, rule="personal link"))
    return _page("done", account=account, shown=shown, **_way_back(account))


def _posted(request: HttpRequest, account: Account) -> HttpResponse:
    try:
        fields = _fields(request)
        recipient = _number(fields.getlist("phone"), account.country)
    except Unclear as error:
        return _page("form", 400, account=account, pick=PICK, error=WORDS[error.code], typed=error.typed)
    shown = numbers.pretty(recipient)
    if "confirm" not in fields and _asks_again(request, account, recipient):
        return _page("confirm", account=account, phone=numbers.show(recipient), shown=shown)
    consent.opt_out(account.id, ALL_SENDERS, recipient, Cause(Source.WEB_FORM))
    return _page("done", account=account, shown=shown, **_way_back(account))


def _fields(request: HttpRequest) -> MultiValueDict[str, str]:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.content_type not in FORMS or not length.isdecimal() or int(length) > MOST_BYTES:
        raise Unclear("unreadable")
    try:
        if len(request.body) < int(length):  # Cut off in the middle of a number, it may be somebody else's.
            raise Unclear("unreadable")
        return request.POST
    except (MultiPartParserError, SuspiciousOperation, BadRequest, UnreadablePostError) as error:
        raise Unclear("unreadable") from error


def _number(given: list[str], country: str) -> int:
    typed = clean(given[0]) if given else ""
    if len(given) > 1:
        raise Unclear("several", typed)
    if any(unicodedata.category(char) in _NEVER_IN_A_NUMBER and not char.isspace() for char in typed):
        raise Unclear("not_a_number", typed)
    try:
        return numbers.parse(typed, country)
    except numbers.BadNumber as error:
        # No opt-out is refused because a country's numbers are not known here yet.
        number = numbers.originator(typed) if typed.strip().startswith("+") else None
        if number is not None and error.code == "not_valid" and numbers.region_of(number) is None:
            return number
        raise Unclear(error.code, typed) from error


# Pictures, controls and what is no character: phonenumbers looks past them to digits nearby.
_NEVER_IN_A_NUMBER = frozenset({"Cc", "Cn", "Co", "Cs", "So"})


def _asks_again(request: HttpRequest, account: Account, recipient: int) -> bool:
    forwarded_for = request.headers.get("X-Forwarded-For", "")
    visitor = address_of(request.META.get("REMOTE_ADDR", ""), forwarded_for, settings.TRUSTED_PROXIES)
    return limit.is_exceeded(visitor) and not _was_messaged(account, recipient)


def _was_messaged(account: Account, recipient: int) -> bool:
    since = timezone.now() - MESSAGED_WITHIN
    return Message.objects.filter(account=account, recipient=recipient, created_at__gte=since).exists()


def _way_back(account: Account) -> dict[str, Any]:
    shared = senders.shared_number()
    return {"keyword": f"{account.free_prefix}START", "number": shared.address} if shared else {}


def _page(name: str, status: int = 200, account: Account | None = None, **context: object) -> HttpResponse:
    """A page in the language of the moment. ``pick`` offers the others; not where it would lose what was just done."""
    if account is not None:
        context |= {"account": account, "name": _set_apart(account.name)}
    # Rendered without the request: no context processor can touch a session or set a cookie.
    response = HttpResponse(render_to_string(f"public/{name}.html", context), status=status)
    response["Content-Language"] = translation.get_language() or languages.DEFAULT
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _set_apart(name: str) -> str:
    """``name`` so that its letters, of whatever direction, don't reorder the words around it (Unicode's isolates)."""
    return f"\u2068{name}\u2069" if translation.get_language_bidi() else name
