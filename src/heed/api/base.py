"""The API as a whole, and how an endpoint is registered in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # Ninja's own types, and JSON

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.parser import Parser
from pydantic_core import from_json

from heed.api.errors import BUSY_FOR_S, Error, answer_all
from heed.api.keys import KeyHeader

REFUSALS = frozenset({400, 401, 403, 404, 409, 413, 415, 429, 503})
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
) -> Callable[[Any], Any]:
    """Register a view with and without the slash at its end; clients write it either way.

    ``shape`` is the schema of its answer; every endpoint may also answer each of the refusals.
    """
    options |= {
        "response": {status: shape, REFUSALS: Error},
        "by_alias": True,
        "openapi_extra": {"responses": {429: {"headers": _WAIT}, 503: {"headers": _WAIT}}},
    }

    def register(view: Any) -> Any:
        options["operation_id"] = view.__name__
        method(f"{path}/", include_in_schema=False, **options)(view)
        return method(path, **options)(view)

    return register
