"""What every endpoint shares: the key, the rights of its role, errors as JSON, ids and pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any  # JSON of answers, and Ninja's own types.

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import APIKeyHeader

from heed.core import accounts, outbound, senders
from heed.core.models import Account, ApiKey, Role, Sender
from heed.rules import codes, numbers

log = logging.getLogger(__name__)
MOST_ITEMS = 1000


class ApiError(Exception):
    """A refusal, as ``{"message", "code", "field"}``."""

    def __init__(self, status: int, message: str, code: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.field = status, message, code, field


class KeyHeader(APIKeyHeader):
    param_name = "X-AUTH-KEY"

    def authenticate(self, request: HttpRequest, key: str | None) -> ApiKey | None:
        return accounts.key_for(key) if key and len(key) < 200 else None


api = NinjaAPI(
    title="Heed",
    version="1",
    description="Send texts, and honour every opt-out. Keys go into the header X-AUTH-KEY.",
    auth=KeyHeader(),
    urls_namespace="api",
)


def both(method: Callable[..., Any], path: str, **options: Any) -> Callable[[Any], Any]:
    """Register a view with and without the slash at its end; clients write it either way."""

    def register(view: Any) -> Any:
        method(f"{path}/", include_in_schema=False, **options)(view)
        return method(path, **options)(view)

    return register


def account_of(request: HttpRequest) -> Account:
    account: Account = request.auth.account  # type: ignore[attr-defined]  # the key that KeyHeader found
    return account


def actor_of(request: HttpRequest) -> str:
    return f"key {request.auth.name}"  # type: ignore[attr-defined]


def role_of(request: HttpRequest) -> Role:
    return Role(request.auth.role)  # type: ignore[attr-defined]


def needs_sender(request: HttpRequest) -> None:
    """Refuse viewers' keys."""
    if not role_of(request).may_send:
        raise ApiError(403, "A viewer's key only reads.", "forbidden")


def shown(prefix: str, row_id: int) -> str:
    return codes.public_id(settings.ID_KEY, prefix, row_id)


def row_id(prefix: str, public: str) -> int:
    """The row behind a public id. An unknown one is 404."""
    found = codes.row_id(settings.ID_KEY, prefix, public)
    if found is None:
        raise ApiError(404, "There is nothing with this id.", "not_found")
    return found


def sender_named(account: Account, raw: str, field: str) -> Sender:
    found = senders.find(account, raw)
    if found is None:
        raise ApiError(400, "The account has no such sender.", "unknown_sender", field)
    return found


def page_size(limit: int) -> int:
    if not 1 <= limit <= MOST_ITEMS:
        raise ApiError(400, f"limit is 1 to {MOST_ITEMS:,}.", "invalid", "limit")
    return limit


def start_of(cursor: str | None) -> int | None:
    """The id that a page starts below."""
    if not cursor:
        return None
    found = codes.row_id(settings.ID_KEY, "cur", cursor)
    if found is None:
        raise ApiError(400, "This is no cursor that a list gave.", "invalid", "next")
    return found


def page_of(rows: list[Any], limit: int, item: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """One page from up to ``limit`` + 1 rows, newest first."""
    more = shown("cur", rows[limit - 1].id) if len(rows) > limit else None
    return {"items": [item(row) for row in rows[:limit]], "next": more}


def time_shown(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def refused(status: int, message: str, code: str, field: str | None = None) -> HttpResponse:
    body = {"message": message, "code": code, "field": field or None}
    return api.create_response(HttpRequest(), body, status=status)


api.exception_handler(ApiError)(lambda _, e: refused(e.status, e.message, e.code, e.field))
api.exception_handler(senders.Refused)(lambda _, e: refused(409 if e.code == "taken" else 400, str(e), e.code, e.field))
api.exception_handler(outbound.Refused)(
    lambda _, e: refused(409 if e.code == "idempotency" else 400, str(e), e.code, e.field)
)
api.exception_handler(numbers.BadNumber)(lambda _, e: refused(400, str(e), e.code))
api.exception_handler(AuthenticationError)(
    lambda _, e: refused(401, "Give a working key in X-AUTH-KEY.", "unauthorized")
)
api.exception_handler(HttpError)(lambda _, e: refused(e.status_code, str(e), "invalid"))


@api.exception_handler(ValidationError)
def invalid(_: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    field = ".".join(str(part) for part in first["loc"][2:]) or None
    return refused(400, str(first["msg"]), "invalid", field)


@api.exception_handler(Exception)
def failed(_: HttpRequest, error: Exception) -> HttpResponse:
    log.error("A request failed.", exc_info=error)
    if isinstance(error, DatabaseError):
        return refused(503, "Please try again.", "busy")
    return refused(500, "Something went wrong here; it has been noted.", "internal")
