"""Numbers: the list, buying, sender names, the switch of all numbers, releasing."""

from __future__ import annotations

import pytest
from django.urls import reverse
from people import FIRST_NUMBER, person

from heed.console import ids
from heed.core import senders
from heed.core.models import Account, Audit, Role, Sender, SenderKind
from heed.core.senders import Setting

FOR_SALE = "+447700900123"


def visit(client, user):
    client.force_login(user)
    return client


def id_of(sender):
    return ids.public(ids.SENDER, sender.id)


@pytest.fixture
def owner(client, world):
    return visit(client, world.owner)


def test_the_list_shows_what_one_sends_from(owner, world):
    words = owner.get("/numbers/").content.decode()
    assert "+44 7700 900001" in words
    assert "+44 7700 900002" in words
    assert "ACME" in words
    assert "+44 7700 900003" not in words  # the stranger's
    assert "+44 7700 900400" in words  # the shared number, with the free keyword
    assert f"{world.account.free_prefix}STOP" in words


def test_the_list_asks_a_bounded_number_of_questions(owner, world, django_assert_max_num_queries):
    for at in range(20):
        senders.take_number(world.account, FIRST_NUMBER + 100 + at, world.link, actor="test")
    with django_assert_max_num_queries(13):
        assert owner.get("/numbers/").status_code == 200


def test_the_list_has_pages(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.numbers.A_PAGE", 1)
    first = owner.get("/numbers/")
    assert b"900002" in first.content
    assert b"900001" not in first.content
    second = owner.get(f"/numbers/?{first.context['older']}")
    assert b"900001" in second.content
    assert b"Sender names" not in second.content
    assert owner.get("/numbers/?before=nonsense").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("", "+447700900000"),
        ("digits=900123", FOR_SALE),
        ("digits=0123&country=GB", FOR_SALE),
        ("digits=%2B44+7700+900-123", FOR_SALE),
        ("country=US", None),
        ("digits=999999", None),
        ("country=<b>&digits=abc", None),
    ],
)
def test_numbers_for_sale_are_found_by_country_and_digits(owner, asked, first):
    found = owner.get(f"/numbers/buy/?{asked}").context["found"]
    assert (found[0][0] if found else None) == first


def test_one_button_buys_a_number_and_leads_to_it(owner, world):
    answer = owner.post("/numbers/buy/", {"phone_number": FOR_SALE}, follow=True)
    sender = Sender.objects.get(address=FOR_SALE)
    assert answer.redirect_chain[-1][0] == f"/numbers/{id_of(sender)}/"
    assert sender.account == world.account
    assert not sender.account_level_opt_out
    assert b"is yours. STOP and UNSUBSCRIBE work on it" in answer.content


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+447700900003", b"This number is taken."),  # the stranger's
        ("+447700900001", b"The account has this number already."),
        ("+447700900600", b"This number is not for sale."),  # a person's phone
        ("+12025550123", b"This number is not for sale."),
        ("nonsense", b"This is not a phone number."),
        ("", b"This is not a phone number."),
        ("\x00", b"This is not a phone number."),
    ],
)
def test_what_is_not_for_sale_is_not_bought(owner, number, words):
    answer = owner.post("/numbers/buy/", {"phone_number": number}, follow=True)
    assert answer.status_code == 200
    assert words in answer.content
    assert Sender.objects.filter(kind=SenderKind.NUMBER).count() == 3


def test_a_sender_name_is_added(owner, world):
    assert owner.post("/numbers/add-name/", {"name": "Acme News"}).url == "/numbers/"
    assert Sender.objects.get(key="acme news").account == world.account


@pytest.mark.parametrize("name", ["", "123", "Twelve chars", "a\x00b", "Café", "acme"])
def test_a_bad_sender_name_is_refused_beside_its_field(owner, name):
    answer = owner.post("/numbers/add-name/", {"name": name})
    assert answer.status_code == 422
    assert b'id="name-error"' in answer.content


def test_the_switch_of_all_numbers_is_for_those_bought_later_too(owner, world):
    american = senders.take_number(world.account, 12025550123, world.link, actor="test")
    owner.post("/numbers/switch/", {"on": "1"})
    world.number.refresh_from_db()
    assert world.number.account_level_opt_out
    owner.post("/numbers/buy/", {"phone_number": FOR_SALE})
    assert Sender.objects.get(address=FOR_SALE).account_level_opt_out
    owner.post("/numbers/switch/", {"on": "0"})
    on = Sender.objects.filter(account=world.account, account_level_opt_out=True)
    assert list(on) == [american]  # US rules: one turns it off by itself
    assert not Account.objects.get(id=world.account.id).new_numbers_account_level
    notes = Audit.objects.filter(action="number.change_all").order_by("id")
    assert [(one.actor, one.detail) for one in notes] == [
        ("owner@example.com", {"account_level_opt_out": True, "turned": 2}),
        ("owner@example.com", {"account_level_opt_out": False, "turned": 3}),
    ]


def test_off_for_all_gives_each_number_its_own_switch_back(owner, world):
    def levels():
        return [Sender.objects.get(id=one.id).account_level_opt_out for one in (world.number, world.second)]

    senders.change(world.second, Setting(account_level_opt_out=True), actor="test")
    owner.post("/numbers/switch/", {"on": "1"})
    owner.post("/numbers/switch/", {"on": "1"})
    assert levels() == [True, True]
    owner.post("/numbers/switch/", {"on": "0"})
    assert levels() == [False, True]
    owner.post("/numbers/switch/", {"on": "1"})
    for on in (True, False):  # turned by itself meanwhile, it stays so
        senders.change(world.second, Setting(account_level_opt_out=on), actor="test")
    owner.post("/numbers/switch/", {"on": "0"})
    assert levels() == [False, False]


def test_the_switch_of_all_numbers_is_one_account_s(owner, world):
    owner.post("/numbers/switch/", {"on": "1"})
    world.other_number.refresh_from_db()
    assert not world.other_number.account_level_opt_out


def test_releasing_asks_first_and_says_what_stays(owner, world):
    address = reverse("release_number", args=[id_of(world.number)])
    asked = owner.get(address)
    assert b"Every opt-out given to it" in asked.content
    world.number.refresh_from_db()
    assert world.number.closed_at is None
    words = owner.post(address, follow=True).content
    world.number.refresh_from_db()
    assert world.number.closed_at is not None
    assert b"is released. Its opt-outs stay." in words
    assert b"A STOP to it still counts until" in words
    assert owner.post(address).status_code == 404  # it is not in use any more


def test_a_sender_name_is_released(owner, world):
    owner.post(reverse("release_number", args=[id_of(world.name)]))
    world.name.refresh_from_db()
    assert world.name.closed_at is not None


@pytest.mark.parametrize("which", ["shared", "other_number"])
def test_nobody_releases_what_is_not_theirs(owner, world, which):
    sender = getattr(world, which)
    assert owner.post(reverse("release_number", args=[id_of(sender)])).status_code == 404
    sender.refresh_from_db()
    assert sender.closed_at is None


@pytest.mark.parametrize("path", ["/numbers/", "/numbers/buy/", "/numbers/add-name/"])
def test_nobody_comes_in_unsigned(client, world, path):
    assert client.get(path).url.startswith("/sign-in/")


CHANGES = [
    ("/numbers/buy/", {"phone_number": FOR_SALE}),
    ("/numbers/add-name/", {"name": "News"}),
    ("/numbers/switch/", {"on": "1"}),
]


@pytest.mark.parametrize(("path", "data"), CHANGES)
def test_a_viewer_looks_and_changes_nothing(client, world, path, data):
    viewer = visit(client, world.viewer)
    before = Sender.objects.count()
    assert viewer.post(path, data).status_code == 403
    assert viewer.post(reverse("release_number", args=[id_of(world.number)])).status_code == 403
    words = viewer.get("/numbers/").content
    assert b"900001" in words
    assert b"Buy a number" not in words
    assert b"Turn on for all" not in words
    assert Sender.objects.count() == before
    assert not Audit.objects.filter(actor=world.viewer.email).exists()


@pytest.mark.parametrize(("path", "data"), CHANGES)
def test_a_marketer_may(client, world, path, data):
    assert visit(client, world.teammate).post(path, data).status_code == 302


def test_home_leads_to_the_shop_first(client, world):
    fresh = Account.objects.create(name="New", slug="new", free_prefix="zzzzz", link_code="zzzzz")
    page = visit(client, person(fresh, "new@example.com", Role.OWNER)).get("/")
    assert page.context["steps"][0].address == "/numbers/buy/"


# Speed


@pytest.mark.parametrize("which", ["number", "name"])
def test_a_speed_is_set_and_taken_away(owner, world, which):
    sender = getattr(world, which)
    here = reverse("sender_speed", args=[id_of(sender)])
    page = owner.post(here, {"rate": "1200"}, follow=True)
    assert f"Campaigns from {sender.address} send 1,200 messages a second." in page.content.decode()
    sender.refresh_from_db()
    assert sender.rate == 1200
    assert b'value="1200"' in owner.get(here).content
    owner.post(here, {"rate": ""})
    sender.refresh_from_db()
    assert sender.rate is None


@pytest.mark.parametrize("rate", ["-1", "ten", "10001", "1.5", "\u0661"])
def test_a_speed_that_is_none_is_refused(owner, world, rate):
    page = owner.post(reverse("sender_speed", args=[id_of(world.number)]), {"rate": rate})
    assert page.status_code == 422
    assert b"Write a whole number up to 10,000, or leave it empty." in page.content
    world.number.refresh_from_db()
    assert world.number.rate is None


def test_nobody_else_sets_a_speed(client, world):
    here = reverse("sender_speed", args=[id_of(world.number)])
    assert visit(client, world.viewer).post(here, {"rate": "5"}).status_code == 403
    assert visit(client, world.stranger).post(here, {"rate": "5"}).status_code == 404
