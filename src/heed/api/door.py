"""What every request under /v1 passes before its view, and its answer after it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from heed.api.errors import MOST_BYTES, ApiError, answer, too_big, unknown

View = Callable[..., HttpResponse]


def door(view: View) -> View:
    """``view``, asked only with a body that it may read, and answering as JSON also what Django would answer as a page."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            _check_body(request)
            response = view(request, *args, **kwargs)
        except ApiError as error:
            response = answer(error)
        except Http404:
            response = unknown(request)
        except SuspiciousOperation:  # of Django, about headers and parameters
            response = answer(ApiError(400, "This request can’t be read.", "invalid"))
        if response.status_code == 405:
            response = _wrong_method(response["Allow"])
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    return csrf_exempt(answered)


def _check_body(request: HttpRequest) -> None:
    """Refuse by the headers alone what is too big or not JSON. A body without a type is read as JSON."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        raise ApiError(400, "Content-Length is not a number.", "invalid")
    if int(length) > MOST_BYTES:
        raise too_big()
    if int(length) == 0:
        return
    kind, coding = request.content_type or "application/json", request.headers.get("Content-Encoding", "identity")
    if kind != "application/json" or coding != "identity":
        raise ApiError(415, "Send JSON, with Content-Type: application/json.", "unsupported_type")


def _wrong_method(allowed: str) -> HttpResponse:
    methods = ", ".join(sorted(allowed.split(", ")))
    return answer(ApiError(405, f"Only {methods} here.", "method_not_allowed", headers={"Allow": methods}))
