"""Our carriers against their own SDKs: the same calls on the wire, and one opinion of every signature.

The SDKs are in requirements/peers.lock. They talk to the stand-in that our providers' tests use.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from exchanges import HOOK, REFERENCE, TEXT, ask, called, hand_off
from standin import Reply, StandIn, payload, stand_in

from heed.providers.base import BadSignature, HookRequest, Provider
from heed.providers.messagebird import MessageBird
from heed.providers.plivo import Plivo, signature_v3
from heed.providers.sinch import Sinch
from heed.providers.sinch import signature as sinch_signature
from heed.providers.telnyx import Telnyx
from heed.providers.vonage import Vonage, sig
from heed.rules.values import CarrierOptOut

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]  # their warnings are theirs

SECRET, OTHER = "a-secret-of-thirty-two-characters", "another-secret-of-32-characters-x"


def of(name: str) -> Any:
    """A module of an SDK; a test without it is skipped."""
    return pytest.importorskip(name, reason="requirements/peers.lock is not installed.")


def takes(provider: Provider, call: HookRequest) -> bool:
    try:
        provider.verify(call)
    except BadSignature:
        return False
    return True


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[StandIn], None]]:
    """Have SDKs that insist on https:// and a host of theirs talk to a stand-in: under ``requests``, where all four meet."""
    sessions = of("requests.sessions")
    send = sessions.Session.send

    def to(carrier: StandIn) -> None:
        def redirected(session: Any, request: Any, **what: Any) -> Any:
            _, _, rest = request.url.partition("://")
            request.url = f"{carrier.url}/{rest.partition('/')[2]}"
            return send(session, request, **what)

        monkeypatch.setattr(sessions.Session, "send", redirected)

    return to


# Vonage


def vonage(url: str = "https://api.nexmo.com", **more: str) -> Vonage:
    settings = {"api_key": "abcd1234", "api_secret": "s", "signature_secret": SECRET, "api": url}
    return Vonage(settings | more, HOOK)


def test_vonage_is_asked_for_the_same(plain: Any) -> None:
    client = of("vonage_http_client").HttpClient(of("vonage_http_client").Auth(api_key="abcd1234", api_secret="s"))  # noqa: S106
    text = of("vonage_messages").Sms(
        to=TEXT.to.lstrip("+"),
        from_=TEXT.sender.lstrip("+"),
        text=TEXT.text,
        client_ref=REFERENCE,
        webhook_url=HOOK,
        webhook_version="v1",
    )
    with stand_in(Reply(202, "vonage/sent.json", headers={"Content-Type": "application/json"})) as carrier:
        plain(carrier)
        theirs = of("vonage_messages").Messages(client).send(text)
        ours = hand_off(vonage(carrier.url))
        first, second = carrier.asked
    assert theirs.message_uuid == ours.provider_id
    assert (first.method, first.path, first.json) == (second.method, second.path, second.json)
    assert first.headers["Authorization"] == second.headers["Authorization"]


@pytest.mark.parametrize(("secret", "method"), [(SECRET, "HS256"), (OTHER, "HS256"), (SECRET, "none")])
def test_vonage_agrees_on_tokens(secret: str, method: str) -> None:
    said = {"iat": int(time.time()), "payload_hash": hashlib.sha256(b"{}").hexdigest()}
    token = jwt.encode(said, secret if method != "none" else None, algorithm=method)
    peer = of("vonage_jwt")
    try:
        theirs = peer.verify_signature(token, SECRET)
    except peer.VonageVerifyJwtError:
        theirs = False
    assert (
        takes(vonage(), called(b"{}", {"Authorization": f"Bearer {token}"}))
        is theirs
        is ((secret, method) == (SECRET, "HS256"))
    )


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("changed", [{}, {"text": "STOP"}, {"sig": "0"}])
def test_vonage_agrees_on_digests(method: str, changed: Mapping[str, str]) -> None:
    fields = {"msisdn": "447700900500", "text": "a=b&c ä", "timestamp": str(int(time.time()))}
    fields |= {"sig": sig(fields, SECRET, f"hmac-{method}")} | dict(changed)
    auth = of("vonage_http_client").Auth(api_key="abcd1234", signature_secret=SECRET, signature_method=method)
    call = called(urlencode(fields).encode())
    assert takes(vonage(signature_method=f"hmac-{method}"), call) is auth.check_signature(dict(fields)) is not changed


def test_vonages_tokens_and_ours_say_the_same() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    theirs = of("vonage_jwt").JwtClient("app", pem).generate_application_jwt().decode()
    ours = vonage(application_id="app", private_key=pem)._as_application()["Authorization"].removeprefix("Bearer ")
    said = [jwt.decode(one, key.public_key(), algorithms=["RS256"]) for one in (theirs, ours)]
    assert said[0].keys() == said[1].keys()
    assert [one["exp"] - one["iat"] for one in said] == [900, 900]
    assert jwt.get_unverified_header(theirs) == jwt.get_unverified_header(ours)


# Telnyx


def telnyx(url: str = "https://api.telnyx.com", public_key: str = "") -> Telnyx:
    return Telnyx({"api_key": "KEY1", "public_key": public_key, "messaging_profile": "p1", "api": url}, HOOK)


def test_telnyx_is_asked_for_the_same() -> None:
    with stand_in(Reply(200, "telnyx/sent.json", headers={"Content-Type": "application/json"})) as carrier:
        client = of("telnyx").Telnyx(api_key="KEY1", base_url=f"{carrier.url}/v2")
        theirs = client.messages.send(
            from_=TEXT.sender,
            to=TEXT.to,
            text=TEXT.text,
            type="SMS",
            webhook_url=f"{HOOK}?reference={REFERENCE}",
            idempotency_key=REFERENCE,
        )
        ours = hand_off(telnyx(carrier.url))
        first, second = carrier.asked
    assert theirs.data.id == ours.provider_id
    assert (first.method, first.path, first.json) == (second.method, second.path, second.json)
    for name in ("Authorization", "Idempotency-Key"):
        assert first.headers[name] == second.headers[name]


def test_telnyx_lists_the_same_opt_outs() -> None:
    with stand_in(Reply(200, "telnyx/opt_outs_2.json", headers={"Content-Type": "application/json"})) as carrier:
        client = of("telnyx").Telnyx(api_key="KEY1", base_url=f"{carrier.url}/v2")
        theirs = client.messaging_optouts.list(
            page_number=1, page_size=250, redaction_enabled="false", filter={"messaging_profile_id": "p1"}
        ).data
        ours = ask(telnyx(carrier.url), lambda it: it.opt_outs())
        asked = carrier.asked
    assert [CarrierOptOut(one.to, one.from_) for one in theirs] == ours[:1]
    assert (asked[0].path, asked[0].query) == (asked[1].path, asked[1].query)


def test_telnyx_sells_the_same_numbers() -> None:
    with stand_in(Reply(200, "telnyx/for_sale.json", headers={"Content-Type": "application/json"})) as carrier:
        client = of("telnyx").Telnyx(api_key="KEY1", base_url=f"{carrier.url}/v2")
        wanted = {"country_code": "GB", "features": ["sms"], "limit": 10, "best_effort": False}
        theirs = client.available_phone_numbers.list(filter=wanted | {"phone_number": {"contains": "7700"}}).data
        ours = ask(telnyx(carrier.url), lambda it: it.inventory("GB", "7700", 10))
        asked = carrier.asked
    assert [one.phone_number for one in theirs] == [one.phone_number for one in ours]
    assert (asked[0].path, asked[0].query) == (asked[1].path, asked[1].query)


@pytest.mark.parametrize("changed", ["", "body", "signature", "time", "old"])
def test_telnyx_agrees_on_signatures(changed: str) -> None:
    peer = of("telnyx.lib.webhook_verification")
    of("nacl")
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    stamp = str(int(time.time()) - (400 if changed == "old" else 0))
    signature = base64.b64encode(key.sign(f"{stamp}|{{}}".encode())).decode()
    headers = {
        "Telnyx-Signature-Ed25519": signature[::-1] if changed == "signature" else signature,
        "Telnyx-Timestamp": str(int(stamp) + 1) if changed == "time" else stamp,
    }
    body = b"{ }" if changed == "body" else b"{}"
    try:
        peer.verify_webhook_signature(body, headers, public)
        theirs = True
    except peer.WebhookVerificationError:
        theirs = False
    assert takes(telnyx(public_key=public), called(body, headers)) is theirs is not changed


# Plivo


def plivo(url: str = "https://api.plivo.com") -> Plivo:
    return Plivo({"auth_id": "MA000000000000000001", "auth_token": SECRET, "api": url}, HOOK)


def test_plivo_is_asked_for_the_same(plain: Any) -> None:
    client = of("plivo").RestClient("MA000000000000000001", SECRET)
    with stand_in(Reply(202, "plivo/sent.json", headers={"Content-Type": "application/json"})) as carrier:
        plain(carrier)
        theirs = client.messages.create(
            src=TEXT.sender, dst=TEXT.to, text=TEXT.text, url=f"{HOOK}?reference={REFERENCE}"
        )
        ours = hand_off(plivo(carrier.url))
        first, second = carrier.asked
    assert theirs.message_uuid == [ours.provider_id]
    assert (first.method, first.path) == (second.method, second.path)
    assert first.headers["Authorization"] == second.headers["Authorization"]
    assert first.json == second.json | {"log": "true", "trackable": False}  # what it takes for granted anyway


def test_plivo_sells_the_same_numbers(plain: Any) -> None:
    client = of("plivo").RestClient("MA000000000000000001", SECRET)
    with stand_in(Reply(200, "plivo/for_sale.json", headers={"Content-Type": "application/json"})) as carrier:
        plain(carrier)
        client.numbers.search("GB", services="sms", limit=20, offset=0, pattern="7700")
        ask(plivo(carrier.url), lambda it: it.inventory("GB", "447700"))
        first, second = carrier.asked
    assert (first.method, first.path, first.query) == (second.method, second.path, second.query)


@pytest.mark.parametrize("url", [HOOK, f"{HOOK}?reference={REFERENCE}&a=1+%26b"])
@pytest.mark.parametrize("form", [{}, {"Text": "Stöp & go=1", "From": "447700900500", "Empty": ""}])
@pytest.mark.parametrize("changed", ["", "body", "secret"])
def test_plivo_agrees_on_signatures(url: str, form: dict[str, str], changed: str) -> None:
    validate = of("plivo.utils").validate_v3_signature
    lists = parse_qs(urlencode(form), keep_blank_values=True)
    signature = signature_v3(url, lists, "12345", OTHER if changed == "secret" else SECRET)
    form = form | ({"More": "1"} if changed == "body" else {})
    headers = {"X-Plivo-Signature-Ma-V3": signature, "X-Plivo-Signature-V3-Nonce": "12345"}
    theirs = validate("POST", url, "12345", SECRET, signature, dict(form))
    assert takes(plivo(), called(urlencode(form).encode(), headers, url=url)) is theirs is not changed


# MessageBird


def messagebird(url: str = "https://rest.messagebird.com") -> MessageBird:
    return MessageBird({"access_key": "live_key", "signing_key": SECRET, "api": url}, HOOK)


def test_messagebird_is_asked_for_the_same(plain: Any) -> None:
    client = of("messagebird").Client("live_key")
    with stand_in(Reply(201, "messagebird/sent.json")) as carrier:
        plain(carrier)
        more = {"datacoding": "auto", "reference": REFERENCE, "reportUrl": HOOK}
        theirs = client.message_create(TEXT.sender, TEXT.to.lstrip("+"), TEXT.text, more)
        ours = hand_off(messagebird(carrier.url))
        first, second = carrier.asked
    assert theirs.id == ours.provider_id
    assert (first.method, first.path) == (second.method, second.path)
    assert first.headers["Authorization"] == second.headers["Authorization"]
    assert first.json == second.json | {"recipients": ",".join(second.json["recipients"])}  # both are taken


@pytest.mark.parametrize("changed", ["", "url", "body", "secret", "old", "issuer", "unsigned body"])
@pytest.mark.parametrize("body", [b"", b"originator=447700900500&body=STOP"])
def test_messagebird_agrees_on_tokens(body: bytes, changed: str) -> None:
    peer, error = of("messagebird.request_validator"), of("messagebird.error")
    now = int(time.time()) - (500 if changed == "old" else 0)
    said = {"iss": "Somebody" if changed == "issuer" else "MessageBird", "nbf": now, "exp": now + 60, "jti": "1"}
    said["url_hash"] = hashlib.sha256(HOOK.encode()).hexdigest()
    if body and changed != "unsigned body":
        said["payload_hash"] = hashlib.sha256(body).hexdigest()
    token = jwt.encode(said, OTHER if changed == "secret" else SECRET, algorithm="HS256")
    url = f"{HOOK}?a=1" if changed == "url" else HOOK
    body += b"&More=1" if changed == "body" else b""
    try:
        peer.RequestValidator(SECRET).validate_signature(token, url, body)
        theirs = True
    except error.ValidationError:
        theirs = False
    ours = takes(messagebird(), called(body, {"MessageBird-Signature-JWT": token}, url=url))
    assert ours is theirs is (not changed or (changed == "unsigned body" and not body))


# Sinch


def sinch(url: str = "") -> Sinch:
    return Sinch({"service_plan": "plan1", "api_token": "t1", "hook_secret": SECRET, "api": url}, HOOK)


def test_sinch_is_asked_for_the_same() -> None:
    client = of("sinch").SinchClient(service_plan_id="plan1", sms_api_token="t1", sms_region="eu")  # noqa: S106
    with stand_in(Reply(201, "sinch/sent.json", headers={"Content-Type": "application/json"})) as carrier:
        client.configuration.sms_origin_with_service_plan_id = carrier.url
        theirs = client.sms.batches.send_sms(
            to=[TEXT.to],
            from_=TEXT.sender,
            body=TEXT.text,
            delivery_report="per_recipient_final",
            client_reference=REFERENCE,
            event_destination_target=HOOK,
        )
        ours = hand_off(sinch(carrier.url))
        first, second = carrier.asked
    assert theirs.id == ours.provider_id
    assert (first.method, first.path, first.json) == (second.method, second.path, second.json)
    assert first.headers["Authorization"] == second.headers["Authorization"]


@pytest.mark.parametrize("changed", ["", "body", "secret", "nonce", "time"])
def test_sinch_agrees_on_signatures(changed: str) -> None:
    validate = of("sinch.domains.sms.sinch_events.v1").SmsSinchEvent(SECRET).validate_authentication_header
    body, stamp = payload("sinch/inbound.json"), str(int(time.time()))
    signature = sinch_signature(OTHER if changed == "secret" else SECRET, body, "n1", stamp)
    headers = {
        "x-sinch-webhook-signature": signature,
        "x-sinch-webhook-signature-nonce": "n2" if changed == "nonce" else "n1",
        "x-sinch-webhook-signature-timestamp": str(int(stamp) + 1) if changed == "time" else stamp,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }
    body += b" " if changed == "body" else b""
    assert takes(sinch(), called(body, headers)) is validate(headers, body) is not changed


@pytest.mark.parametrize(
    "name", ["inbound", "inbound_media", "receipt_delivered", "receipt_stopped", "receipt_of_batch"]
)
def test_sinchs_payloads_are_what_its_library_reads(name: str) -> None:
    body = payload(f"sinch/{name}.json")
    event = of("sinch.domains.sms.sinch_events.v1").SmsSinchEvent(SECRET).parse_event(body)
    (ours,) = sinch().parse(called(body))
    assert ours.provider_id == (getattr(event, "id", None) or event.batch_id)
    assert json.loads(body)["type"] == event.type
