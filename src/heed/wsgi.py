"""The WSGI application: pages through the whole chain of middleware, /v1 through a short one, carriers' hooks past Django.

Sessions, messages and locales cost a request a fourth of its time, and programs use none of them. The API's own page is
a page: it gets the Content-Security-Policy of the others.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import Any  # WSGI's environ

from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

SHORT_PATHS = ("/hooks/", "/v1/", "/2010-04-01/", "/healthz", "/metrics")
PAGES = ("/v1/docs",)
MOST_BYTES = 10 * 2**20  # the most that any of the short paths takes
MOST_FORM_BYTES = 101 * 2**20  # a file of 100 MB, and the form around it


class ShortChain(BaseHandler):
    """A handler without middleware. The test client can be given it too."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        respond = self._get_response  # type: ignore[attr-defined]  # private, and so without types
        self._middleware_chain = convert_exception_to_response(respond)


class ShortHandler(ShortChain, WSGIHandler):
    pass


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.settings")
_pages = get_wsgi_application()
_programs = ShortHandler()

from heed.hooks import calls  # noqa: E402  # its models need Django set up


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ.get("PATH_INFO", "")
    if path in PAGES or not path.startswith(SHORT_PATHS):
        if _length(environ) > MOST_FORM_BYTES:  # Django would keep it on disk before any view could refuse it.
            return _too_large(start_response)
        return _pages(environ, start_response)
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        _measure(environ)
    if path.startswith(calls.PREFIX):
        return calls.application(environ, start_response)
    return _programs(environ, start_response)


def _length(environ: dict[str, Any]) -> int:
    given = environ.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isascii() and given.isdigit() else 0


def _too_large(start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = b"This is over 100 MB. Send less at once."
    start_response(
        "413 Content Too Large",
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), ("Connection", "close")],
    )
    return [body]


def _measure(environ: dict[str, Any]) -> None:
    """Read a body that came in chunks: Django reads as much as Content-Length says. One byte over is refused as too big."""
    body = environ["wsgi.input"].read(MOST_BYTES + 1)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
