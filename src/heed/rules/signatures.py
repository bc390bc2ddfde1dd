"""Signatures of what Heed tells a customer's program: Standard Webhooks, and Twilio's for its clients."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping

SECRET_BYTES = 32
_PREFIX = "whsec_"


def secret(chance: bytes) -> str:
    """A secret as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(chance).decode()


def standard(secrets: Iterable[str], id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0, with a signature under each of ``secrets``."""
    signed = f"{id_}.{timestamp}.".encode() + body
    keys = [base64.b64decode(one.removeprefix(_PREFIX)) for one in secrets]
    signatures = ["v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}


def twilio(token: str, url: str, parameters: Mapping[str, str]) -> str:
    """X-Twilio-Signature: SHA-1 over the address, then each parameter's name and value in order of names."""
    signed = url + "".join(name + value for name, value in sorted(parameters.items()))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
