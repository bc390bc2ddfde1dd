"""JSON web tokens in the two forms that carriers use: theirs under a shared secret, and ours under a private key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any  # claims are JSON that we don't own

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from heed.providers.base import BadSignature

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
CLOCKS_DIFFER_BY_S = 60
_FRAME = re.compile(r"-----[A-Z ]+-----|\\n|\s")


class NoKey(ValueError):
    """This is no private RSA key in PEM form."""


def claims(token: str, secret: str) -> dict[str, Any]:
    """What ``token`` says, once ``secret`` has proved it and its own times allow it. Raises BadSignature."""
    try:
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        header, said, given = json.loads(_decoded(head)), json.loads(_decoded(body)), _decoded(signature)
        digest = HASHES[header["alg"]]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise BadSignature from error
    if not hmac.compare_digest(hmac.new(secret.encode(), signed.encode(), digest).digest(), given):
        raise BadSignature
    if not isinstance(said, dict):
        raise BadSignature
    now = time.time()
    if (
        not _number(said, "nbf", now) <= now + CLOCKS_DIFFER_BY_S
        or _number(said, "exp", now) < now - CLOCKS_DIFFER_BY_S
    ):
        raise BadSignature("The signature of this call has run out.")
    return said


def _number(said: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = said.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadSignature
    return value


def private_key(pem: str) -> RSAPrivateKey:
    """The key in ``pem``, also where a form has taken its line breaks away. Raises NoKey."""
    try:
        key = load_der_private_key(base64.b64decode(_FRAME.sub("", pem), validate=True), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoKey("This is no private RSA key in PEM form.") from error
    if not isinstance(key, RSAPrivateKey):
        raise NoKey("This is no private RSA key in PEM form.")
    return key


def signed(said: Mapping[str, Any], key: RSAPrivateKey) -> str:
    """A token under RS256."""
    head = _encoded(json.dumps({"alg": "RS256", "typ": "JWT"}).encode())
    body = _encoded(json.dumps(dict(said)).encode())
    signature = key.sign(f"{head}.{body}".encode(), PKCS1v15(), SHA256())
    return f"{head}.{body}.{_encoded(signature)}"


def _decoded(part: str) -> bytes:
    return base64.b64decode(part.encode() + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
