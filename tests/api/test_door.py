"""Whatever is sent to /v1 gets JSON in one form, and never a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError
from programs import Caller, description, endpoints

from heed.core import accounts
from heed.core.models import Message

NUMBER = "+447700900001"
PATH = {"{number_id}": "num_" + "0" * 32, "{transaction_id}": "tid_" + "0" * 32}
WRITES = [(method, path) for method, path in endpoints() if method != "GET"]


def filled(path: str) -> str:
    for name, value in PATH.items():
        path = path.replace(name, value)
    return path


def refusal(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"].startswith("application/json")
    told: dict[str, Any] = json.loads(answer.content)
    assert set(told) == {"message", "code", "field"}
    assert told["message"]
    return told


def test_an_unknown_path_is_404(call: Caller) -> None:
    for path in ("/v1/", "/v1/nothing", "/v1/sms/x/y", "/v1/%ff%fe", "/v1/%00", "/v1/numbers//"):
        for method in ("GET", "POST"):
            answer = call.raw(method, path)
            assert (path, answer.status_code, refusal(answer)["code"]) == (path, 404, "not_found")


def test_a_wrong_method_is_405_and_told_the_right_ones(call: Caller) -> None:
    for path in sorted({path for _, path in endpoints()}):
        for method in ("PUT", "TRACE", "OPTIONS", "FOO"):
            answer = call.raw(method, filled(path))
            assert (path, answer.status_code, refusal(answer)["code"]) == (path, 405, "method_not_allowed")
            assert answer["Allow"] == ", ".join(sorted(m for m, p in endpoints() if p == path))


def test_without_a_key_every_endpoint_is_401(db: None) -> None:
    for method, path in endpoints():
        for slash in ("", "/"):
            answer = Caller("wrong").raw(method, filled(path) + slash, {})
            assert (path, answer.status_code, refusal(answer)["code"]) == (path, 401, "unauthorized")
            assert answer["WWW-Authenticate"]


def test_another_content_type_is_415(call: Caller) -> None:
    for method, path in WRITES:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"):
            answer = call.raw(method, filled(path), b"{}", kind=kind)
            assert (path, answer.status_code, refusal(answer)["code"]) == (path, 415, "unsupported_type")


def test_a_compressed_body_is_415(call: Caller) -> None:
    assert call.raw("POST", "/v1/sms", b"\x1f\x8b", content_encoding="gzip").status_code == 415


def test_json_is_read_however_it_is_named(call: Caller) -> None:
    for kind in ("", "application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert call.raw("POST", "/v1/senders", {"name": "ACME"}, kind=kind).status_code == 201


def test_a_body_over_10_mb_is_refused_before_it_is_read(call: Caller) -> None:
    class Unread:
        def read(self, *_: int) -> bytes:
            raise AssertionError("It was read.")

        readline = read

    answer = call.client.generic(
        "POST",
        "/v1/sms",
        content_type="application/json",
        **{"CONTENT_LENGTH": str(10 * 2**20 + 1), "wsgi.input": Unread()},
    )
    assert (answer.status_code, refusal(answer)["code"]) == (413, "too_big")


def test_a_body_of_10_mb_is_read(call: Caller) -> None:
    start = b'{"from": "ACME", "to": [{"phone": [""]}], "message_body": "'
    body = start + b"x" * (10 * 2**20 - len(start) - 2) + b'"}'
    assert call("POST", "/v1/sms", body)[1]["code"] == "too_long"


def test_a_senseless_length_is_refused(call: Caller) -> None:
    for length in ("abc", "-1", "1e3", "9" * 30, "\u0663"):
        answer = call.client.generic("POST", "/v1/sms", content_type="application/json", CONTENT_LENGTH=length)
        assert answer.status_code in (400, 413)
        refusal(answer)


NO_JSON_OF_OURS = [
    b"{",
    b"nonsense",
    b"\xff\xfe{\x00}\x00",
    b'{"from": "\xff"}',
    b'"\\ud800"',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 5000,
    b"NaN",
    b"[Infinity]",
    b"null",
    b"[null]",
    b'[{"phone_number": 1e400}]',
    b'{"to": NaN, "from": -Infinity}',
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_is_no_json_of_ours_is_400(call: Caller, method: str, path: str) -> None:
    for body in NO_JSON_OF_OURS:
        answer = call.raw(method, filled(path), body)
        takes_none = "requestBody" not in description()["paths"][path][method.lower()]
        assert (body[:20], answer.status_code) == (body[:20], 404 if takes_none else 400)
        refusal(answer)


ODD = [
    "\0",
    "\ud800",
    "\N{WAVING HAND SIGN}",
    "\u202e",
    "9" * 400,
    "x" * 5000,
    "",
    " ",
    "٣٣٣",
    "'; DROP TABLE--",
    "%s%n",
]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages?to={}",
        "/v1/messages?status={}",
        "/v1/messages?next={}",
        "/v1/messages?limit={}",
        "/v1/messages/{}",
        "/v1/optouts?phone_number={}",
        "/v1/optouts?account_level_opt_out={}",
        "/v1/optouts?inbound_number={}",
        "/v1/optouts?since={}",
        "/v1/optouts?channel={}",
        "/v1/numbers?next={}",
        "/v1/numbers/inventory?country={}",
        "/v1/numbers/inventory?digits={}",
        "/v1/numbers/{}",
        "/v1/senders?limit={}",
    ],
)
def test_odd_questions_are_answered(call: Caller, path: str) -> None:
    for odd in ODD:
        answer = call.raw("GET", path.format(quote(odd.encode("utf-8", "surrogatepass"), safe="")))
        assert answer.status_code in (200, 400, 404), (odd, answer.content)
        json.loads(answer.content)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/sms", {"message_body": "{}", "from": NUMBER, "to": [{"phone": ["+447700900501"]}]}),
        ("POST", "/v1/sms", {"message_body": "x", "from": "{}", "to": [{"phone": ["+447700900501"]}]}),
        ("POST", "/v1/sms", {"message_body": "x", "from": NUMBER, "to": [{"phone": ["{}"]}]}),
        ("POST", "/v1/sms", {"message_body": "x", "from": NUMBER, "to": [], "name": "{}", "send_at": "{}"}),
        (
            "POST",
            "/v1/sms",
            {
                "message_body": "Hi ${a}",
                "from": NUMBER,
                "to": [{"phone": ["+447700900501"], "merge_fields": {"a": "{}", "{}": 1}, "correlation_id": "{}"}],
            },
        ),
        ("POST", "/v1/check", {"from": "{}", "to": ["{}"]}),
        ("POST", "/v1/check", {"from": NUMBER, "to": ["{}"]}),
        ("POST", "/v1/senders", {"name": "{}"}),
        ("POST", "/v1/numbers", {"phone_number": "{}"}),
        ("PATCH", "/v1/numbers/{id}", {"reply_message": "{}", "keywords": [{"word": "{}"}], "opt_in_words": ["{}"]}),
        ("POST", "/v1/optouts", [{"phone_number": "{}", "account_level_opt_out": True}]),
        ("POST", "/v1/optouts", [{"phone_number": "+447700900501", "inbound_number": "{}", "reason": "{}"}]),
        ("POST", "/v1/optouts", [{"phone_number": "+447700900501", "channel": "{}", "account_level_opt_out": True}]),
        ("DELETE", "/v1/optouts", [{"phone_number": "+447700900501", "inbound_number": "{}"}]),
    ],
)
def test_odd_texts_are_answered(call: Caller, method: str, path: str, body: Any) -> None:
    if "{id}" in path:
        path = path.replace("{id}", call("GET", "/v1/numbers")[1]["items"][0]["id"])
    for odd in ODD:
        answer = call.raw(method, path, json.dumps(body).replace("{}", json.dumps(odd)[1:-1]).encode())
        assert answer.status_code in (200, 201, 400), (odd, answer.content)
        json.loads(answer.content)


def test_odd_idempotency_keys_are_answered(call: Caller) -> None:
    body = {"message_body": "x", "from": NUMBER, "to": [{"phone": ["+447700900501"]}]}
    for odd, status in {"\xe9": 200, "\0": 200, "\N{SNOWMAN}": 200, "\ud800": 400, "x" * 151: 400}.items():
        assert (odd, call.raw("POST", "/v1/sms", body, idempotency_key=odd).status_code) == (odd, status)
    assert Message.objects.count() == 3


def test_too_many_parameters_are_refused(call: Caller) -> None:
    answer = call.raw("GET", "/v1/messages?" + "&".join(f"a{n}=1" for n in range(2000)))
    assert answer.status_code == 400
    refusal(answer)


def test_a_database_that_fails_is_503_and_a_bug_of_ours_500(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> Any:
        def raiser(*_: object) -> None:
            raise error

        monkeypatch.setattr(accounts, "opt_out_link", raiser)
        return call.raw("GET", "/v1/account")

    answer = fail(OperationalError("database is locked"))
    assert (answer.status_code, refusal(answer)["code"], answer["Retry-After"]) == (503, "busy", "5")
    answer = fail(RuntimeError("secret"))
    assert (answer.status_code, refusal(answer)["code"]) == (500, "internal")
    assert b"secret" not in answer.content


def test_answers_are_kept_by_no_cache(call: Caller) -> None:
    answer = call.raw("GET", "/v1/account")
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "Set-Cookie" not in answer
