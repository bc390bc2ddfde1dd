"""/2010-04-01 asked at random: every answer is one that docs/api-twilio.md tells of."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from people import ANNA, World
from programs import _Handler

from heed.api.rates import rates
from heed.core import accounts, outbound
from heed.core.models import Role
from heed.core.status_callbacks import sid
from heed.rules import numbers

DOCUMENTED = {
    int(code) for code in re.findall(r"\b\d{5}\b", (Path(__file__).parents[2] / "docs/api-twilio.md").read_text())
}
FIELDS = (
    "To From Body MessagingServiceSid StatusCallback SendAt ScheduleType ValidityPeriod Status MediaUrl DateSent DateSent< "
    "DateSent> PageSize Page PageToken"
).split()
VALUES = st.one_of(
    st.sampled_from(
        ["", "+447700900001", "447700900001", "+447700900500", "Acme", "MG" + "0" * 32, "Hello", "x" * 2000]
    ),
    st.sampled_from(
        ["0", "-1", "1e9", "canceled", "fixed", "2026-01-01", "2026-11-28T12:00:00Z", "https://127.0.0.1/", "\0"]
    ),
    st.text(max_size=20),
)
FORMS = st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), VALUES, max_size=6)
PATHS = st.one_of(
    st.sampled_from(
        ["Messages.json", "Messages/{known}.json", "Messages/{known}/Media.json", "Messages/SM0.json", ".json"]
    ),
    st.text(max_size=12).map(lambda text: quote(text, safe="")),
)


@pytest.mark.parametrize("role", [Role.MARKETER, Role.VIEWER])
def test_it_keeps_to_its_page(world: World, settings: Any, role: Role) -> None:
    settings.API_RATE = 0
    rates.forget()
    secret = accounts.create_api_key(world.account, "random", role, actor="test")[1]
    account = sid("AC", world.account.id)
    (queued,) = outbound.queue(world.number, [outbound.Draft(ANNA, numbers.show(ANNA), "Hi")], door="api", actor="test")
    client = Client(headers={"Authorization": "Basic " + base64.b64encode(f"{account}:{secret}".encode()).decode()})
    client.handler = _Handler(enforce_csrf_checks=True)

    @bounded(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]), PATHS, FORMS, FORMS)
    def asked(method: str, path: str, query: dict[str, str], form: dict[str, str]) -> None:
        url = f"/2010-04-01/Accounts/{account}/{path.replace('{known}', sid('SM', queued.id))}?{urlencode(query)}"
        answer = client.generic(method, url, urlencode(form), content_type="application/x-www-form-urlencoded")
        if answer.status_code < 300 or method == "HEAD":
            assert answer.status_code < 500
            return
        refusal = json.loads(answer.content)
        assert set(refusal) == {"code", "message", "more_info", "status"}
        assert refusal["status"] == answer.status_code < 500
        assert refusal["code"] in DOCUMENTED

    asked()
