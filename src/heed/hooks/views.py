"""Where carriers call us: verify, parse, hand to the core, answer in the carrier's manners."""

from __future__ import annotations

import time

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from heed import carriers
from heed.core.models import Connection
from heed.hooks.writer import Busy, writer
from heed.providers.base import BadHook, HookRequest
from heed.rules.values import InboundText

MOST_BYTES = 2**20
_KNOWN_FOR_S = 2.0
_known: dict[tuple[str, str], tuple[float, Connection]] = {}


@csrf_exempt
def hook(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """One call of a carrier. 200 only after everything in it has committed; 503 asks the carrier to try again."""
    try:
        link = _connection(kind, token)
        if link is None:
            return _refusal("There is no such hook.", 404)
        provider = carriers.provider(link)
        call = HookRequest(request.method or "", request.headers, _body(request))
        provider.verify(call)
        texts = [item for item in provider.parse(call) if isinstance(item, InboundText)]
        if texts:
            writer.receive(link, texts)
        answer = provider.answer(call)
    except BadHook as error:
        return _refusal(error.words, error.status)
    except (Busy, DatabaseError):
        refusal = _refusal("Please try again.", 503)
        refusal["Retry-After"] = "5"
        return refusal
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def _body(request: HttpRequest) -> bytes:
    if request.method != "POST":
        raise BadHook("POST here.", 405)
    try:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.body if length <= MOST_BYTES else None
    except (ValueError, RequestDataTooBig):
        body = None
    except UnreadablePostError as error:
        raise BadHook("The body ended early.") from error
    if body is None or len(body) > MOST_BYTES:
        raise BadHook("The body is over 1 MB.", 413)
    return body


def _connection(kind: str, token: str) -> Connection | None:
    """The connection that this address belongs to; a carrier calls it thousands of times a second."""
    found = _known.get((kind, token))
    if found is None or found[0] < time.monotonic():
        link = Connection.objects.filter(kind=kind, token=token).first()
        if link is None:
            return None
        found = _known[kind, token] = (time.monotonic() + _KNOWN_FOR_S, link)
    return found[1]


def _refusal(words: str, status: int) -> JsonResponse:
    return JsonResponse({"message": words}, status=status)
