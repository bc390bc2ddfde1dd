"""docs/api.md is run: every example in order, as a newcomer would, and its answer compared with the one it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from people import SHARED_NUMBER
from programs import Caller, endpoints

from heed.core import accounts, inbound, sandbox, senders
from heed.core.models import Role
from heed.rules import numbers
from heed.rules.values import InboundText

FIRST_FOR_SALE = 447700900000
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
# What is another at each run: ids, times, the free keyword, the short link, the address.
CHANGING = [
    (r"\b(num|lnk|tid|req|cur|rev|tpl|whk|dlv|evt)_[0-9a-f]{32}", r"\1_"),
    (r"\bAC[0-9a-f]{32}", "AC"),
    (r"whsec_[\w+/]+=*", "secret"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "time"),
    (r"\b[a-z]{5}STOP", "keyword"),
    (r"http://[\w.:]+/\w{5}\b", "link"),
]


def examples() -> list[tuple[str, str]]:
    """Each command and the answer below it; "" where the guide shows none."""
    found = re.findall(r"```sh\n(curl .*?)```(?:\s*```json\n(.*?)```)?", GUIDE.read_text(), re.DOTALL)
    return [(command.replace("\\\n", " "), answer) for command, answer in found]


def parsed(command: str) -> tuple[str, str, Any, dict[str, str]]:
    words = iter(shlex.split(command)[1:])
    method, path, body, headers = "", "", None, {}
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "--json":
            body = json.loads(next(words))
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        else:
            path = word.removeprefix("$HEED")
    assert headers.pop("X-AUTH-KEY") == "$KEY"
    return method or ("POST" if body is not None else "GET"), path, body, headers


def steady(told: Any) -> Any:
    text = json.dumps(told)
    for pattern, instead in CHANGING:
        text = re.sub(pattern, instead, text)
    return json.loads(text)


def test_every_example_is_answered_as_it_says(db: None) -> None:
    link = sandbox.connection_of()
    senders.add_shared(SHARED_NUMBER, link, actor="test")
    account = accounts.create("Acme", actor="test")
    call = Caller(accounts.create_api_key(account, "program", Role.OWNER, actor="test")[1])
    known: dict[str, str] = {}
    for command, answer in examples():
        method, path, body, headers = parsed(command)
        for name, value in known.items():
            path = path.replace(f"${name}", value)
        if path == "/v1/reviews":
            number = numbers.show(FIRST_FOR_SALE)
            inbound.receive(link, [InboundText("", "+447700900504", number, "Sorry, wrong number")])
        status, told = call(method, path, body, **{name.replace("-", "_"): value for name, value in headers.items()})
        assert steady(told) == steady(json.loads(answer)), json.dumps(told, indent=2)
        assert (status >= 400) == (set(told) == {"message", "code", "field"}), command
        if (method, path) == ("POST", "/v1/numbers"):
            known["NUMBER"] = told["id"]
        if (method, path) == ("POST", "/v1/senders"):
            known["NAME"] = told["id"]
        if (method, path) == ("POST", "/v1/templates"):
            known["TEMPLATE"] = told["id"]
        if (method, path) == ("GET", "/v1/reviews"):
            known["REVIEW"] = told["items"][0]["id"]
        if (method, path) == ("POST", "/v1/webhooks"):
            known["WEBHOOK"] = told["id"]
        if path.endswith("/test") and "webhooks" in path:
            known["DELIVERY"] = told["id"]
        if (method, path) == ("POST", "/v1/sms"):
            known["MESSAGE"] = told["messages"][-1]["transaction_id"]


def test_every_endpoint_has_an_example() -> None:
    shown = set()
    for command, _ in examples():
        method, path, _, _ = parsed(command)
        path = (
            path.partition("?")[0]
            .replace("$NUMBER", "{number_id}")
            .replace("$MESSAGE", "{transaction_id}")
            .replace("$REVIEW", "{review_id}")
            .replace("$NAME", "{name_id}")
            .replace("$TEMPLATE", "{template_id}")
            .replace("$WEBHOOK", "{webhook_id}")
            .replace("$DELIVERY", "{delivery_id}")
        )
        shown.add((method, path.rstrip("/")))
    assert set(endpoints()) == shown


def test_every_refusal_is_explained() -> None:
    text = GUIDE.read_text()
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 429, 503):
        assert re.search(rf"^\| {status} \|", text, re.MULTILINE)
