"""Templates by the API."""

from __future__ import annotations

import pytest
from programs import Caller

BODY = {"name": "Order ready", "message_body": "Hello ${firstname|there}, it is ready."}


def test_it_works(call: Caller) -> None:
    status, made = call("POST", "/v1/templates", BODY)
    assert (status, made["name"], made["message_body"]) == (201, BODY["name"], BODY["message_body"])
    path = f"/v1/templates/{made['id']}"
    assert call("PATCH", path, {"message_body": "Ready."})[1]["message_body"] == "Ready."
    assert call("GET", path)[1]["message_body"] == "Ready."
    assert [one["id"] for one in call("GET", "/v1/templates")[1]["items"]] == [made["id"]]
    assert call("DELETE", path) == (200, {"id": made["id"], "status": "deleted"})
    assert call("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (BODY, 409, "name"),
        (BODY | {"name": ""}, 400, "name"),
        (BODY | {"name": "Other", "message_body": " "}, 400, "message_body"),
        ({"name": "Other"}, 400, "message_body"),
    ],
)
def test_what_can_not_be_kept(call: Caller, body: object, status: int, field: str) -> None:
    call("POST", "/v1/templates", BODY)
    answered, told = call("POST", "/v1/templates", body)
    assert (answered, told["field"]) == (status, field)


def test_a_sender_name_is_released_and_comes_back(call: Caller) -> None:
    name = call("GET", "/v1/senders")[1]["items"][0]
    assert call("DELETE", f"/v1/senders/{name['id']}") == (200, {"id": name["id"], "status": "released"})
    assert call("GET", "/v1/senders")[1]["items"] == []
    assert call("DELETE", f"/v1/senders/{name['id']}")[0] == 404
    again = call("POST", "/v1/senders", {"name": name["name"]})[1]
    assert again["id"] == name["id"]
