"""Journeys on a bad day of the carrier: each of the six ways a hand-off fails, and what becomes of the message."""

from __future__ import annotations

import json

from installation import OPTED_OUT, SENT, Installation, Phone, Shop, patiently


def fail(phone: Phone, failure: str, *times: str) -> None:
    phone.at.heed("sandbox", "fail", "--to", phone.number, "--with", failure, *times)


def newest(shop: Shop, phone: Phone) -> dict[str, object]:
    return shop.must("GET", f"/messages/?limit=1&to={phone.number.replace('+', '%2B')}")["items"][0]


def test_refused_is_failed_for_good(shop: Shop, phone: Phone) -> None:
    number = shop.buy()
    fail(phone, "refused", "--times", "1")
    assert shop.send(number, phone, "One") == ("failed", None)
    assert newest(shop, phone)["code"] == "30003"
    assert shop.send(number, phone, "Two") == SENT
    phone.gets((number, "Two"))


def test_the_carriers_own_opt_out_counts_as_a_stop(shop: Shop, phone: Phone) -> None:
    number, second = shop.buy(), shop.buy()
    fail(phone, "opted_out", "--times", "1")
    assert shop.send(number, phone, "One") == ("suppressed", "carrier")
    assert shop.send(number, phone, "Two") == OPTED_OUT
    assert shop.send(second, phone, "Three") == SENT  # the number's account-level switch is off
    phone.gets((second, "Three"))


def test_throttled_and_unreachable_are_tried_again(shop: Shop, phone: Phone) -> None:
    number = shop.buy()
    for failure in ("throttled", "unreachable"):
        fail(phone, failure, "--times", "1")
        assert shop.send(number, phone, failure) == SENT
    phone.gets((number, "throttled"), (number, "unreachable"))


def test_what_waits_for_the_carrier_is_still_stopped(shop: Shop, phone: Phone) -> None:
    number = shop.buy()
    fail(phone, "unreachable")
    body = {"from": number, "message_body": "Hello", "to": [{"phone": [phone.number]}]}
    shop.must("POST", "/sms", body)
    for _ in patiently():
        if newest(shop, phone)["status"] == "waiting":
            break
    phone.text(number, "STOP")
    fail(phone, "nothing")
    shop.settle(phone)
    assert (newest(shop, phone)["status"], newest(shop, phone)["reason"]) == OPTED_OUT
    phone.gets()


def test_maybe_sent_is_never_sent_again_by_itself(shop: Shop, phone: Phone) -> None:
    number = shop.buy()
    fail(phone, "maybe_sent", "--times", "1")
    assert shop.send(number, phone, "One") == ("unconfirmed", None)
    assert shop.send(number, phone, "Two") == SENT
    phone.gets((number, "One"), (number, "Two"))


def test_a_misconfigured_connection_stops_until_staff_start_it(installation: Installation, shop: Shop) -> None:
    number, phone, other = shop.buy(), installation.phone(), installation.phone()
    fail(phone, "misconfigured")
    body = {"from": number, "message_body": "Hello", "to": [{"phone": [phone.number, other.number]}]}
    shop.must("POST", "/sms", body)
    for _ in patiently():
        link = json.loads(installation.heed("connection", "list"))
        if link["stopped"]:
            break
    assert link["stopped"] == "The sandbox was told to refuse the credentials."
    ill = installation.run("doctor")
    assert (ill.returncode, f"./heed connection resume {link['id']}" in ill.stdout) == (1, True)

    fail(phone, "nothing")
    installation.heed("connection", "resume", str(link["id"]))
    for one in (phone, other):
        shop.settle(one)
        one.gets((number, "Hello"))
    assert json.loads(installation.heed("connection", "list"))["stopped"] is None
