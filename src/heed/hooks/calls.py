"""Where carriers call us: verify, parse, hand to the core, answer in the carrier's manners.

It is a WSGI application of its own. Django's request, routing and response would take longer than all that a STOP does.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any  # WSGI's environ

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from heed import carriers
from heed.core import connections
from heed.core.models import Connection
from heed.hooks.writer import Busy, receipt_writer, writer
from heed.providers.base import BadHook, HookAnswer, HookRequest, Provider
from heed.rules.values import InboundText, Receipt, Setup

log = logging.getLogger(__name__)

PREFIX = "/hooks/"  # then the kind of carrier, a slash, the connection's token; a slash at the end may be left out
MOST_BYTES = 2**20
_KNOWN_FOR_S = 2.0
_known: dict[tuple[str, str], tuple[float, Connection, Provider]] = {}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """One call of a carrier. 200 only after everything in it has committed; 503 asks the carrier to try again."""
    try:
        answer = _answer(environ)
    except BadHook as error:
        answer = _refusal(error.words, error.status)
    except (Busy, DatabaseError, carriers.Unusable, carriers.Refused):
        answer = _refusal("Please try again.", 503)
    except Exception:
        log.exception("A call of a carrier failed.")
        answer = _refusal("Something went wrong here; it has been noted.", 500)
    headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", "5"))
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    return [answer.body]


def _answer(environ: dict[str, Any]) -> HookAnswer:
    found = _connection(environ["PATH_INFO"])
    if found is None:
        raise BadHook("There is no such hook.", 404)
    link, provider = found
    if environ["REQUEST_METHOD"] not in provider.hook_methods:
        raise BadHook(f"{' or '.join(provider.hook_methods)} here.", 405)
    query = environ.get("QUERY_STRING", "")
    url = f"{settings.PUBLIC_URL}{environ['PATH_INFO']}{'?' if query else ''}{query}"
    call = HookRequest(environ["REQUEST_METHOD"], _Headers(environ), _body(environ), url, query)
    provider.verify(call)
    items = provider.parse(call)
    if texts := [item for item in items if isinstance(item, InboundText)]:
        writer.receive(link, texts)
    if receipts := [item for item in items if isinstance(item, Receipt)]:
        receipt_writer.receive(link, receipts)
    try:
        connections.called(link)
    finally:
        close_old_connections()
    for item in items:
        if isinstance(item, Setup):
            carriers.confirm(link, item)
    return provider.answer(call)


class _Headers(Mapping[str, str]):
    """The headers of a WSGI call, by their names in any case."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        value: str = self._environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"]
        return value

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                yield key.removeprefix("HTTP_").replace("_", "-").title()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _body(environ: dict[str, Any]) -> bytes:
    given = environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        raise BadHook("The body has no length.")
    length = int(given)
    if length > MOST_BYTES:
        raise BadHook("The body is over 1 MB.", 413)
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except OSError as error:
        raise BadHook("The body ended early.") from error
    if len(body) < length:
        raise BadHook("The body ended early.")
    return body


def _connection(path: str) -> tuple[Connection, Provider] | None:
    """The connection that this address belongs to, ready to read; a carrier calls it thousands of times a second."""
    if not path.isprintable():  # no database is asked about these
        return None
    kind, _, token = path.removeprefix(PREFIX).removesuffix("/").partition("/")
    found = _known.get((kind, token))
    if found is None or found[0] < time.monotonic():
        try:
            link = Connection.objects.filter(kind=kind, token=token).first()
        finally:
            close_old_connections()
        if link is None:
            return None
        found = _known[kind, token] = (time.monotonic() + _KNOWN_FOR_S, link, carriers.provider(link))
    return found[1:]


def _refusal(words: str, status: int) -> HookAnswer:
    return HookAnswer(status, json.dumps({"message": words}).encode())
