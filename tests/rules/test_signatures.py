"""Signatures, as the official validators see them."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from twilio.request_validator import RequestValidator

from heed.rules import signatures

BODY = '{"status":"opt_out","message":"Arrêt 🛑"}'


def test_the_official_validator_accepts_either_secret() -> None:
    new, old, other = (signatures.secret(secrets.token_bytes(32)) for _ in range(3))
    headers = signatures.standard([new, old], "evt_1", int(time.time()), BODY.encode())
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers)["status"] == "opt_out"
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY.replace("out", "in"), headers)


def test_they_sign_as_the_official_library_does() -> None:
    secret, now = signatures.secret(b"x" * 32), int(time.time())
    headers = signatures.standard([secret], "evt_1", now, BODY.encode())
    assert headers["webhook-signature"] == Webhook(secret).sign("evt_1", datetime.fromtimestamp(now, UTC), BODY)


def test_twilios_own_validator_accepts_ours() -> None:
    url, fields = "https://shop.example/called?order=7", {"MessageStatus": "sent", "To": "+447700900501", "Empty": ""}
    signed = signatures.twilio("secret", url, fields)
    assert RequestValidator("secret").validate(url, fields, signed)
    assert not RequestValidator("other").validate(url, fields, signed)
    assert not RequestValidator("secret").validate(url, fields | {"To": "+447700900502"}, signed)
