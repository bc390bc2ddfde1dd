"""Journeys of people who leave and come back: through the web server, the dispatcher and the worker as they run."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from installation import OPTED_OUT, SENT, Installation, Phone, Shop

SHARED = "+447700900499"


def test_stop_stops_the_next_message_and_is_answered_once(shop: Shop, phone: Phone) -> None:
    number = shop.buy(reply_message="You will get no more texts from us.")
    assert shop.send(number, phone, "Everything must go!") == SENT
    phone.text(number, "Stop.")
    assert shop.send(number, phone, "Everything still must go!") == OPTED_OUT
    phone.text(number, "STOP!!!")
    shop.settle(phone)
    phone.gets((number, "Everything must go!"), (number, "You will get no more texts from us."))


def test_without_a_reply_message_stop_is_silent(shop: Shop, phone: Phone) -> None:
    number = shop.buy()
    phone.text(number, "unsubscribe")
    assert shop.send(number, phone, "Hello") == OPTED_OUT
    phone.gets()


def test_a_custom_keyword_has_its_own_reply(shop: Shop, phone: Phone) -> None:
    number = shop.buy(reply_message="Goodbye.", keywords=[{"word": "ARRÊT", "reply": "Au revoir."}, {"word": "END"}])
    phone.text(number, "arret")
    phone.gets((number, "Au revoir."))
    assert shop.send(number, phone, "Bonjour") == OPTED_OUT
    other = shop.at.phone()
    other.text(number, "End")
    other.gets((number, "Goodbye."))
    words = [one["word"] for one in shop.must("GET", "/numbers/")["items"][0]["keywords"]]
    assert words == ["STOP", "UNSUBSCRIBE", "ARRÊT", "END"]


def test_the_free_keyword_works_for_a_phone_that_never_got_a_message(shop: Shop, phone: Phone) -> None:
    number, account = shop.buy(), shop.account
    assert account["free_keyword_number"] == SHARED
    phone.text(SHARED, f"please {account['free_keyword'].lower()} now")
    phone.gets((SHARED, f"You will get no more messages from {account['name']}."))
    assert shop.send(number, phone, "Hello") == OPTED_OUT
    assert shop.send(shop.buy(), phone, "Hello from another number") == OPTED_OUT
    phone.text(SHARED, account["free_keyword"].replace("STOP", "START"))
    assert shop.send(number, phone, "Welcome back") == SENT


def test_a_bare_stop_to_the_shared_number_leaves_who_named_it(shop: Shop, phone: Phone) -> None:
    other = shop.at.shop("Neighbour")
    number, others = shop.buy(), other.buy()
    assert shop.send(number, phone, f"Sale! To opt out, text {shop.account['free_keyword']} to {SHARED}") == SENT
    phone.text(SHARED, "STOP")
    assert shop.send(number, phone, "Sale!") == OPTED_OUT
    assert other.send(others, phone, "Sale!") == SENT


def test_the_web_form_leaves_the_whole_account(shop: Shop, phone: Phone) -> None:
    number, second = shop.buy(), shop.buy()
    path = shop.account["opt_out_link"].removeprefix(shop.at.address)
    form = shop.at.request("GET", path)
    assert (form.status, b'type="tel"' in form.body) == (200, True)
    assert shop.may_send(number, phone)
    national = phone.number.replace("+44", "0")
    done = shop.at.request("POST", path, urlencode({"phone": national}).encode())
    assert (done.status, b"no more text messages" in done.body) == (200, True)
    assert shop.send(number, phone, "Hello") == OPTED_OUT
    assert shop.send(second, phone, "Hello") == OPTED_OUT


@pytest.mark.parametrize("is_on", [False, True], ids=["off", "on"])
def test_the_account_level_switch_decides_how_far_stop_reaches(shop: Shop, phone: Phone, is_on: bool) -> None:
    number, second = shop.buy(account_level_opt_out=is_on), shop.buy()
    shop.must("POST", "/senders/", {"name": "ACME"})
    phone.text(number, "STOP")
    later = shop.buy()  # bought after the STOP
    rest = OPTED_OUT if is_on else SENT
    outcomes = [shop.send(sender, phone, f"From {sender}") for sender in (number, second, "ACME", later)]
    assert outcomes == [OPTED_OUT, rest, rest, rest]

    phone.text(number, "START")  # through the same door
    assert [shop.may_send(sender, phone) for sender in (number, second, "ACME", later)] == [True] * 4


def test_start_elsewhere_lets_one_number_through_an_account_opt_out(shop: Shop, phone: Phone) -> None:
    first, second, third = shop.buy(account_level_opt_out=True), shop.buy(), shop.buy()
    phone.text(first, "STOP")
    phone.text(second, "START")  # this number's switch is off
    assert [shop.may_send(sender, phone) for sender in (first, second, third)] == [False, True, False]
    phone.text(first, "START")
    assert [shop.may_send(sender, phone) for sender in (first, second, third)] == [True] * 3


def test_start_to_the_account_does_not_lift_a_stop_to_one_number(shop: Shop, phone: Phone) -> None:
    first, second = shop.buy(), shop.buy(account_level_opt_out=True)
    phone.text(first, "STOP")
    phone.text(second, "STOP")
    phone.text(second, "START")
    assert [shop.may_send(sender, phone) for sender in (first, second)] == [False, True]


def test_start_revives_no_suppressed_message(shop: Shop, phone: Phone) -> None:
    number = shop.buy(opt_in_reply="Welcome back.")
    phone.text(number, "STOP")
    assert shop.send(number, phone, "While you were away") == OPTED_OUT
    phone.text(number, "START")
    assert shop.send(number, phone, "Here again") == SENT
    shop.settle(phone)
    phone.gets((number, "Welcome back."), (number, "Here again"))


def test_stop_from_a_phone_that_nobody_knows(shop: Shop, phone: Phone) -> None:
    number = shop.buy(reply_message="Goodbye.")
    phone.text(number, "STOP")
    phone.gets((number, "Goodbye."))
    listed = shop.must("GET", "/optouts/")["items"]
    assert [(one["phone_number"], one["inbound_number"]) for one in listed] == [(phone.number, number)]


def test_texts_from_what_is_no_phone_are_kept_and_never_answered(shop: Shop, phone: Phone) -> None:
    number = shop.buy(reply_message="Goodbye.")
    for sender in ("60123", "BANK", "", "+999999999999999", "not a number", "☎"):
        phone.text(number, "STOP", sender=sender)
    listed = shop.must("GET", "/optouts/")["items"]
    assert [one["phone_number"] for one in listed] == ["+999999999999999"]  # new ranges precede their metadata
    phone.text("+447700900498", "STOP")  # to a number that nobody has
    phone.text(number, "STOP")
    phone.gets((number, "Goodbye."))


def test_the_same_text_delivered_twice_acts_once(shop: Shop, phone: Phone) -> None:
    number = shop.buy(reply_message="Goodbye.", help_reply="Ask us anything.")
    for _ in range(2):
        phone.text(number, "HELP", id_=f"help-{phone.number}")
        phone.text(number, "STOP", id_=f"stop-{phone.number}")
    shop.settle(phone)
    assert sorted(phone.got()) == [(number, "Ask us anything."), (number, "Goodbye.")]
    phone.text(number, "START")
    phone.text(number, "STOP", id_=f"stop-{phone.number}")  # the carrier repeats itself a day later
    assert shop.send(number, phone, "Welcome back") == SENT


def test_what_a_list_says_is_not_undone_by_a_list(shop: Shop, phone: Phone, tmp_path) -> None:
    number = shop.buy()
    phone.text(number, "STOP")
    file = tmp_path / "in.csv"
    file.write_text(f"phone_number,scope,state\n{phone.number},{number},in\n{shop.at.phone().number},account,in\nx,,\n")
    done = shop.at.run("opt-outs", "import", str(file), "--account", shop.slug)
    assert json.loads(done.stdout) == {"read": 3, "added": 1, "already": 1, "conflicts": 0, "rejected": 1}
    assert done.returncode == 0
    assert shop.send(number, phone, "Hello") == OPTED_OUT


def test_a_stranger_sees_and_changes_nothing(shop: Shop, phone: Phone) -> None:
    stranger = shop.at.shop("Stranger")
    number = shop.buy()
    assert shop.send(number, phone, "Hello") == SENT
    phone.text(number, "STOP")
    id_ = shop.must("GET", "/numbers/")["items"][0]["id"]
    message = shop.must("GET", "/messages/")["items"][0]["transaction_id"]

    for path in ("/numbers/", "/senders/", "/messages/", "/optouts/"):
        assert stranger.must("GET", path)["items"] == []
    for method, path, body in (
        ("GET", f"/numbers/{id_}", None),
        ("PATCH", f"/numbers/{id_}", {"reply_message": "Mine"}),
        ("DELETE", f"/numbers/{id_}", None),
        ("GET", f"/messages/{message}", None),
    ):
        assert stranger.ask(method, path, body).status == 404
    assert stranger.ask("POST", "/numbers/", {"phone_number": number}).status == 409
    assert stranger.ask("POST", "/check", {"from": number, "to": [phone.number]}).status == 400
    sms = {"from": number, "message_body": "Hi", "to": [{"phone": [phone.number]}]}
    assert stranger.ask("POST", "/sms", sms).status == 400
    lift = [{"phone_number": phone.number, "inbound_number": number, "reason": "Please"}]
    assert stranger.must("DELETE", "/optouts/", lift)["items"][0]["status"] == "invalid"
    lift = [{"phone_number": phone.number, "account_level_opt_out": True, "reason": "Please"}]
    assert stranger.must("DELETE", "/optouts/", lift)["items"][0]["status"] == "not_found"

    assert shop.must("GET", f"/numbers/{id_}")["reply_message"] is None
    assert shop.send(number, phone, "Hello again") == OPTED_OUT
    assert stranger.send(stranger.buy(), phone, "From the stranger") == SENT


def test_without_a_key_nothing_is_told(installation: Installation) -> None:
    for path in ("account", "numbers", "messages", "optouts"):
        assert installation.request("GET", f"/v1/{path}").status == 401
        assert installation.request("GET", f"/v1/{path}", **{"X-AUTH-KEY": "heed_wrong"}).status == 401
