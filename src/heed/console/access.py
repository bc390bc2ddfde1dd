"""Who is signed in, and to which account: asked once for each request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def AccountMiddleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    return get_response


def context(request: HttpRequest) -> dict[str, object]:
    return {}
