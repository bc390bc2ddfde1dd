"""Numbers of several connections: bought from a carrier, and added where the account has them already."""

from __future__ import annotations

from ipaddress import ip_network

import people
import pytest
from people import World
from programs import Caller, caller
from standin import Reply, stand_in

from heed import carriers
from heed.console import ids
from heed.core import connections, sandbox
from heed.core.models import Connection, Sender

SID = "AC00000000000000000000000000000001"
REAL = "+442079460123"  # from Ofcom's numbers for drama in London, which Heed takes for any other


@pytest.fixture
def at_carrier(world: World, settings):
    """Twilio as a stand-in, and the account's connection to it."""
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"),)
    with stand_in(Reply(200, "twilio/for_sale.json")) as carrier:
        values = {"account_sid": SID, "auth_token": "token", "api": carrier.url}
        link = carriers.add("twilio", "Twilio, UK", values, answered=[], account=world.account, actor="test")
        yield carrier, link


def public(link: Connection) -> str:
    return ids.public(ids.CONNECTION, link.id)


def owned(number: str = REAL) -> Reply:
    return Reply(200, body={"incoming_phone_numbers": [{"phone_number": number, "sid": "PN1"}]})


def test_the_shop_shows_one_connection_at_a_time(owner, world: World, at_carrier) -> None:
    carrier, _link = at_carrier
    shown = owner.get("/numbers/buy/").content.decode()
    assert "Twilio, UK" in shown
    assert "Choose a country." in shown
    assert carrier.asked == []
    assert "+447700900123" in owner.get("/numbers/buy/?country=GB&digits=7700").content.decode()
    shown = owner.get(f"/numbers/buy/?connection={public(world.link)}").content.decode()
    assert "+447700900010" in shown


def test_a_carrier_that_refuses_is_said(owner, at_carrier) -> None:
    carrier, _link = at_carrier
    carrier.replies = [Reply(401, "twilio/unauthorized.json")]
    assert "Authentication Error" in owner.get("/numbers/buy/?country=GB").content.decode()


def test_buying_pays_the_carrier_first_and_not_for_what_is_taken(owner, world: World, at_carrier) -> None:
    carrier, link = at_carrier
    carrier.replies = [Reply(201, body={"sid": "PN1"})]
    form = {"connection": public(link), "phone_number": REAL}
    assert "is yours" in owner.post("/numbers/buy/", form, follow=True).content.decode()
    assert Sender.objects.get(address=REAL).connection == link
    assert carrier.asked[-1].form["SmsUrl"] == connections.hook_url(link)
    count = len(carrier.asked)
    assert "has this number already" in owner.post("/numbers/buy/", form, follow=True).content.decode()
    assert len(carrier.asked) == count


def test_a_purchase_that_the_carrier_refuses_takes_nothing(owner, at_carrier) -> None:
    carrier, link = at_carrier
    carrier.replies = [Reply(400, body={"code": 21631, "message": "An address is required."})]
    answer = owner.post("/numbers/buy/", {"connection": public(link), "phone_number": REAL}, follow=True)
    assert "An address is required." in answer.content.decode()
    assert not Sender.objects.filter(address=REAL).exists()


def test_a_number_that_one_has_is_added_and_pointed_here(owner, at_carrier) -> None:
    carrier, link = at_carrier
    carrier.replies = [owned(), Reply(200, body={})]
    answer = owner.post("/numbers/add/", {"connection": public(link), "phone_number": "020 7946 0123"}, follow=True)
    assert "its texts come here from now on" in answer.content.decode()
    assert (carrier.asked[-1].method, carrier.asked[-1].form["SmsUrl"]) == ("POST", connections.hook_url(link))
    assert Sender.objects.get(address=REAL).connection == link


def test_where_the_carrier_cant_be_told_a_person_is(owner, world: World) -> None:
    values = {"url": "https://sms.example/send"}
    link = carriers.add("generic", "Example", values, answered=[], account=world.account, actor="test")
    answer = owner.post("/numbers/add/", {"phone_number": REAL}, follow=True)
    assert connections.hook_url(link) in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("12", "not a phone number"),
        ("+447700900111", "reserved for fiction"),
        (REAL, "not in the Twilio account"),
    ],
)
def test_what_cant_be_added_is_told(owner, at_carrier, typed: str, words: str) -> None:
    carrier, link = at_carrier
    carrier.replies = [owned("+442079460999")]
    answer = owner.post("/numbers/add/", {"connection": public(link), "phone_number": typed})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert typed in answer.content.decode()
    assert not Sender.objects.filter(connection=link).exists()


def test_a_name_goes_through_the_connection_chosen(owner, at_carrier) -> None:
    _, link = at_carrier
    owner.post("/numbers/add-name/", {"name": "Shop", "connection": public(link)})
    owner.post("/numbers/add-name/", {"name": "Shop2"})
    assert Sender.objects.get(address="Shop").connection == link
    assert Sender.objects.get(address="Shop2").connection == sandbox.connection_of()


def test_nobody_uses_a_strangers_connection_and_a_viewer_none(world: World, at_carrier) -> None:
    carrier, link = at_carrier
    stranger, viewer = people.signed_in(world.stranger), people.signed_in(world.viewer)
    form = {"connection": public(link), "phone_number": REAL, "name": "Shop"}
    for page in ("/numbers/buy/", "/numbers/add/", "/numbers/add-name/"):
        assert stranger.post(page, form).status_code == 404
        assert viewer.post(page, form).status_code == 403
    assert stranger.get(f"/numbers/buy/?connection={public(link)}").status_code == 404
    assert "No connection of your own yet" in stranger.get("/numbers/add/").content.decode()
    assert stranger.post("/numbers/add/", {"phone_number": REAL}).status_code == 404
    assert carrier.asked == []


# By program


@pytest.fixture
def call(world: World) -> Caller:
    return caller(world)


def test_the_inventory_is_of_all_connections_or_of_one(call: Caller, world: World, at_carrier) -> None:
    carrier, link = at_carrier
    found = call("GET", "/v1/numbers/inventory?country=GB&limit=10")[1]["items"]
    assert {one["connection"] for one in found} == {public(link), public(world.link)}
    named = call("GET", f"/v1/numbers/inventory?country=GB&connection={public(link)}")[1]["items"]
    assert {one["connection"] for one in named} == {public(link)}
    carrier.replies = [Reply(500)]
    found = call("GET", "/v1/numbers/inventory?country=GB&limit=10")[1]["items"]
    assert {one["connection"] for one in found} == {public(world.link)}
    assert call("GET", f"/v1/numbers/inventory?country=GB&connection={public(link)}")[0] == 400
    assert caller(world, stranger=True)("GET", f"/v1/numbers/inventory?connection={public(link)}")[0] == 404


def test_a_program_buys_from_a_connection(call: Caller, world: World, at_carrier) -> None:
    carrier, link = at_carrier
    carrier.replies = [Reply(201, body={"sid": "PN1"})]
    wanted = {"phone_number": REAL, "connection": public(link)}
    assert caller(world, stranger=True)("POST", "/v1/numbers", wanted)[0] == 404
    status, bought = call("POST", "/v1/numbers", wanted)
    assert (status, bought["phone_number"]) == (201, REAL)
    assert Sender.objects.get(address=REAL).connection == link
    assert call("POST", "/v1/numbers", {"phone_number": "+447700900100"})[0] == 201
