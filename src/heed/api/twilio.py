"""A front for programs written for Twilio: their SDK sends through Heed when its base URL is changed.

Messages are created, fetched, listed, cancelled, redacted and deleted; someone who has opted out is refused at once, with
Twilio's own code 21610. docs/api-twilio.md says what is the same and what is not.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any  # JSON of answers

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from heed.api import twilio_shapes as shapes
from heed.api.errors import MOST_BYTES
from heed.api.rates import rates
from heed.api.twilio_shapes import Problem
from heed.core import accounts, gate, handoff, outbound, queued, senders, webhooks
from heed.core.models import Account, ApiKey, Message, Role, Sender, SenderKind
from heed.core.status_callbacks import sid
from heed.rules import codes, numbers
from heed.rules.texts import clean

log = logging.getLogger(__name__)
DOOR = "twilio"
A_PAGE, MOST_A_PAGE = 50, 1000
FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken")
MEDIA = ("MediaUrl", "ContentSid", "ContentVariables")
View = Callable[..., HttpResponse]


def door(view: View) -> View:
    """``view``, asked only by a working key for its own account, and answering every refusal as Twilio words it."""

    @wraps(view)
    def answered(request: HttpRequest, account_sid: str, **more: str) -> HttpResponse:
        try:
            key, secret = _key(request)
            if sid("AC", key.account_id) != account_sid:
                raise _nothing(request)
            answer = view(request, key, secret, **more)
        except Problem as problem:
            answer = shapes.refusal(problem)
        except (UnreadablePostError, SuspiciousOperation):
            answer = shapes.refusal(Problem(400, shapes.BAD_REQUEST, "This request can’t be read."))
        except (OperationalError, InterfaceError):
            log.exception("A request failed.")
            answer = shapes.refusal(Problem(503, 20503, "Please try again."))
        except Exception:
            log.exception("A request failed.")
            answer = shapes.refusal(Problem(500, 20500, "Something went wrong here; it has been noted."))
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return csrf_exempt(answered)


def _key(request: HttpRequest) -> tuple[ApiKey, str]:
    """The key that signs in, as password of the account's sid; and its secret, which signs callbacks."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
        raise Problem(413, shapes.BAD_REQUEST, "The body is over 10 MB.")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        user = secret = ""
    key = accounts.key_for(secret) if scheme.lower() == "basic" and 0 < len(secret) < 200 else None
    if key is None or user != sid("AC", key.account_id):
        raise Problem(401, shapes.NO_AUTH, "Authenticate: the account's SID as user, a key of Heed as password.")
    if settings.API_RATE and (wait_s := rates.wait_s(key.id, settings.API_RATE)):
        raise Problem(429, shapes.TOO_MANY, f"Too many requests. Wait {math.ceil(wait_s)} seconds.")
    return key, secret


def _nothing(request: HttpRequest) -> Problem:
    return Problem(404, shapes.NOT_FOUND, f"The requested resource {request.path[:200]} was not found")


def _needs_sender(key: ApiKey) -> None:
    if not Role(key.role).may_send:
        raise Problem(403, shapes.NO_AUTH, "A viewer's key only reads.")


@door
def messages(request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
    if request.method in ("GET", "HEAD"):
        return _list(request, key.account)
    if request.method != "POST":
        return _wrong_method("GET, POST")
    _needs_sender(key)
    return JsonResponse(_create(request, key, secret), status=201)


@door
def message(request: HttpRequest, key: ApiKey, secret: str, message_sid: str) -> HttpResponse:
    account = key.account
    row = _found(request, account, message_sid)
    match request.method:
        case "GET" | "HEAD":
            return JsonResponse(shapes.shown(account, row))
        case "POST":
            _needs_sender(key)
            _update(request, row)
            return JsonResponse(shapes.shown(account, _found(request, account, message_sid)))
        case "DELETE":
            _needs_sender(key)
            if not queued.delete(account.id, row.id, actor=f"key {key.name}"):
                raise Problem(409, shapes.NOT_FINAL, "A message is deleted when it has come to its end.")
            return HttpResponse(status=204)
    return _wrong_method("DELETE, GET, POST")


@door
def media(request: HttpRequest, key: ApiKey, secret: str, message_sid: str) -> HttpResponse:
    """Texts have none."""
    _found(request, key.account, message_sid)
    if request.method not in ("GET", "HEAD"):
        return _wrong_method("GET")
    told = shapes.page(key.account, {}, A_PAGE, 0, [], "")
    uri = f"{shapes.messages_uri(key.account)}/{message_sid}/Media.json?PageSize={A_PAGE}&Page=0"
    del told["messages"]
    return JsonResponse(told | {"media_list": [], "uri": uri, "first_page_uri": uri})


@door
def unknown(request: HttpRequest, key: ApiKey, secret: str, **more: str) -> HttpResponse:
    raise _nothing(request)


def _create(request: HttpRequest, key: ApiKey, secret: str) -> dict[str, Any]:
    account, given = key.account, request.POST
    if any(given.get(name) for name in MEDIA):
        raise Problem(400, shapes.NO_MEDIA, "Heed sends texts alone: no media, no content templates.")
    recipient, address = _recipient(account, given.get("To", ""))
    sender = _sender(account, given.get("From", ""), given.get("MessagingServiceSid", ""), recipient)
    if not handoff.may_be_handed(sender.connection.kind, address):
        raise Problem(400, shapes.BAD_TO, "Invalid 'To' Phone Number: it is reserved for fiction.")
    text = _text(given.get("Body", ""))
    due_at = shapes.send_at(given.get("SendAt", ""), given.get("ScheduleType", ""))
    expires_at = shapes.valid_until(given.get("ValidityPeriod", ""), due_at)
    callback = given.get("StatusCallback", "").strip()
    if callback and (problem := webhooks.callback_problem(callback)):
        raise Problem(400, shapes.BAD_CALLBACK, f"Invalid StatusCallback: {problem}")
    if gate.may_send(account.id, sender.id, [recipient], pool_id=sender.pool_id):
        raise Problem(400, shapes.OPTED_OUT, "Attempt to send to unsubscribed recipient")

    def also(ids: Sequence[int]) -> None:
        if callback:
            webhooks.call_back(account, ids, callback, secret)

    draft = outbound.Draft(recipient, address, text)
    options: dict[str, Any] = {"due_at": due_at, "expires_at": expires_at, "actor": f"key {key.name}", "also": also}
    try:
        (made,) = outbound.queue(sender, [draft], door=DOOR, **options)
    except outbound.Refused as error:
        raise Problem(400, shapes.BAD_SENDER, str(error)) from error
    return shapes.shown(account, Message.objects.select_related("sender").get(id=made.id))


def _recipient(account: Account, raw: str) -> tuple[int, str]:
    if not raw.strip():
        raise Problem(400, shapes.NO_TO, "A 'To' phone number is required.")
    try:
        number = numbers.parse(raw, account.country)
    except numbers.BadNumber as error:
        raise Problem(400, shapes.BAD_TO, f"Invalid 'To' Phone Number: {error}") from error
    return number, numbers.show(number)


def _sender(account: Account, raw: str, service: str, recipient: int) -> Sender:
    if not raw.strip() and not service:
        raise Problem(400, shapes.NO_SENDER, "A 'From' phone number is required.")
    if service:
        pool_id = _row_id("MG", service)
        pools = Sender.objects.filter(account=account, kind=SenderKind.POOL, closed_at=None, id=pool_id or 0)
        if (pool := pools.first()) is None or (picked := senders.picked(pool, recipient)) is None:
            raise Problem(400, shapes.BAD_SERVICE, "The Messaging Service is no pool of numbers of this account.")
        return picked
    found = senders.find(account, raw)
    if found is None:
        raise Problem(400, shapes.BAD_SENDER, "The 'From' is no sender of this account.")
    return found


def _text(raw: str) -> str:
    try:
        return outbound.check_text(raw)
    except outbound.Refused as error:
        raise Problem(400, shapes.NO_BODY if error.code == "empty" else shapes.LONG_BODY, str(error)) from error


def _update(request: HttpRequest, row: Message) -> None:
    """Cancel a message that waits, or take away the text of one that has come to its end."""
    status, body = request.POST.get("Status"), request.POST.get("Body")
    if status is not None:
        if status != "canceled":
            raise Problem(400, shapes.BAD_REQUEST, "Status can be set to canceled alone.")
        if not queued.cancel(row.account_id or 0, row.id):
            raise Problem(409, shapes.NOT_CANCELLABLE, "This message no longer waits.")
    elif body is not None:
        if body:
            raise Problem(400, shapes.BAD_REQUEST, "Body can be set to nothing alone, which takes the text away.")
        if not queued.redact(row.account_id or 0, row.id):
            raise Problem(409, shapes.NOT_FINAL, "A text is taken away when its message has come to its end.")
    else:
        raise Problem(400, shapes.BAD_REQUEST, "Give Status=canceled, or an empty Body.")


def _list(request: HttpRequest, account: Account) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in FILTERS}
    size, number = _count(asked["PageSize"], A_PAGE, 1), _count(asked["Page"], 0, 0)
    rows = Message.objects.select_related("sender").filter(account=account).order_by("-id")
    if asked["To"]:
        rows = rows.filter(recipient=_recipient(account, asked["To"])[0])
    if asked["From"]:
        rows = rows.filter(sender=senders.find(account, asked["From"], released=True))
    if asked["DateSent"]:
        begin, end = shapes.day_or_time(asked["DateSent"])
        rows = rows.filter(created_at__gte=begin, created_at__lt=end)
    if asked["DateSent<"]:
        rows = rows.filter(created_at__lt=shapes.day_or_time(asked["DateSent<"])[1])
    if asked["DateSent>"]:
        rows = rows.filter(created_at__gte=shapes.day_or_time(asked["DateSent>"])[0])
    if asked["PageToken"]:
        rows = rows.filter(id__lt=_row_id("PA", asked["PageToken"]) or 0)
    found = list(rows[: size + 1])
    more = sid("PA", found[size - 1].id) if len(found) > size else ""
    shown = [shapes.shown(account, row) for row in found[:size]]
    return JsonResponse(shapes.page(account, asked, size, number, shown, more))


def _count(raw: str, default: int, least: int) -> int:
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and int(raw) >= least):
        raise Problem(400, shapes.BAD_REQUEST, "Page and PageSize are numbers.")
    return min(int(raw), MOST_A_PAGE) if least else int(raw)


def _found(request: HttpRequest, account: Account, message_sid: str) -> Message:
    mine = Message.objects.select_related("sender").filter(account=account, id=_row_id("SM", message_sid) or 0)
    if (found := mine.first()) is None:
        raise _nothing(request)
    return found


def _row_id(prefix: str, raw: str) -> int | None:
    return codes.row_id(settings.ID_KEY, prefix, f"{prefix}_{clean(raw)[2:]}") if raw.startswith(prefix) else None


def _wrong_method(allowed: str) -> HttpResponse:
    answer = shapes.refusal(Problem(405, 20004, "Method not allowed"))
    answer.headers["Allow"] = allowed
    return answer


_HERE = "Accounts/<str:account_sid>"
urlpatterns: list[URLPattern] = [
    path(f"{_HERE}/Messages.json", messages),
    path(f"{_HERE}/Messages/<str:message_sid>.json", message),
    path(f"{_HERE}/Messages/<str:message_sid>/Media.json", media),
    re_path("^(?:Accounts/)?(?P<account_sid>[^/]*)(?P<rest>.*)$", unknown),
]
