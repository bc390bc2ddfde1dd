"""Lists: newest first, a page at a time, with few questions to the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from programs import Caller

from heed.rules import numbers

PHONES = [numbers.show(447700900500 + n) for n in range(7)]
# For each list: what identifies an item, and how many questions one page may ask (the key's own included).
LISTS = {
    "/v1/messages": ("to", 2),
    "/v1/optouts": ("phone_number", 3),
    "/v1/numbers": ("phone_number", 3),
    "/v1/senders": ("name", 2),
}


@pytest.fixture
def filled(call: Caller) -> Caller:
    call("POST", "/v1/sms", {"message_body": "Hi", "from": "ACME", "to": [{"phone": PHONES}]})
    call("POST", "/v1/optouts", [{"phone_number": phone, "inbound_number": "ACME"} for phone in PHONES])
    for n in range(100, 105):
        call("POST", "/v1/numbers", {"phone_number": f"+447700900{n}"})
    for n in range(6):
        call("POST", "/v1/senders", {"name": f"Shop {n}"})
    return call


@pytest.mark.parametrize("path", LISTS)
def test_a_list_goes_on_where_it_ended(filled: Caller, path: str) -> None:
    identity, _ = LISTS[path]
    whole = [one[identity] for one in filled("GET", path)[1]["items"]]
    assert len(whole) == 7
    assert whole[0] == {"to": PHONES[-1], "name": "Shop 5"}.get(identity, whole[0])
    found: list[Any] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = filled("GET", f"{path}/?limit=3&next={cursor}")[1]
        found += [one[identity] for one in page["items"]]
        cursor = page["next"]
        pages += 1
    assert (found, pages) == (whole, 3)
    assert filled("GET", f"{path}?limit=7")[1]["next"] is None


def test_opt_outs_are_listed_newest_first(filled: Caller) -> None:
    assert [one["phone_number"] for one in filled("GET", "/v1/optouts")[1]["items"]] == PHONES[::-1]


def test_messages_are_listed_by_what_became_of_them(filled: Caller) -> None:
    another = "+447700900509"
    filled("POST", "/v1/sms", {"message_body": "Bye", "from": "ACME", "to": [{"phone": [PHONES[0], another]}]})
    for status, phones in {"suppressed": [PHONES[0], *PHONES[::-1]], "queued": [another], "waiting": []}.items():
        found = filled("GET", f"/v1/messages?status={status}")[1]["items"]
        assert [(one["to"], one["status"]) for one in found] == [(phone, status) for phone in phones]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_asks_few_questions_however_long_it_is(filled: Caller, path: str) -> None:
    filled("GET", "/v1/account")  # notes the key's use
    for limit in (1, 7):
        with CaptureQueriesContext(connection) as asked:
            filled("GET", f"{path}?limit={limit}")
        assert len(asked) == LISTS[path][1]


@pytest.mark.parametrize("path", [*LISTS, "/v1/numbers/inventory"])
def test_limits(call: Caller, path: str) -> None:
    for limit in ("0", "-1", "1001", "x", "", "9" * 30):
        status, refused = call("GET", f"{path}?limit={limit}")
        assert (limit, status, refused["field"]) == (limit, 400, "limit")
    assert call("GET", f"{path}?limit=1000")[0] == 200


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_ones_own_making_is_refused(call: Caller, path: str) -> None:
    for cursor in ("7", "cur_00", "cur_" + "0" * 32, "num_" + "0" * 32):
        status, refused = call("GET", f"{path}?next={cursor}")
        assert (cursor, status, refused["field"]) == (cursor, 400, "next")
