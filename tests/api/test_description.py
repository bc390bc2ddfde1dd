"""/v1/openapi.json: every endpoint says what it takes, answers and refuses."""

from __future__ import annotations

import pytest
from programs import Caller, description, endpoints

REFUSALS = {"400", "401", "403", "404", "409", "413", "415", "429", "503"}


def test_it_names_every_endpoint(db: None) -> None:
    described = Caller("").raw("GET", "/v1/openapi.json").json()
    assert described == description()
    assert set(described["paths"]) == {
        "/v1/account",
        "/v1/check",
        "/v1/messages",
        "/v1/messages/{transaction_id}",
        "/v1/numbers",
        "/v1/numbers/inventory",
        "/v1/numbers/{number_id}",
        "/v1/optouts",
        "/v1/reviews",
        "/v1/reviews/{review_id}",
        "/v1/senders",
        "/v1/senders/{name_id}",
        "/v1/sms",
        "/v1/sms/test",
        "/v1/templates",
        "/v1/templates/{template_id}",
        "/v1/webhooks",
        "/v1/webhooks/{webhook_id}",
        "/v1/webhooks/{webhook_id}/secret",
        "/v1/webhooks/{webhook_id}/test",
        "/v1/webhooks/{webhook_id}/replay",
        "/v1/webhooks/{webhook_id}/deliveries",
        "/v1/deliveries/{delivery_id}",
        "/v1/deliveries/{delivery_id}/replay",
    }
    (scheme,) = described["components"]["securitySchemes"].values()
    assert scheme == {"type": "apiKey", "in": "header", "name": "X-AUTH-KEY"}


@pytest.mark.parametrize(("method", "path"), endpoints())
def test_it_is_complete(method: str, path: str) -> None:
    described = description()["paths"][path][method.lower()]
    answers = described["responses"]
    assert set(answers) == REFUSALS | {"201" if (method, path) in BOUGHT else "200"}
    for status, answer in answers.items():
        schema = answer["content"]["application/json"]["schema"]
        assert schema["$ref"].startswith("#/components/schemas/")
        assert (status in REFUSALS) == (schema["$ref"] == "#/components/schemas/Error")
    assert {status for status, answer in answers.items() if "Retry-After" in answer.get("headers", {})} == {
        "429",
        "503",
    }
    assert described["security"]
    assert described["summary"]
    assert described["tags"]


BOUGHT = {("POST", f"/v1/{noun}") for noun in ("numbers", "senders", "templates", "webhooks")}


def test_sending_takes_an_idempotency_key() -> None:
    (header,) = description()["paths"]["/v1/sms"]["post"]["parameters"]
    assert (header["in"], header["name"], header["required"]) == ("header", "Idempotency-Key", False)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages",
        "/v1/optouts",
        "/v1/numbers",
        "/v1/senders",
        "/v1/templates",
        "/v1/reviews",
        "/v1/webhooks",
        "/v1/webhooks/{webhook_id}/deliveries",
    ],
)
def test_lists_are_paged(path: str) -> None:
    named = {one["name"]: one["schema"] for one in description()["paths"][path]["get"]["parameters"]}
    assert (named["limit"]["default"], named["limit"]["minimum"], named["limit"]["maximum"]) == (100, 1, 1000)
    assert named["next"]["type"] == "string"
