"""/v1/reviews: the queue, and deciding."""

from __future__ import annotations

from people import ANNA, World
from programs import Caller, caller

from heed.core import inbound
from heed.core.models import Role
from heed.rules import numbers
from heed.rules.values import InboundText

NUMBER, PHONE = "+447700900001", numbers.show(ANNA)


def texts(world: World, *words: str) -> None:
    for one in words:
        inbound.receive(world.link, [InboundText("", PHONE, NUMBER, one)])


def test_oldest_first_a_page_at_a_time(call: Caller, world: World) -> None:
    texts(world, "wrong number", "stpo", "not interested")
    page = call("GET", "/v1/reviews?limit=2")[1]
    assert [one["text"] for one in page["items"]] == ["wrong number", "stpo"]
    assert [one["scope"] for one in page["items"]] == ["account", "sender"]
    rest = call("GET", f"/v1/reviews?next={page['next']}")[1]
    assert ([one["text"] for one in rest["items"]], rest["next"]) == (["not interested"], None)


def test_deciding(call: Caller, world: World) -> None:
    texts(world, "stpo", "not interested")
    first, second = (one["id"] for one in call("GET", "/v1/reviews")[1]["items"])
    marketer = caller(world, Role.MARKETER)
    status, told = marketer("POST", f"/v1/reviews/{first}", {"decision": "opt_out", "note": "A typo"})
    assert (status, told["status"], told["decision"], told["decided_by"]) == (200, "decided", "opt_out", "key program")
    assert call("POST", f"/v1/reviews/{first}", {"decision": "opt_out"})[0] == 200
    status, told = call("POST", f"/v1/reviews/{first}", {"decision": "not_an_opt_out"})
    assert (status, told["code"]) == (409, "decided")
    assert call("POST", f"/v1/reviews/{second}/", {"decision": "perhaps"})[0] == 400
    assert call("POST", f"/v1/reviews/{second}/", {"decision": "not_an_opt_out"})[0] == 200
    assert call("GET", "/v1/reviews")[1]["items"] == []
    done = call("GET", "/v1/reviews?status=decided&limit=1")[1]
    assert [one["id"] for one in done["items"]] == [second]
    assert [one["id"] for one in call("GET", f"/v1/reviews?status=decided&next={done['next']}")[1]["items"]] == [first]
    (checked,) = call("POST", "/v1/check", {"from": NUMBER, "to": [PHONE]})[1]["items"]
    assert checked["reason"] == "opted_out"


def test_a_viewer_looks_and_does_not_decide(call: Caller, world: World) -> None:
    texts(world, "stpo")
    viewer = caller(world, Role.VIEWER)
    review = viewer("GET", "/v1/reviews")[1]["items"][0]["id"]
    assert viewer("GET", f"/v1/reviews/{review}")[1]["text"] == "stpo"
    assert viewer("POST", f"/v1/reviews/{review}", {"decision": "opt_out"})[0] == 403
    assert call("GET", f"/v1/reviews/{review}")[1]["status"] == "open"
