"""AWS, both directions: answers and events as its documentation and botocore's model write them, and SNS's envelopes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers import sigv4, sns
from heed.providers.aws import Aws
from heed.providers.base import (
    BadHook,
    BadSignature,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.rules.values import CarrierOptOut, Health, InboundText, Receipt, Setup

TOPIC = "arn:aws:sns:eu-west-2:123456789012:heed"
ID = "862a8790-60c0-4430-9b2b-658bdexample"


def aws(url="", **more):
    settings = {"region": "eu-west-2", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUt", "topic": TOPIC}
    return Aws({**settings, "api": url, **more}, HOOK)


# Sending


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, "aws/sent.json"), (ID,)),
        (Reply(200, body={}), (MaybeSent,)),
        (Reply(400, "aws/opted_out.json"), (RecipientOptedOut,)),
        (Reply(400, "aws/not_verified.json"), (Refused, "DESTINATION_PHONE_NUMBER_NOT_VERIFIED")),
        (Reply(400, "aws/throttled.json"), (Throttled, 1)),
        (Reply(400, "aws/spent.json"), (Misconfigured,)),
        (Reply(400, "aws/no_sender.json"), (Refused, "phone-number")),
        (Reply(400, "aws/no_set.json"), (Misconfigured,)),
        (Reply(400, "aws/denied.json"), (Misconfigured,)),
        (Reply(400, "aws/unknown_key.json"), (Misconfigured,)),
        (Reply(403, "aws/wrong_secret.json"), (Misconfigured,)),
        (Reply(400, "aws/invalid.json"), (Refused, "FIELD_VALIDATION_FAILED")),
        (Reply(400, body={}, headers={"X-Amzn-ErrorType": "ThrottlingException:http://internal/"}), (Throttled, 1)),
        (Reply(500, "aws/internal.json"), (MaybeSent,)),
    ],
)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(aws(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(200, "aws/sent.json")) as carrier:
        hand_off(aws(carrier.url, configuration_set="heed"))
        (asked,) = carrier.asked
    assert (asked.method, asked.path) == ("POST", "/")
    assert asked.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert asked.headers["X-Amz-Target"] == "PinpointSMSVoiceV2.SendTextMessage"
    assert asked.json == {
        "DestinationPhoneNumber": "+447700900500",
        "OriginationIdentity": "+447700900001",
        "MessageBody": "Hëllo £5 & more",
        "MessageType": "TRANSACTIONAL",
        "Context": {"heed": REFERENCE},
        "ConfigurationSetName": "heed",
    }
    at = datetime.strptime(asked.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    given = {name: asked.headers[name] for name in ("Content-Type", "X-Amz-Target")}
    key = sigv4.Key("AKIDEXAMPLE", "wJalrXUt", "eu-west-2", "sms-voice")
    signed = sigv4.signed(key, "POST", f"{carrier.url}/", asked.body, at, given)
    assert asked.headers["Authorization"] == signed["Authorization"]


AT = datetime(2026, 11, 28, 13, 30, 2, tzinfo=UTC)
JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage"}
HOST = "https://sms-voice.eu-west-2.amazonaws.com/"


@pytest.mark.parametrize(  # the first is of AWS's own test suite, the others botocore signed
    ("method", "url", "body", "headers", "token", "where", "at", "signature"),
    [
        (
            *("GET", "https://example.amazonaws.com/", b"", {}, "", ("us-east-1", "service")),
            datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            *("POST", HOST, '{"MessageBody": "Hë"}'.encode(), JSON, "", ("eu-west-2", "sms-voice"), AT),
            "74033089a7e78f819089f28752b9141a868fe7b445b2ab29729c983972c8b70c",
        ),
        (
            *("POST", HOST, b"{}", JSON, "a-session-token", ("eu-west-2", "sms-voice"), AT),
            "6218bc2d6a8ccfce2a2a8c386a8107c6b91a58cd52021115f1b09ab998ce2b52",
        ),
        (
            *("POST", "http://127.0.0.1:4566/", b"{}", JSON, "", ("us-gov-west-1", "sms-voice"), AT),
            "43ac2b7094e87d19b7e2481c41518a7c1c909de7830cf25bd4e065dd92b707da",
        ),
        (
            *("GET", "https://example.amazonaws.com/?b=2&a=%2B1&a=0", b"", {}, "", ("us-east-1", "service"), AT),
            "e7c9bd8de8a3b293aa4e1340c27bf80f41a03187e1ae326ee521dc38a04a6d9a",
        ),
    ],
)
def test_signatures_are_those_of_aws(method, url, body, headers, token, where, at, signature):
    key = sigv4.Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", *where, token)
    assert sigv4.signed(key, method, url, body, at, headers)["Authorization"].endswith(f"Signature={signature}")


# The hook

CERTIFICATE = "https://sns.eu-west-2.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
SUBSCRIBE = "https://sns.eu-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn&Token=2336"
AMAZON = rsa.generate_private_key(65537, 2048)
ALGORITHMS = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 (as AWS has it)


def certificate(key=AMAZON):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(autouse=True)
def amazon(monkeypatch):
    """Where certificates come from, and which were asked for."""
    asked = []
    made = certificate()
    monkeypatch.setattr(sns, "_keys", {})
    monkeypatch.setattr(sns, "_download", lambda url: asked.append(url) or made)
    return asked


def said(message="{}", version="2", key=AMAZON, **more):
    """What SNS posts, signed as its documentation says."""
    made = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-11-28T13:30:02.817Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **more,
    }
    kind = made["Type"]
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if kind != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{made[name]}\n" for name in names if name in made)
    signature = key.sign(text.encode(), padding.PKCS1v15(), ALGORITHMS[version])
    return {**made, "Signature": base64.b64encode(signature).decode()}


def posted(said, **headers):
    return called(json.dumps(said).encode(), {"Content-Type": "text/plain; charset=UTF-8", **headers})


def subscription(**more):
    return said(**{"Type": "SubscriptionConfirmation", "SubscribeURL": SUBSCRIBE, "Token": "2336", **more})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "inbound",
            [
                InboundText(
                    "cae173d2-66b9-564c-8309-21f858e9fb84",
                    "+447700900500",
                    "+447700900001",
                    "Stop, please",
                    datetime(2026, 11, 28, 13, 30, 2, 817000, tzinfo=UTC),
                )
            ],
        ),
        ("delivered", [Receipt(ID, REFERENCE, "delivered")]),
        ("successful", [Receipt(ID, REFERENCE, "sent")]),
        (
            "unreachable",
            [Receipt(ID, "", "undelivered", "UNREACHABLE", "Phone is currently unreachable/unavailable")],
        ),
        ("voice", []),
    ],
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_arriving(name, expected, version):
    call = posted(said(payload(f"aws/{name}.json").decode(), version))
    aws().verify(call)
    assert list(aws().parse(call)) == expected
    assert aws().answer(call).status == 200


@pytest.mark.parametrize("message", ["Hello everybody", "[1]", '"a"', "null", '{"context": 1}', "[" * 100_000])
def test_other_words_on_the_topic_are_nothing_to_us(message):
    assert list(aws().parse(posted(said(message)))) == []


def test_a_subscription_is_confirmed_at_amazon_alone():
    call = posted(subscription())
    aws().verify(call)
    assert list(aws().parse(call)) == [Setup(SUBSCRIBE)]
    for url in ("https://example.com/?Action=ConfirmSubscription", SUBSCRIBE.replace("https", "http"), ""):
        with pytest.raises(BadHook):
            aws().parse(posted(subscription(SubscribeURL=url)))


def test_confirming_visits_the_address():
    with stand_in(Reply(200, body=b"<ConfirmSubscriptionResponse/>"), Reply(403)) as carrier:
        ask(aws(), lambda it: it.confirm(Setup(f"{carrier.url}/?Action=ConfirmSubscription&Token=1")))
        assert carrier.asked[0].query == {"Action": "ConfirmSubscription", "Token": "1"}
        with pytest.raises(Misconfigured):
            ask(aws(), lambda it: it.confirm(Setup(carrier.url)))


def changed(**more):
    return posted({**said(), **more})


@pytest.mark.parametrize(
    "call",
    [
        changed(Message='{"messageBody": "another"}'),
        changed(Subject="added"),
        changed(Signature=""),
        changed(Signature="ä"),
        changed(Signature="AAAA"),
        changed(SignatureVersion="3"),
        changed(Type="Another"),
        changed(Type=None),
        posted({}),
        posted(said(key=rsa.generate_private_key(65537, 2048))),
        posted(said(TopicArn="arn:aws:sns:eu-west-2:999999999999:heed")),
        posted(subscription(TopicArn="arn:aws:sns:eu-west-2:999999999999:heed")),
        changed(**{name: value for name, value in subscription().items() if name != "Signature"}),
        posted(said(SigningCertURL=CERTIFICATE.replace("https", "http"))),
        posted(said(SigningCertURL=CERTIFICATE.replace("eu-west-2", "eu-west-1"))),
        posted(said(SigningCertURL=CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example"))),
        posted(said(SigningCertURL=CERTIFICATE.replace("https://", "https://me@"))),
        posted(said(SigningCertURL=CERTIFICATE.replace(".com/", ".com:8443/"))),
        posted(said(SigningCertURL=CERTIFICATE + "?x=1")),
        posted(said(SigningCertURL=HOST + "SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem")),
        posted(said(SigningCertURL="https://sns.eu-west-2.amazonaws.com/a.pem")),
        posted(said(), **{"X-Amz-Sns-Rawdelivery": "true"}),
    ],
)
def test_a_call_that_amazon_did_not_sign_is_refused(call, amazon):
    with pytest.raises(BadSignature):
        aws().verify(call)
    assert set(amazon) <= {CERTIFICATE}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_call_that_is_no_message_of_sns_is_refused(body):
    with pytest.raises(BadHook):
        aws().verify(called(body))


def test_a_certificate_is_read_once(amazon):
    for _ in range(3):
        aws().verify(posted(said()))
    assert amazon == [CERTIFICATE]


@pytest.mark.parametrize("pem", [b"", certificate(ec.generate_private_key(ec.SECP256R1()))])
def test_a_certificate_that_can_not_be_used_is_asked_for_again(monkeypatch, pem):
    monkeypatch.setattr(sns, "_download", lambda url: pem)
    with pytest.raises(BadHook) as caught:
        aws().verify(posted(said()))
    assert caught.value.status == 503
    assert sns._keys == {}


# What a person waits for


def test_health():
    with stand_in(Reply(200, "aws/attributes.json"), Reply(400, "aws/unknown_key.json")) as carrier:
        one = aws(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Account tier: sandbox")
        expected = Health(False, "The security token included in the request is invalid.")
        assert ask(one, lambda it: it.health()) == expected


def test_opt_outs_are_read_page_by_page():
    with stand_in(Reply(200, "aws/opted_out_1.json"), Reply(200, "aws/opted_out_2.json")) as carrier:
        found = ask(aws(carrier.url), lambda it: it.opt_outs())
        asked = [one.json for one in carrier.asked]
    at = datetime(2023, 6, 17, 4, 11, 43, 470000, tzinfo=UTC)
    assert found == [CarrierOptOut("+447700900500", at=at), CarrierOptOut("+447700900501", at=at)]
    assert asked == [
        {"MaxResults": 100, "OptOutListName": "Default"},
        {"MaxResults": 100, "OptOutListName": "Default", "NextToken": "two"},
    ]


def test_opt_outs_of_all_senders_are_pushed():
    with stand_in(Reply(200, "aws/put.json")) as carrier:
        ours = [CarrierOptOut("+447700900501"), CarrierOptOut("+447700900502", "+447700900001")]
        ask(aws(carrier.url), lambda it: it.push(ours))
        (asked,) = carrier.asked
    assert asked.headers["X-Amz-Target"] == "PinpointSMSVoiceV2.PutOptedOutNumber"
    assert asked.json == {"OptOutListName": "Default", "OptedOutNumber": "+447700900501"}


@pytest.mark.parametrize(
    ("verb", "operation", "more"),
    [
        ("adopt", "UpdatePhoneNumber", {"TwoWayEnabled": True, "TwoWayChannelArn": TOPIC}),
        ("release", "ReleasePhoneNumber", {}),
    ],
)
def test_a_number_of_ours_is_found_first(verb, operation, more):
    with stand_in(Reply(200, "aws/numbers.json"), Reply(200, body={})) as carrier:
        ask(aws(carrier.url), lambda it: getattr(it, verb)("+447700900001"))
        asked = carrier.asked[1]
        carrier.replies = [Reply(200, "aws/numbers.json")]
        with pytest.raises(Refused, match="not in the AWS account"):
            ask(aws(carrier.url), lambda it: getattr(it, verb)("+447700900002"))
    assert asked.headers["X-Amz-Target"] == f"PinpointSMSVoiceV2.{operation}"
    assert asked.json == {"PhoneNumberId": "phone-1", **more}


@pytest.mark.parametrize(
    "wrong", [{"region": "London"}, {"topic": "heed"}, {"topic": "arn:aws:sqs:eu-west-2:1:heed"}, {"api": "ftp://aws"}]
)
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        aws(**wrong).check()
    aws().check()
    aws(topic="arn:aws-cn:sns:cn-north-1:123456789012:heed").check()
