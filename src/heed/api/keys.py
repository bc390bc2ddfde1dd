"""Who calls: the key, its account, the rights of its role, its rate."""

from __future__ import annotations

import math

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyHeader

from heed.api.errors import ApiError
from heed.api.rates import rates
from heed.core import accounts
from heed.core.models import Account, ApiKey, Role


class KeyHeader(APIKeyHeader):
    param_name = "X-AUTH-KEY"

    def authenticate(self, request: HttpRequest, key: str | None) -> ApiKey | None:
        found = accounts.key_for(key) if key and len(key) < 200 else None
        if found is not None and settings.API_RATE and (wait_s := rates.wait_s(found.id, settings.API_RATE)):
            words = f"This key makes over {settings.API_RATE} requests a second."
            raise ApiError(429, words, "too_many_requests", headers={"Retry-After": str(math.ceil(wait_s))})
        return found


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
