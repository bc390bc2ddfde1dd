"""Secrets in the database, encrypted under HEED_FIELD_KEYS: the first key encrypts, all of them decrypt."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """This secret was encrypted under a key that is not in HEED_FIELD_KEYS."""


def encrypt(secret: str) -> str:
    return _box(settings.FIELD_KEYS).encrypt(secret.encode()).decode()


def decrypt(kept: str) -> str:
    """The secret in ``kept``. Raises Unreadable when its key is gone."""
    try:
        return _box(settings.FIELD_KEYS).decrypt(kept).decode()
    except InvalidToken as error:
        raise Unreadable(Unreadable.__doc__) from error


@lru_cache(maxsize=2)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(bytes.fromhex(key))) for key in keys])
