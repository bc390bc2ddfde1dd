"""Programs that call /v1 in tests, through the short chain as in life. What they are answered must fit the description."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs
from django.test import Client
from django.test.client import ClientHandler
from people import World

from heed.core import accounts
from heed.core.models import Role
from heed.wsgi import ShortChain


class _Handler(ShortChain, ClientHandler):
    pass


class Caller:
    """A program with a key. Called with a method, a path and a body, it gives the status and the JSON it was answered."""

    def __init__(self, secret: str) -> None:
        self.client = Client(headers={"x-auth-key": secret}, raise_request_exception=False)
        self.client.handler = _Handler(enforce_csrf_checks=True)

    def raw(self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **headers: str) -> Any:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, path, data, content_type=kind, headers=headers)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = self.raw(method, path, body, **headers)
        told = json.loads(answer.content)
        fits(method, path, answer.status_code, told)
        return answer.status_code, told


def caller(world: World, role: Role = Role.OWNER, *, stranger: bool = False) -> Caller:
    account = world.other if stranger else world.account
    return Caller(accounts.create_api_key(account, "program", role, actor="test")[1])


@cache
def description() -> dict[str, Any]:
    """What /v1/openapi.json says."""
    from heed.api.urls import api

    described: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return described


def endpoints() -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in description()["paths"].items() for method in methods]


def fits(method: str, path: str, status: int, told: Any) -> None:
    """Fail unless ``told`` is what the description says of this endpoint and status."""
    bare = path.partition("?")[0].rstrip("/")
    found = [(m, p) for m, p in endpoints() if m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), bare)]
    found.sort(key=lambda one: "{" in one[1])
    if found:
        answers = description()["paths"][found[0][1]][method.lower()]["responses"]
        schema = answers[str(status)]["content"]["application/json"]["schema"]
        jsonschema_rs.validate(schema | {"components": description()["components"]}, told)
    else:
        assert set(told) == {"message", "code", "field"} or bare == "/v1/openapi.json"
