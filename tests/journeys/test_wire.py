"""What reaches /v1 over a real connection: bodies in pieces, too big, cut off, and lengths that make no sense."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from installation import Installation, Shop

BODY = b'{"name": "ACME"}'


@pytest.fixture(scope="module")
def shop(installation: Installation) -> Shop:
    """One account for all of these: making one takes longer than a test."""
    return installation.shop("Wire")


@pytest.fixture
def connect(installation: Installation, shop: Shop) -> Any:
    """Send raw bytes of one request for a new sender name; the status and the body of the answer."""

    def exchange(
        *lines: str, body: bytes = b"", path: str = "/v1/senders", method: str = "POST", hang_up: bool = False
    ) -> tuple[int, Any]:
        host, port = installation.address.removeprefix("http://").split(":")
        start = [f"{method} {path} HTTP/1.1", "Host: heed", "Connection: close", f"x-auth-key: {shop.key}", *lines]
        with socket.create_connection((host, int(port)), timeout=20) as there:
            there.sendall("\r\n".join([*start, "", ""]).encode("latin-1") + body)
            if hang_up:
                there.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: there.recv(65536), b""))
        head, _, content = answer.partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head:
            content = b"".join(content.split(b"\r\n")[1::2])
        return int(head.split()[1]), json.loads(content) if content else None

    return exchange


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def test_a_body_in_chunks_is_read(connect: Any, shop: Shop) -> None:
    status, told = connect("Transfer-Encoding: chunked", body=in_chunks(BODY, 3))
    assert (status, told["name"]) == (201, "ACME")
    assert told in shop.must("GET", "/senders")["items"]


def test_a_body_in_chunks_may_not_be_too_big(connect: Any) -> None:
    status, told = connect("Transfer-Encoding: chunked", body=in_chunks(b" " * (10 * 2**20 + 1), 2**16))
    assert (status, told["code"]) == (413, "too_big")


def test_a_body_that_is_too_big_is_refused_unread(connect: Any) -> None:
    status, told = connect("Content-Length: 99999999999")
    assert (status, told["code"]) == (413, "too_big")


@pytest.mark.parametrize("lines", [["abc"], ["-5"], ["2", "5"], ["9" * 30], ["٣"]])
def test_a_length_that_makes_no_sense_is_refused(connect: Any, lines: list[str]) -> None:
    lengths = [f"Content-Length: {line}".encode().decode("latin-1") for line in lines]
    assert connect(*lengths, body=BODY)[0] == 400


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: 100"], b'{"name": "AC'),
        (["Transfer-Encoding: chunked"], b"zz\r\n" + BODY),
        (["Transfer-Encoding: chunked"], b'5\r\n{"nam\r\n'),
        ([], b""),
    ],
)
def test_a_body_that_ends_early_is_refused(connect: Any, shop: Shop, lines: list[str], body: bytes) -> None:
    before = shop.must("GET", "/senders")
    status, told = connect(*lines, body=body, hang_up=bool(lines))
    assert (status, told["code"] if told else "invalid") == (400, "invalid")
    assert shop.must("GET", "/senders") == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/messages/%ff%00", 404),
        ("GET", "/v1/messages?to=%ff%fe", 400),
        ("GET", "/v1/nothing", 404),
        ("FOO", "/v1/senders", 405),
        ("HEAD", "/v1/account", 405),
    ],
)
def test_odd_requests_are_answered_in_our_form(connect: Any, method: str, path: str, status: int) -> None:
    got, told = connect(method=method, path=path)
    assert got == status
    assert told is None if method == "HEAD" else set(told) == {"message", "code", "field"}


def test_the_same_key_twice_over_the_wire_sends_once(shop: Shop) -> None:
    number, phone = shop.buy(), shop.at.phone()
    body = json.dumps({"from": number, "message_body": "Hi", "to": [{"phone": [phone.number]}]}).encode()
    headers = {"X-AUTH-KEY": shop.key, "Content-Type": "application/json", "Idempotency-Key": "order-1"}
    first, second = (shop.at.request("POST", "/v1/sms/", body, **headers) for _ in range(2))
    assert first == second
    shop.settle(phone)
    phone.gets((number, "Hi"))
