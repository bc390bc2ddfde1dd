"""What a page shows once, after the form that made it: a secret waits in the session, encrypted, and goes when read.

A form is answered by a redirect, so that loading the page again makes nothing again.
"""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, InvalidToken
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

WAITS_S = 300


def put(request: HttpRequest, name: str, **values: str) -> None:
    """Let the next page that asks for ``name`` have ``values``."""
    request.session[f"once_{name}"] = _fernet().encrypt(json.dumps(values).encode()).decode()


def take(request: HttpRequest, name: str) -> dict[str, str]:
    """What was put under ``name`` and not yet taken; empty after that, and after five minutes."""
    if request.method != "GET":
        return {}
    sealed = request.session.pop(f"once_{name}", "")
    try:
        values: dict[str, str] = json.loads(_fernet().decrypt(sealed, ttl=WAITS_S))
    except InvalidToken:
        return {}
    return values


def _fernet() -> Fernet:
    """Sessions are rows of the database, and nobody who reads it shall find a secret there."""
    return Fernet(base64.urlsafe_b64encode(salted_hmac("heed.once", "session", algorithm="sha256").digest()))
