"""/v1/account, /v1/numbers and /v1/senders."""

from __future__ import annotations

from typing import Any

import pytest
from people import World
from programs import Caller, caller

from heed.core import accounts
from heed.core.models import ApiKey
from heed.core.status_callbacks import sid

SETTINGS = (
    "account_level_opt_out",
    "reply_message",
    "help_reply",
    "opt_in_reply",
    "translations",
    "opt_in_words",
    "keywords",
    "rate",
)


@pytest.fixture
def path(call: Caller) -> str:
    return f"/v1/numbers/{call('POST', '/v1/numbers/', {'phone_number': '+447700900100'})[1]['id']}"


def test_a_number_is_bought_changed_and_released(call: Caller) -> None:
    _, found = call("GET", "/v1/numbers/inventory?country=GB&limit=1")
    status, bought = call("POST", "/v1/numbers/", {"phone_number": found["items"][0]["phone_number"]})
    assert (status, bought["id"][:4], bought["account_level_opt_out"]) == (201, "num_", False)
    assert [word["word"] for word in bought["keywords"]] == ["STOP", "UNSUBSCRIBE"]
    path = f"/v1/numbers/{bought['id']}"
    wanted = {
        "account_level_opt_out": True,
        "reply_message": "Bye.",
        "help_reply": "Help.",
        "opt_in_reply": "Back.",
        "translations": {"fr": {"reply_message": "Au revoir.", "help_reply": None, "opt_in_reply": None}},
        "opt_in_words": ["JOIN"],
        "keywords": [{"word": "STOP", "reply": "Stopped."}, {"word": "END", "reply": None}],
        "rate": 25,
    }
    _, changed = call("PATCH", path, wanted)
    keywords = [("STOP", "Stopped."), ("UNSUBSCRIBE", None), ("END", None)]
    assert [(one["word"], one["reply"]) for one in changed["keywords"]] == keywords
    assert {name: changed[name] for name in SETTINGS[:6]} == {name: wanted[name] for name in SETTINGS[:6]}
    assert changed["rate"] == 25
    assert call("GET", path + "/")[1] == changed
    assert call("PATCH", path, {name: changed[name] for name in SETTINGS})[1] == changed  # as it was read
    assert call("DELETE", path)[1] == {"id": bought["id"], "status": "released"}
    for method in ("GET", "PATCH", "DELETE"):
        assert call(method, path, {})[0] == 404
    assert call("POST", "/v1/numbers", {"phone_number": bought["phone_number"]})[1] == changed


def test_replies_by_language_are_replaced_whole_and_linted(call: Caller, path: str) -> None:
    french = {"reply_message": "Au revoir.", "help_reply": None, "opt_in_reply": None}
    assert call("PATCH", path, {"translations": {"fr": {"reply_message": " Au revoir. "}}})[1]["translations"] == {
        "fr": french
    }
    assert call("PATCH", path, {"help_reply": "Help."})[1]["translations"] == {"fr": french}
    change = {"translations": {"de": {"help_reply": "Jetzt mit Rabatt!"}, "es": {"help_reply": " "}}}
    changed = call("PATCH", path, change)[1]
    assert list(changed["translations"]) == ["de"]
    assert changed["warnings"] == [{"code": "marketing", "field": "translations.de.help_reply", "word": "rabatt"}]
    assert call("PATCH", path, {"translations": {"xx": {"help_reply": "?"}}})[0] == 400
    assert call("PATCH", path, {"translations": {"fr": {"help_reply": "x" * 1001}}})[0] == 400
    assert call("GET", path)[1] == changed
    assert call("PATCH", path, {"translations": {}})[1]["translations"] == {}


def test_what_is_left_out_stays_and_null_takes_a_reply_away(call: Caller, path: str) -> None:
    first = call("PATCH", path, {"reply_message": "Bye.", "help_reply": "Help.", "keywords": [{"word": "END"}]})[1]
    assert call("PATCH", path, {})[1] == first
    second = call("PATCH", path, {"reply_message": None})[1]
    assert (second["reply_message"], second["help_reply"]) == (None, "Help.")
    assert [one["word"] for one in call("PATCH", path, {"keywords": []})[1]["keywords"]] == ["STOP", "UNSUBSCRIBE"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"account_level_opt_out": None}, "invalid", "account_level_opt_out"),
        ({"account_level_opt_out": 1}, "invalid", "account_level_opt_out"),
        ({"keywords": [{"word": "YES"}]}, "risky", "keywords"),
        ({"keywords": [{"word": "END"}, {"word": "end."}]}, "duplicate", "keywords"),
        ({"keywords": [{"word": "x" * 41}]}, "invalid", "keywords"),
        ({"keywords": [{"word": "END", "reply": "x" * 1001}]}, "too_long", "keywords"),
        ({"keywords": [{"word": f"W{n}"} for n in range(201)]}, "too_many", "keywords"),
        ({"keywords": None}, "invalid", "keywords"),
        ({"keywords": [{}]}, "invalid", "keywords.0.word"),
        ({"opt_in_words": ["YES"]}, "risky", "opt_in_words"),
        ({"reply_message": "x" * 1001}, "too_long", "reply_message"),
        ([], "invalid", ""),
    ],
)
def test_a_change_is_made_whole_or_not(call: Caller, path: str, change: Any, code: str, field: str) -> None:
    before = call("GET", path)[1]
    body = {"help_reply": "Other."} | change if isinstance(change, dict) else change
    status, refused = call("PATCH", path, body)
    assert (status, refused["code"], refused["field"] or "") == (400, code, field)
    assert call("GET", path)[1] == before


def test_only_what_is_for_sale_is_bought(call: Caller) -> None:
    for number, expected in {
        "+447700900001": (409, "taken"),  # one's own
        "+447700900003": (409, "taken"),  # the stranger's
        "+447700900400": (409, "taken"),  # the shared number
        "+447700900999": (400, "not_for_sale"),
        "+442079460018": (400, "not_for_sale"),
        "12": (400, "too_short"),
    }.items():
        status, refused = call("POST", "/v1/numbers", {"phone_number": number})
        assert (number, status, refused["code"]) == (number, *expected)


def test_the_inventory_is_searched(call: Caller) -> None:
    for query, count in {"country=gb&limit=3": 3, "country=US": 0, "digits=90012": 10, "digits=99999": 0}.items():
        _, found = call("GET", f"/v1/numbers/inventory?{query}")
        assert (query, len(found["items"]), found["next"]) == (query, count, None)
    assert "+447700900001" not in str(call("GET", "/v1/numbers/inventory?limit=1000")[1])


def test_a_sender_name_is_added_once(call: Caller, world: World) -> None:
    status, added = call("POST", "/v1/senders/", {"name": "Shop 24"})
    assert (status, added["name"]) == (201, "Shop 24")
    assert call("POST", "/v1/senders", {"name": "Shop 24"})[1] == added
    assert call("POST", "/v1/senders", {"name": "SHOP 24"})[0] == 409
    assert [one["name"] for one in call("GET", "/v1/senders")[1]["items"]] == ["Shop 24", "ACME"]
    for bad in ("", "MUCH TOO LONG NAME", "12345", "\N{SNOWMAN}"):
        assert call("POST", "/v1/senders", {"name": bad})[0] == 400


def test_the_account_tells_its_free_keyword_and_link(call: Caller, world: World) -> None:
    assert call("GET", "/v1/account/")[1] == {
        "name": "Acme",
        "slug": "acme",
        "country": "GB",
        "free_keyword": accounts.free_keyword(world.account),
        "free_keyword_number": world.shared.address,
        "opt_out_link": accounts.opt_out_link(world.account),
        "account_sid": sid("AC", world.account.id),
    }


@pytest.mark.parametrize("secret", ["", "wrong", "\N{SNOWMAN}", "x" * 500])
def test_a_wrong_key_is_401(world: World, secret: str) -> None:
    assert Caller(secret)("GET", "/v1/account")[0] == 401


def test_a_revoked_key_is_401(call: Caller, world: World) -> None:
    accounts.revoke_api_key(world.account, ApiKey.objects.get().id, actor="test")
    assert call("GET", "/v1/account")[0] == 401


def test_the_key_of_a_closed_account_is_401(world: World) -> None:
    program = caller(world)
    type(world.account).objects.filter(id=world.account.id).update(closed_at="2026-01-01T00:00:00Z")
    assert program("GET", "/v1/account")[0] == 401


def test_a_rate_is_set_and_taken_away_of_a_number_and_of_a_name(call: Caller, path: str) -> None:
    name = f"/v1/senders/{call('POST', '/v1/senders', {'name': 'ACME'})[1]['id']}"
    for one in (path, name):
        assert call("PATCH", one, {"rate": 10})[1]["rate"] == 10
        assert call("PATCH", one, {})[1]["rate"] == 10
        assert call("PATCH", one, {"rate": 10_001})[0] == 400
        assert call("PATCH", one, {"rate": -1})[0] == 400
        assert call("PATCH", one, {"rate": None})[1]["rate"] is None
    assert call("PATCH", path.replace("numbers", "senders"), {"rate": 1})[0] == 404  # a number is no name
