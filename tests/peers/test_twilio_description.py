"""/2010-04-01 against Twilio's own OpenAPI description, a file that HEED_TWILIO_OPENAPI names: it is not ours to ship."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from people import ANNA, World
from programs import _Handler

from heed.api.rates import rates
from heed.core import accounts, outbound
from heed.core.models import Role
from heed.core.status_callbacks import sid
from heed.rules import numbers

DESCRIPTION = os.environ.get("HEED_TWILIO_OPENAPI", "")
pytestmark = [pytest.mark.peers, pytest.mark.skipif(not DESCRIPTION, reason="HEED_TWILIO_OPENAPI names no file.")]
HERE = "/2010-04-01/Accounts/{AccountSid}/Messages"
PATHS = (f"{HERE}.json", f"{HERE}/{{Sid}}.json", f"{HERE}/{{MessageSid}}/Media.json")
REFUSAL = {"code", "message", "more_info", "status"}


def described() -> dict[str, Any]:
    """The description. Its lists' addresses are relative, as Twilio answers and its SDK needs, though it says "uri"."""
    told: dict[str, Any] = json.loads(
        Path(DESCRIPTION).read_text().replace('"format": "uri"', '"format": "uri-reference"')
    )
    return told


METHODS = ("get", "post", "delete")
OPERATIONS = [(one, verb) for one in PATHS for verb in METHODS if DESCRIPTION and verb in described()["paths"][one]]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_it_keeps_to_the_description(world: World, settings: Any, path: str, method: str) -> None:
    settings.API_RATE = 0
    rates.forget()
    secret = accounts.create_api_key(world.account, "fuzzer", Role.OWNER, actor="test")[1]
    account = sid("AC", world.account.id)
    (queued,) = outbound.queue(world.number, [outbound.Draft(ANNA, numbers.show(ANNA), "Hi")], door="api", actor="test")
    client = Client(headers={"Authorization": "Basic " + base64.b64encode(f"{account}:{secret}".encode()).decode()})
    client.handler = _Handler(enforce_csrf_checks=True)
    for known in (True, False):
        _ask(client, path, method, account, sid("SM", queued.id) if known else "")


def _ask(client: Client, path: str, method: str, account: str, message: str) -> None:
    everything = described()
    operation = schemathesis.openapi.from_dict(everything)[path][method.upper()]
    good = {int(status): one for status, one in everything["paths"][path][method]["responses"].items()}

    @bounded(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        given_ids = {name: message or value for name, value in case.path_parameters.items()} | {"AccountSid": account}
        form = urlencode(case.body if isinstance(case.body, dict) else {}, doseq=True)
        query = urlencode(case.query or {}, doseq=True)
        kind = "application/x-www-form-urlencoded"
        answer = client.generic(method.upper(), f"{path.format(**given_ids)}?{query}", form, content_type=kind)
        if answer.status_code in good:
            content = good[answer.status_code].get("content")
            if content:
                schema = content["application/json"]["schema"] | {"components": everything["components"]}
                jsonschema_rs.validate(_nullable(schema), json.loads(answer.content))
        else:
            assert 400 <= answer.status_code < 500
            assert set(json.loads(answer.content)) == REFUSAL

    asked()


def _nullable(schema: Any) -> Any:
    """OpenAPI 3.0's nullable as JSON Schema has it."""
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _nullable(value) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") and isinstance(told.get("type"), str):
        told["type"] = [told["type"], "null"]
    return told
