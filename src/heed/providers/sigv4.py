"""Signature Version 4, by which AWS knows who calls. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Key:
    """Whose call it is, and of which service where. ``token`` is that of temporary credentials."""

    id: str
    secret: str
    region: str
    service: str
    token: str = ""


def signed(
    key: Key, method: str, url: str, body: bytes, at: datetime, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """``headers`` with those that sign them, the address and ``body``; ``at`` is in UTC."""
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    sent = {**(headers or {}), "X-Amz-Date": moment} | ({"X-Amz-Security-Token": key.token} if key.token else {})
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()} | {"host": _host(url)}
    names = ";".join(sorted(canonical))
    scope = f"{moment[:8]}/{key.region}/{key.service}/aws4_request"
    request = "\n".join(
        [
            method,
            quote(urlsplit(url).path or "/", safe="/-_.~"),
            _query(url),
            *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
            "",
            names,
            sha256(body).hexdigest(),
        ]
    )
    text = "\n".join([ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()])
    signature = _chained(f"AWS4{key.secret}".encode(), *scope.split("/"), text).hex()
    authorization = f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": authorization}


def _host(url: str) -> str:
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname or "" if parts.port in (None, usual) else f"{parts.hostname}:{parts.port}"


def _query(url: str) -> str:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs))


def _chained(key: bytes, *words: str) -> bytes:
    """Each word under the digest of those before it; the last one is what is signed."""
    for word in words:
        key = hmac.digest(key, word.encode(), "sha256")
    return key
