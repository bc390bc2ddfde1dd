"""/v1/webhooks: endpoints, their secrets, what they were told, and telling it again."""

from __future__ import annotations

import pytest
from people import ANNA, World
from programs import Caller, caller

from heed.core import consent, deliveries, leases, webhooks
from heed.core.consent import Cause
from heed.core.deliveries import Result
from heed.core.models import Delivery, DeliveryState, Role, Source

NEW = {"url": "https://shop.example/heed", "events": ["opt_out", "inbound"]}


def made(call: Caller) -> dict:
    status, told = call("POST", "/v1/webhooks/", NEW)
    assert status == 201
    return told


def test_the_secret_is_shown_once(call: Caller, world: World) -> None:
    hook = made(call)
    assert hook["secret"].startswith("whsec_")
    (listed,) = call("GET", "/v1/webhooks")[1]["items"]
    shown = call("GET", f"/v1/webhooks/{hook['id']}")[1]
    assert listed == shown == {name: value for name, value in hook.items() if name != "secret"}
    rotated = call("POST", f"/v1/webhooks/{hook['id']}/secret")[1]
    assert rotated["secret"] not in (hook["secret"], "")
    row = webhooks.of(world.account).get()
    assert webhooks.secrets_of(row, row.created_at) == [rotated["secret"], hook["secret"]]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"url": "http://shop.example/"}, "not_https", "url"),
        ({"url": "https://127.0.0.1/"}, "private", "url"),
        ({"events": []}, "no_events", "events"),
        ({"events": ["everything"]}, "invalid", "events.0"),
    ],
)
def test_what_cant_be_is_refused(call: Caller, change: dict, code: str, field: str) -> None:
    hook = made(call)
    for method, path, body in (
        ("POST", "/v1/webhooks", NEW | change),
        ("PATCH", f"/v1/webhooks/{hook['id']}", change),
    ):
        status, told = call(method, path, body)
        assert (status, told["code"]) == (400, code)
        assert told["field"].endswith(field)
    assert len(call("GET", "/v1/webhooks")[1]["items"]) == 1


def test_a_delivery_is_logged_and_told_again(call: Caller, world: World) -> None:
    hook = made(call)
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    path = f"/v1/webhooks/{hook['id']}/deliveries"
    (waiting,) = call("GET", path)[1]["items"]
    assert (waiting["status"], waiting["request"]) == ("waiting", None)
    lease = leases.take(leases.WEBHOOKS)
    row = Delivery.objects.get()
    (made_call,) = deliveries.claim(row.endpoint_id, 5, lease)
    deliveries.settle([Result(made_call, row.created_at, 12, 503, "busy")], lease)
    Delivery.objects.update(state=DeliveryState.DEAD)
    (dead,) = call("GET", path + "?status=dead")[1]["items"]
    assert (dead["response_status"], dead["response"], dead["tries"]) == (503, "busy", 1)
    assert '"web_form"' in dead["request"]
    assert call("GET", path + "?status=delivered")[1]["items"] == []
    assert call("POST", f"/v1/deliveries/{dead['id']}/replay")[1] == {"deliveries": 1}
    assert call("POST", f"/v1/deliveries/{dead['id']}/replay")[1] == {"deliveries": 0}
    Delivery.objects.update(state=DeliveryState.DEAD)
    assert call("POST", f"/v1/webhooks/{hook['id']}/replay")[1] == {"deliveries": 1}
    assert call("GET", f"/v1/deliveries/{dead['id']}")[1]["status"] == "waiting"


def test_one_that_was_paused_is_resumed(call: Caller, world: World) -> None:
    hook = made(call)
    row = webhooks.of(world.account).get()
    row.paused_at, row.paused_reason = row.created_at, "Nothing has reached it for three days."
    row.save()
    shown = call("GET", f"/v1/webhooks/{hook['id']}")[1]
    assert (shown["status"], shown["paused_reason"]) == ("paused", "Nothing has reached it for three days.")
    resumed = call("PATCH", f"/v1/webhooks/{hook['id']}", {"enabled": True})[1]
    assert (resumed["status"], resumed["paused_reason"]) == ("enabled", None)
    assert call("PATCH", f"/v1/webhooks/{hook['id']}", {"enabled": False})[1]["status"] == "disabled"


def test_one_that_is_removed_is_gone(call: Caller) -> None:
    hook = made(call)
    delivery = call("POST", f"/v1/webhooks/{hook['id']}/test")[1]
    assert call("DELETE", f"/v1/webhooks/{hook['id']}")[0] == 200
    assert call("GET", "/v1/webhooks")[1]["items"] == []
    assert call("GET", f"/v1/webhooks/{hook['id']}")[0] == 404
    assert call("GET", f"/v1/deliveries/{delivery['id']}")[0] == 404


def test_marketers_keys_only_read(call: Caller, world: World) -> None:
    hook = made(call)
    marketer = caller(world, Role.MARKETER)
    assert marketer("GET", f"/v1/webhooks/{hook['id']}")[0] == 200
    for method, path, body in (
        ("POST", "/v1/webhooks", NEW),
        ("PATCH", f"/v1/webhooks/{hook['id']}", {"enabled": False}),
        ("DELETE", f"/v1/webhooks/{hook['id']}", None),
        ("POST", f"/v1/webhooks/{hook['id']}/secret", None),
        ("POST", f"/v1/webhooks/{hook['id']}/test", None),
        ("POST", f"/v1/webhooks/{hook['id']}/replay", None),
    ):
        assert marketer(method, path, body)[0] == 403
