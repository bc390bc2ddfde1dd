"""A STOP through the hook of each carrier that signs: taken once when it is the carrier's, refused when it is not."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hooking import call
from people import ANNA, World
from twilio.request_validator import RequestValidator

from heed import carriers
from heed.core import connections, gate
from heed.core.models import Connection, Inbound
from heed.hooks import calls, writer
from heed.providers import sns
from heed.providers.plivo import signature_v3
from heed.providers.sinch import signature

SECRET = "a-secret-of-thirty-two-characters"  # noqa: S105
SID = "AC00000000000000000000000000000001"
THEIRS = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = base64.b64encode(THEIRS.public_key().public_bytes_raw()).decode()
AMAZON = functools.cache(lambda: rsa.generate_private_key(65537, 2048))
TOPIC = "arn:aws:sns:eu-west-2:123456789012:heed"
CERTIFICATE = "https://sns.eu-west-2.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

Signed = tuple[bytes, Mapping[str, str]]


def vonage(url: str) -> Signed:
    said = {"message_uuid": "1", "channel": "sms", "from": f"{ANNA}", "to": "447700900001", "text": "STOP"}
    body = json.dumps(said).encode()
    token = jwt.encode({"iat": int(time.time()), "payload_hash": hashlib.sha256(body).hexdigest()}, SECRET)
    return body, {"Content-Type": JSON, "Authorization": f"Bearer {token}"}


def telnyx(url: str) -> Signed:
    numbers = {"from": {"phone_number": f"+{ANNA}"}, "to": [{"phone_number": "+447700900001"}]}
    payload = {"id": "1", "text": "STOP", "autoresponse_type": "STOP"} | numbers
    body = json.dumps({"data": {"event_type": "message.received", "payload": payload}}).encode()
    stamp = str(int(time.time()))
    signed = base64.b64encode(THEIRS.sign(stamp.encode() + b"|" + body)).decode()
    return body, {"Content-Type": JSON, "Telnyx-Signature-Ed25519": signed, "Telnyx-Timestamp": stamp}


def plivo(url: str) -> Signed:
    body = urlencode({"From": f"{ANNA}", "To": "447700900001", "Text": "STOP", "MessageUUID": "1"})
    signed = signature_v3(url, parse_qs(body), "7", SECRET)
    headers = {"X-Plivo-Signature-Ma-V3": signed, "X-Plivo-Signature-V3-Nonce": "7"}
    return body.encode(), {"Content-Type": FORM} | headers


def messagebird(url: str) -> Signed:
    body = urlencode({"originator": f"{ANNA}", "recipient": "447700900001", "body": "STOP", "id": "1"}).encode()
    now, hashed = int(time.time()), hashlib.sha256
    said = {"iss": "MessageBird", "nbf": now, "exp": now + 60, "url_hash": hashed(url.encode()).hexdigest()}
    token = jwt.encode(said | {"payload_hash": hashed(body).hexdigest()}, SECRET)
    return body, {"Content-Type": FORM, "MessageBird-Signature-JWT": token}


def sinch(url: str) -> Signed:
    said = {"type": "mo_text", "id": "1", "from": f"{ANNA}", "to": "447700900001", "body": "STOP"}
    body, stamp = json.dumps(said).encode(), str(int(time.time()))
    names = ("", "-nonce", "-timestamp")
    values = (signature(SECRET, body, "7", stamp), "7", stamp)
    headers = {f"x-sinch-webhook-signature{name}": value for name, value in zip(names, values, strict=True)}
    return body, {"Content-Type": JSON} | headers


def aws(url: str) -> Signed:
    text = {"originationNumber": f"+{ANNA}", "destinationNumber": "+447700900001", "messageBody": "STOP"}
    said = {
        "Message": json.dumps(text | {"inboundMessageId": "1"}),
        "MessageId": "1",
        "Timestamp": "2026-11-28T13:30:02.817Z",
    }
    said |= {"TopicArn": TOPIC, "Type": "Notification"}
    signed = AMAZON().sign("".join(f"{name}\n{said[name]}\n" for name in said).encode(), PKCS1v15(), SHA256())
    said |= {"SignatureVersion": "2", "SigningCertURL": CERTIFICATE, "Signature": base64.b64encode(signed).decode()}
    return json.dumps(said).encode(), {"Content-Type": "text/plain; charset=UTF-8"}


def twilio(url: str) -> Signed:
    form = {"MessageSid": "1", "From": f"+{ANNA}", "To": "+447700900001", "Body": "STOP"}
    signed = RequestValidator(SECRET).compute_signature(url, form)
    return urlencode(form).encode(), {"Content-Type": FORM, "X-Twilio-Signature": signed}


CARRIERS: list[tuple[Callable[[str], Signed], Mapping[str, str]]] = [
    (twilio, {"account_sid": SID, "auth_token": SECRET}),
    (vonage, {"api_key": "k", "api_secret": "s", "signature_secret": SECRET}),
    (telnyx, {"api_key": "k", "public_key": PUBLIC}),
    (plivo, {"auth_id": "MA000000000000000001", "auth_token": SECRET}),
    (messagebird, {"access_key": "k", "signing_key": SECRET}),
    (aws, {"region": "eu-west-2", "access_key_id": "k", "secret_access_key": "s", "topic": TOPIC}),
    (sinch, {"service_plan": "p", "api_token": "t", "hook_secret": SECRET}),
]
NAMES = [one.__name__ for one, _ in CARRIERS]


@pytest.fixture(autouse=True)
def forget_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a database of its own; the writer's thread stays. The first text waits until the reading is loaded."""
    calls._known.clear()
    monkeypatch.setattr(writer, "IDLE_S", 0)
    monkeypatch.setattr(writer, "WAIT_S", 60)
    monkeypatch.setattr(sns, "_keys", {CERTIFICATE: AMAZON().public_key()})  # as if it had been read before


def connected(kind: str, settings: Mapping[str, str]) -> Connection:
    return carriers.add(kind, kind, settings, answered=(), account=None, actor="test")


def arrive(link: Connection, body: bytes, headers: Mapping[str, str]) -> int:
    names = {name: name.upper().replace("-", "_") for name in headers}
    environ = {key if key == "CONTENT_TYPE" else f"HTTP_{key}": headers[name] for name, key in names.items()}
    return call(body, f"/hooks/{link.kind}/{link.token}/", **environ)[0]


def is_out(world: World) -> bool:
    return ANNA in gate.may_send(world.account.id, world.number.id, [ANNA])


@pytest.mark.parametrize(("sign", "settings"), CARRIERS, ids=NAMES)
def test_a_stop_is_taken_once(live_world: World, sign: Callable[[str], Signed], settings: Mapping[str, str]) -> None:
    link = connected(sign.__name__, settings)
    body, headers = sign(connections.hook_url(link))
    assert [arrive(link, body, headers), arrive(link, body, headers)] == [200, 200]
    assert is_out(live_world)
    assert Inbound.objects.count() == 1


@pytest.mark.parametrize(("sign", "settings"), CARRIERS, ids=NAMES)
def test_what_the_carrier_did_not_sign_is_refused(
    live_world: World, sign: Callable[[str], Signed], settings: Mapping[str, str]
) -> None:
    link = connected(sign.__name__, settings)
    body, headers = sign(connections.hook_url(link))
    unsigned = {"Content-Type": headers["Content-Type"]}
    assert arrive(link, body.replace(b'"Signature"', b'"Unsigned"'), unsigned) == 403  # SNS has it inside
    assert arrive(link, body.replace(b"STOP", b"STOP ALL"), headers) == 403
    assert not is_out(live_world)
    assert Inbound.objects.count() == 0
