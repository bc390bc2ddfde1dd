"""Refusals. Whatever goes wrong below /v1 is answered as JSON of one form: ``{"message", "code", "field"}``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from ninja import Field, NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel

from heed.core.refused import Refused
from heed.rules import numbers

log = logging.getLogger(__name__)
BUSY_FOR_S = 5
MOST_BYTES = 10 * 2**20
CONFLICTS = ("taken", "idempotency")  # codes of refusals that come from what there is already

Failure = TypeVar("Failure", bound=Exception)


class Error(BaseModel):
    message: str = Field(
        description="What is wrong, in words for people.", examples=["The account has no such sender."]
    )
    code: str = Field(description="The same for programs.", examples=["unknown_sender"])
    field: str | None = Field(description="Where in the request, if in one place.", examples=["from"])


class ApiError(Exception):
    """A refusal with everything that its answer says."""

    def __init__(
        self, status: int, message: str, code: str, field: str | None = None, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.field = status, message, code, field
        self.headers = headers or {}


def answer(error: ApiError) -> HttpResponse:
    body = {"message": error.message, "code": error.code, "field": error.field or None}
    return JsonResponse(body, status=error.status, headers=error.headers)


def not_here() -> ApiError:
    return ApiError(404, "There is nothing with this id.", "not_found")


def too_big() -> ApiError:
    return ApiError(413, "The body is over 10 MB.", "too_big")


def answer_all(api: NinjaAPI) -> None:
    """Have ``api`` answer every exception in our form."""

    def on(kind: type[Failure], told: Callable[[Failure], ApiError]) -> None:
        api.exception_handler(kind)(lambda _, error: answer(told(error)))

    on(ApiError, lambda error: error)
    on(Refused, _refused)
    on(numbers.BadNumber, lambda error: ApiError(400, str(error), error.code))
    on(AuthenticationError, lambda _: _no_key())
    on(ValidationError, _of_validation)
    on(HttpError, _of_ninja)
    on(Http404, lambda _: not_here())
    on(UnreadablePostError, lambda _: ApiError(400, "The body ended early.", "invalid"))
    on(Exception, _unforeseen)


def _refused(error: Refused) -> ApiError:
    return ApiError(409 if error.code in CONFLICTS else 400, str(error), error.code, error.field)


def _no_key() -> ApiError:
    words = "Give a working key in X-AUTH-KEY."
    return ApiError(401, words, "unauthorized", headers={"WWW-Authenticate": 'ApiKey realm="Heed"'})


def _of_validation(error: ValidationError) -> ApiError:
    """The first of what is wrong. Ninja puts the parameter's own name between the source and a body's fields."""
    first = error.errors[0]
    source, *where = first["loc"]
    field = ".".join(str(part) for part in (where[1:] if source == "body" else where))
    return ApiError(400, str(first["msg"]).removeprefix("Value error, "), "invalid", field)


def _of_ninja(error: HttpError) -> ApiError:
    return ApiError(error.status_code, "This is not JSON." if error.__cause__ else str(error), "invalid")


def _unforeseen(error: Exception) -> ApiError:
    log.error("A request failed.", exc_info=error)
    if isinstance(error, OperationalError | InterfaceError):
        return ApiError(503, "Please try again.", "busy", headers={"Retry-After": str(BUSY_FOR_S)})
    return ApiError(500, "Something went wrong here; it has been noted.", "internal")


def unknown(request: HttpRequest) -> HttpResponse:
    """What stands at every address below /v1 that is no endpoint."""
    return answer(ApiError(404, "There is no such endpoint. /v1/docs lists them.", "not_found"))
