"""Settings > SMPP: programs are added, changed and removed by owners and administrators alone."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse
from esme import QUICK_HASHES
from people import signed_in

from heed.console import ids
from heed.core import esmes
from heed.core.esmes import Setting
from heed.core.models import Audit, Esme

FORM = {
    "system_id": "shop", "networks": "192.0.2.7, 2001:db8::/32", "alphabet": "latin1", "refusal": "0x45",
    "most_binds": "2", "window": "10", "rate": "0", "takes_inbound": "on",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(settings):
    """Argon2 is slow by design."""
    settings.PASSWORD_HASHERS = QUICK_HASHES


@pytest.fixture
def owner(world):
    return signed_in(world.owner)


@pytest.fixture
def esme(world):
    return esmes.add(world.account, "shop", Setting(), actor="test")[0]


def at(name: str, one: Esme) -> str:
    return reverse(name, args=[ids.public(ids.ESME, one.id)])


def test_one_is_added_and_its_password_shown_once(owner, world):
    made = owner.post("/settings/smpp/", FORM)
    waiting = json.dumps(dict(owner.session))
    answer = owner.get(made.url)
    password = re.search(r'<code id="secret">([^<]{8})</code>', answer.content.decode())[1]
    assert "no-store" in answer["Cache-Control"]
    assert password not in waiting
    assert b'id="secret"' not in owner.get(made.url).content
    one = esmes.find("shop")
    assert esmes.is_password_of(one, password)
    assert (one.account, one.networks, one.alphabet, one.refusal) == (
        world.account, ["192.0.2.7/32", "2001:db8::/32"], "latin1", 0x45
    )  # fmt: skip
    assert (one.most_binds, one.window, one.rate, one.endpoint.kinds) == (2, 10, 0, ["inbound"])
    assert b">shop</a>" in owner.get("/settings/smpp/").content
    assert Audit.objects.get(action="esme.add").actor == world.owner.email


@pytest.mark.parametrize(
    ("field", "value"),
    [("system_id", "two words"), ("networks", "nowhere"), ("refusal", "eleven"), ("window", "0"), ("rate", "-1")],
)
def test_what_makes_no_sense_is_shown_at_its_field(owner, field, value):
    answer = owner.post("/settings/smpp/", FORM | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert value in answer.content.decode()
    assert not Esme.objects.exists()


def test_one_is_changed(owner, esme):
    changed = {name: value for name, value in FORM.items() if name not in ("system_id", "takes_inbound")}
    owner.post(at("esme", esme), changed)
    one = esmes.find("shop")
    assert (one.window, one.endpoint.kinds) == (10, [])
    answer = owner.post(at("esme", esme), changed | {"window": "many"})
    assert answer.status_code == 422
    assert 'value="many"' in answer.content.decode()


def test_a_new_password_and_removal(owner, esme):
    page = owner.get(owner.post(at("esme_password", esme)).url).content.decode()
    password = re.search(r'<code id="secret">([^<]{8})</code>', page)[1]
    assert esmes.is_password_of(esmes.find("shop"), password)
    owner.post(at("remove_esme", esme))
    assert esmes.find("shop") is None
    assert owner.get(at("esme", esme)).status_code == 404
    assert b"No programs yet" in owner.get("/settings/smpp/").content


@pytest.mark.parametrize("who", ["teammate", "viewer"])
def test_only_owners_and_administrators_come_here(world, esme, who):
    client = signed_in(getattr(world, who))
    assert client.get("/settings/smpp/").status_code == client.get(at("esme", esme)).status_code == 403
    for path in ("/settings/smpp/", at("esme", esme), at("esme_password", esme), at("remove_esme", esme)):
        assert client.post(path, FORM).status_code == 403, path
    assert b"/settings/smpp/" not in client.get("/settings/").content
    assert esmes.find("shop").password == esme.password


def test_a_stranger_sees_and_changes_nothing(world, esme):
    client = signed_in(world.stranger)
    assert b">shop</a>" not in client.get("/settings/smpp/").content
    for path in (at("esme", esme), at("esme_password", esme), at("remove_esme", esme)):
        assert client.post(path, FORM).status_code == 404, path
    assert client.get(at("esme", esme)).status_code == 404
    assert esmes.find("shop").password == esme.password


def test_looking_changes_nothing(owner, esme):
    for name in ("esme_password", "remove_esme"):
        assert owner.get(at(name, esme)).status_code == 405


def test_nobody_comes_in_unsigned(client, world):
    assert client.get("/settings/smpp/").url.startswith("/sign-in/")
