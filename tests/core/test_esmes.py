"""ESMEs in the core: who may be added, what is refused, what is noted; and a batch of submits by one commit."""

from __future__ import annotations

import pytest
from esme import QUICK_HASHES
from people import ANNA, BEN

from heed.core import esmes, smpp_words, submissions
from heed.core.esmes import Setting
from heed.core.models import Audit, Callback, Esme, Message, Subscription
from heed.core.submissions import Submission


@pytest.fixture(autouse=True)
def quick(settings):
    """Argon2 is slow by design."""
    settings.PASSWORD_HASHERS = QUICK_HASHES


def add(world, system_id="shop", **setting):
    return esmes.add(world.account, system_id, Setting(**setting), actor="anna")


def test_one_is_added_with_a_password_that_is_kept_as_a_hash(world):
    esme, password = add(world)
    assert len(password) == 8
    assert password not in esme.password
    assert esmes.is_password_of(esme, password)
    assert not esmes.is_password_of(esme, password + "x")
    assert not esmes.is_password_of(None, password)
    assert (esme.refusal, esme.window, esme.rate, esme.most_binds) == (0x0B, 100, 100, 4)
    assert Audit.objects.filter(action="esme.add", subject="shop").exists()
    assert password not in str(list(Audit.objects.values()))


@pytest.mark.parametrize("system_id", ["", "a" * 16, "two words", "käse", "a\0b"])
def test_a_system_id_fits_smpp(world, system_id):
    with pytest.raises(esmes.Refused) as error:
        add(world, system_id)
    assert error.value.field == "system_id"


def test_a_system_id_is_one_programs_alone_until_that_is_removed(world):
    esme, _ = add(world)
    with pytest.raises(esmes.Refused):
        esmes.add(world.other, "shop", Setting(), actor="mallory")
    esmes.remove(esme, actor="anna")
    assert esmes.find("shop") is None
    other, _ = esmes.add(world.other, "shop", Setting(), actor="mallory")
    assert esmes.find("shop") == other
    assert list(esmes.of(world.account)) == []


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ({"refusal": -1}, "refusal"),
        ({"refusal": 0x10000}, "refusal"),
        ({"most_binds": 0}, "most_binds"),
        ({"window": 1001}, "window"),
        ({"rate": 10_001}, "rate"),
        ({"alphabet": "ebcdic"}, "alphabet"),
        ({"networks": ["example.com"]}, "networks"),
        ({"networks": ["10.0.0.0/33"]}, "networks"),
    ],
)
def test_what_makes_no_sense_is_refused(world, setting, field):
    esme, _ = add(world)
    for act in (lambda: add(world, "two", **setting), lambda: esmes.change(esme, Setting(**setting), actor="anna")):
        with pytest.raises(esmes.Refused) as error:
            act()
        assert error.value.field == field
    assert Esme.objects.count() == 1


def test_a_change_leaves_the_rest(world):
    esme, _ = add(world, window=7)
    esme = esmes.change(esme, Setting(networks=["192.0.2.7"], takes_inbound=False), actor="anna")
    assert (esme.networks, esme.window) == (["192.0.2.7/32"], 7)
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("networks", "peer", "may"),
    [
        ([], "198.51.100.1", True),
        (["192.0.2.0/24"], "192.0.2.9", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.9", True),
        (["192.0.2.0/24"], "192.0.3.9", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "192.0.2.9", False),
        (["fe80::/10"], "fe80::1%eth0", True),
    ],
)
def test_where_it_may_come_from(world, networks, peer, may):
    esme, _ = add(world, networks=networks)
    assert esmes.may_come_from(esme, peer) is may


def one(esme, recipient=ANNA, source="+447700900001", **more):
    return Submission(esme, source, recipient, f"+{recipient}", "hello", **more)


def test_many_are_stored_by_one_commit_each_with_its_own_result(world):
    esme, _ = add(world)
    other, _ = esmes.add(world.other, "two", Setting(), actor="mallory")
    batch = [
        one(esme),
        one(esme, source="+447700900003"),
        one(other, BEN, "+447700900003", receipts="final"),
        one(esme, BEN),
    ]
    results = submissions.submit(batch)
    assert [result.refusal for result in results] == ["", "sender", "", ""]
    rows = {row.id: row for row in Message.objects.all()}
    kept = [rows[smpp_words.row_of(result.message_id)] for result in results if result.message_id]
    assert [(row.account_id, row.recipient) for row in kept] == [
        (world.account.id, ANNA), (world.other.id, BEN), (world.account.id, BEN)
    ]  # fmt: skip
    assert [(row.message_id, row.endpoint_id) for row in Callback.objects.all()] == [(kept[1].id, other.endpoint_id)]


def test_a_real_carrier_is_given_no_number_of_fiction(world):
    world.link.kind = "twilio"
    world.link.save()
    esme, _ = add(world)
    assert submissions.submit([one(esme)])[0].refusal == "fiction"
    assert not Message.objects.exists()
