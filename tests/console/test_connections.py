"""Settings > Connections: adding, checking, changing, comparing, closing; secrets are never shown again."""

from __future__ import annotations

from ipaddress import ip_network

import people
import pytest
from people import World
from standin import Reply, stand_in

from heed import carriers
from heed.console import ids
from heed.core import connections, senders
from heed.core.models import Audit, Connection, Reconciliation

SID = "AC00000000000000000000000000000001"
NEW = {
    "name": "Twilio, UK",
    "setting_account_sid": SID,
    "setting_auth_token": "s3cret-token",
    "setting_api": "https://api.twilio.com",
    "answers": ["stop", "help"],
}
ADD = "/settings/connections/add/twilio/"


@pytest.fixture
def link(world: World) -> Connection:
    values = {"account_sid": SID, "auth_token": "s3cret-token"}
    return carriers.add("twilio", "Twilio, UK", values, answered=["stop"], account=world.account, actor="test")


def at(link: Connection, action: str = "") -> str:
    return f"/settings/connections/{ids.public(ids.CONNECTION, link.id)}/" + (f"{action}/" if action else "")


def test_one_is_added_and_its_secret_never_shown(owner, world: World) -> None:
    shown = owner.get("/settings/connections/").content.decode()
    assert ADD in shown
    assert "All accounts" in shown
    form = owner.get(ADD).content.decode()
    assert form.count("checked") == 3  # Twilio answers all of them unless told otherwise
    answer = owner.post(ADD, NEW, follow=True)
    link = Connection.objects.get(kind="twilio")
    shown = answer.content.decode()
    assert connections.hook_url(link) in shown
    assert SID in shown
    assert "s3cret-token" not in shown
    assert (link.account, connections.answered(link)) == (world.account, ["stop", "help"])
    assert Audit.objects.get(action="connection.add").actor == world.owner.email


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " "}, "Give the connection a name"),
        ({"setting_auth_token": ""}, "Auth token is missing"),
        ({"setting_account_sid": "AC1"}, "An account SID is AC and 32 characters"),
        ({"setting_colour": "red"}, "has no setting"),
    ],
)
def test_what_cant_be_is_told_and_what_was_typed_stays(owner, given: dict, words: str) -> None:
    answer = owner.post(ADD, NEW | given)
    shown = answer.content.decode()
    assert (answer.status_code, words in shown) == (422, True)
    assert "https://api.twilio.com" in shown
    assert "s3cret-token" not in shown
    assert not Connection.objects.filter(kind="twilio").exists()


@pytest.mark.parametrize("kind", ["sandbox", "pigeon"])
def test_a_kind_that_nobody_adds_is_not_there(owner, kind: str) -> None:
    assert owner.get(f"/settings/connections/add/{kind}/").status_code == 404


def test_a_secret_left_empty_stays(owner, link: Connection) -> None:
    changed = NEW | {"name": "Spare", "setting_auth_token": "", "answers": []}
    assert owner.post(at(link), changed).status_code == 302
    link.refresh_from_db()
    assert (link.name, connections.answered(link)) == ("Spare", [])
    assert connections.settings_of(link)["auth_token"] == "s3cret-token"  # noqa: S105
    answer = owner.post(at(link), changed | {"setting_account_sid": "AC1"})
    assert (answer.status_code, "s3cret-token" in answer.content.decode()) == (422, False)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(200, "twilio/balance.json"), "Balance: 12.34 USD"),
        (Reply(401, "twilio/unauthorized.json"), "Authentication Error"),
        (Reply(500), "status 500"),
    ],
)
def test_a_check_says_what_the_carrier_says(owner, link: Connection, settings, reply: Reply, words: str) -> None:
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"),)
    with stand_in(reply) as carrier:
        owner.post(at(link), NEW | {"setting_api": carrier.url})
        assert words in owner.post(at(link, "check"), follow=True).content.decode()


def test_an_accounts_own_connection_checks_no_private_address(owner, link: Connection) -> None:
    with stand_in(Reply(200, "twilio/balance.json")) as carrier:
        owner.post(at(link), NEW | {"setting_api": carrier.url})
        assert "private" in owner.post(at(link, "check"), follow=True).content.decode()
        assert carrier.asked == []


def test_it_stops_starts_again_and_closes(owner, world: World, link: Connection) -> None:
    owner.post(at(link, "stop"))
    assert f"Stopped by {world.owner.email}." in owner.get(at(link)).content.decode()
    owner.post(at(link, "resume"))
    assert Connection.objects.get(id=link.id).stopped_at is None
    sender = senders.add_name(world.account, "ACME2", link, actor="test")
    assert "ACME2 sends through it" in owner.post(at(link, "close"), {"sure": "1"}, follow=True).content.decode()
    senders.release(sender, actor="test")
    shown = owner.post(at(link, "close"), {"sure": "1"}, follow=True).content.decode()
    assert "Twilio, UK" not in shown
    assert owner.get(at(link)).status_code == 404
    connections.resume(link, actor="test")
    closed = Connection.objects.get(id=link.id)
    assert closed.stopped_at
    assert connections.settings_of(closed)["auth_token"] == "s3cret-token"  # noqa: S105  # a late STOP is verified


def test_comparing_says_what_the_carrier_offers(owner, link: Connection) -> None:
    assert "Not compared yet" in owner.get(at(link)).content.decode()
    assert "does not offer this" in owner.post(at(link, "compare"), follow=True).content.decode()
    assert Reconciliation.objects.get().connection == link


@pytest.mark.parametrize("action", ["", "check", "compare", "stop", "resume", "close"])
def test_the_installations_is_shown_and_not_touched(owner, world: World, action: str) -> None:
    shown = owner.get(at(world.link)).content.decode()
    assert "serves all accounts" in shown
    assert connections.hook_url(world.link) not in shown
    assert owner.post(at(world.link, action), NEW).status_code == 404


@pytest.mark.parametrize("action", ["", "check", "compare", "stop", "resume", "close", "nonsense"])
def test_a_stranger_finds_nothing_and_others_may_not(world: World, link: Connection, action: str) -> None:
    stranger = people.signed_in(world.stranger)
    assert stranger.post(at(link, action), NEW).status_code == 404
    assert "Twilio, UK" not in stranger.get("/settings/connections/").content.decode()
    for person in (world.teammate, world.viewer):
        client = people.signed_in(person)
        assert client.post(at(link, action), NEW).status_code == 403
        assert [client.get(page).status_code for page in ("/settings/connections/", ADD, at(link))] == [403] * 3
        assert "Connections" not in client.get("/settings/").content.decode()
