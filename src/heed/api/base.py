"""The API as a whole, and how an endpoint is registered in it."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import wraps
from inspect import signature
from typing import Any  # Ninja's own types, and JSON

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.decorators import decorate_view
from ninja.parser import Parser
from pydantic_core import from_json

from heed.api.errors import BUSY_FOR_S, ApiError, Error, answer_all
from heed.api.keys import KeyHeader

View = Callable[..., Any]
REFUSALS = (400, 401, 403, 404, 409, 413, 415, 429, 503)
_WAIT = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "examples": [BUSY_FOR_S]}}}


class StrictJson(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """The body as RFC 8259 has it: UTF-8, no NaN, no lone surrogate, no depth that ends the process."""
        return from_json(request.body, allow_inf_nan=False)


api = NinjaAPI(
    title="Heed",
    version="1",
    description="Send texts, and honour every opt-out. A key (`./heed api-key create --name NAME`) goes into the header "
    "`X-AUTH-KEY`. Every path works with and without a slash at its end. docs/api.md explains it by examples.",
    auth=KeyHeader(),
    parser=StrictJson(),
    urls_namespace="api",
)
answer_all(api)


def both(
    method: Callable[..., Any], path: str, shape: Any, *, status: int = 200, **options: Any
) -> Callable[[View], View]:
    """Register a view with and without the slash at its end; clients write it either way.

    ``shape`` is the schema of its answer; every endpoint may also answer each of the refusals.
    """
    options |= {
        "response": {status: shape, **dict.fromkeys(REFUSALS, Error)},
        "by_alias": True,
        "openapi_extra": {"responses": {429: {"headers": _WAIT}, 503: {"headers": _WAIT}}},
    }

    def register(view: View) -> View:
        options["operation_id"] = view.__name__
        decorate_view(_knowing(signature(view).parameters))(view)
        method(f"{path}/", include_in_schema=False, **options)(view)
        method(path, **options)(view)
        return view

    return register


def _knowing(names: Container[str]) -> Callable[[View], View]:
    """Refuse other parameters than ``names``: a filter that is misspelt would otherwise give the whole list."""

    def decorator(run: View) -> View:
        @wraps(run)
        def asked(request: HttpRequest, **path: Any) -> Any:
            unknown = [name[:60] for name in request.GET if name not in names]
            if unknown:
                raise ApiError(400, f"There is no such parameter: {unknown[0]}", "unknown_parameter", unknown[0])
            return run(request, **path)

        return asked

    return decorator
