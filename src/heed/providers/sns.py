"""Amazon SNS, which brings what AWS has to say: whose a message is, and what was put in it.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import http.client
import re
from typing import Any  # JSON that we don't own
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from heed.providers.base import BadHook, BadSignature, HookRequest
from heed.providers.http import words_in

NOTIFICATION, SUBSCRIPTION = "Notification", "SubscriptionConfirmation"
ANSWERS_WITHIN_S = 3.0
MOST_BYTES = 2**16
MOST_CERTIFICATES = 20

_ARN = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]+):[0-9]+:[A-Za-z0-9_-]+(?:\.fifo)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 (AWS's choice)
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_keys: dict[str, RSAPublicKey] = {}


def is_topic(arn: str) -> bool:
    return _ARN.fullmatch(arn) is not None


def host_of(topic: str) -> str:
    """Where SNS of the topic's region answers. AWS in China has a name of its own."""
    found = _ARN.fullmatch(topic)
    if not found:
        return ""
    return f"sns.{found[2]}.amazonaws.com" + (".cn" if found[1] == "aws-cn" else "")


def envelope(request: HookRequest) -> dict[str, Any]:
    """What SNS sent. Raises BadHook if it isn't SNS's."""
    if request.headers.get("X-Amz-Sns-Rawdelivery", "").lower() == "true":
        raise BadSignature("Switch off “raw message delivery” of this subscription: it has no signature.")
    if not isinstance(request.json, dict):
        raise BadHook("The body is not a message of SNS.")
    return request.json


def verify(said: dict[str, Any], topic: str) -> None:
    """Raises BadSignature unless SNS signed ``said``, of our ``topic``. Anybody may have a topic that SNS signs for."""
    if not topic or words_in(said, "TopicArn") != topic:
        raise BadSignature("This is another topic's.")
    names, algorithm = _SIGNED.get(words_in(said, "Type")), _HASHES.get(words_in(said, "SignatureVersion"))
    if names is None or algorithm is None:
        raise BadSignature
    text = "".join(f"{name}\n{said[name]}\n" for name in names if said.get(name) is not None)
    key = _key(words_in(said, "SigningCertURL"), host_of(topic))
    try:
        signature = base64.b64decode(words_in(said, "Signature"), validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError) as error:
        raise BadSignature from error


def _key(url: str, host: str) -> RSAPublicKey:
    """The public key of the certificate at ``url``, which is a certificate, of ``host``, by TLS, or it is not Amazon's."""
    parts = urlsplit(url)
    if (parts.scheme, parts.netloc) != ("https", host) or not _CERTIFICATE.fullmatch(parts.path) or parts.query:
        raise BadSignature("The certificate is not Amazon's.")
    if url not in _keys:
        if len(_keys) >= MOST_CERTIFICATES:
            _keys.clear()
        _keys[url] = _read(_download(url))
    return _keys[url]


def _read(pem: bytes) -> RSAPublicKey:
    try:
        key = load_pem_x509_certificate(pem).public_key()
    except ValueError as error:
        raise BadHook("Amazon's certificate can't be read.", 503) from error
    if not isinstance(key, RSAPublicKey):
        raise BadHook("Amazon's certificate has an unknown kind of key.", 503)
    return key


def _download(url: str) -> bytes:
    """Without redirects. When it fails SNS is asked to try again."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise BadSignature("Amazon has no such certificate.")
        return answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise BadHook("Amazon's certificate could not be read.", 503) from error
    finally:
        connection.close()
