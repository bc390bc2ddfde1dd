"""Settings > Webhooks: adding, testing, pausing, the log, and telling again."""

from __future__ import annotations

import pytest
from django.utils import timezone
from people import ANNA, World, signed_in

from heed.console import ids
from heed.core import consent, deliveries, leases, webhooks
from heed.core.consent import Cause
from heed.core.deliveries import Result
from heed.core.models import Audit, Delivery, DeliveryState, Endpoint, Source

NEW = {"url": "https://shop.example/heed", "events": ["opt_out", "inbound"]}


@pytest.fixture
def hook(world: World) -> Endpoint:
    return webhooks.create(world.account, NEW["url"], NEW["events"], actor="test")[0]


def at(hook: Endpoint, action: str = "") -> str:
    return f"/settings/webhooks/{ids.public(ids.WEBHOOK, hook.id)}/" + (f"{action}/" if action else "")


def of(delivery: Delivery, action: str = "") -> str:
    return f"/settings/deliveries/{ids.public(ids.DELIVERY, delivery.id)}/" + (f"{action}/" if action else "")


@pytest.fixture
def told(world: World, hook: Endpoint) -> Delivery:
    """Something that it was told, and refused."""
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM, note="<b>Arrêt</b>"))
    lease = leases.take(leases.WEBHOOKS)
    (call,) = deliveries.claim(hook.id, 5, lease)
    deliveries.settle([Result(call, timezone.now(), 12, 503, "<i>busy</i>")], lease)
    return Delivery.objects.get()


def test_one_is_added_and_its_secret_shown_once(owner, world: World) -> None:
    assert "No webhooks yet" in owner.get("/settings/webhooks/").content.decode()
    answer = owner.post("/settings/webhooks/", NEW, follow=True)
    shown = answer.content.decode()
    hook = Endpoint.objects.get()
    (secret,) = webhooks.secrets_of(hook, timezone.now())
    assert secret in shown
    assert "no-store" in answer["Cache-Control"]
    for page in ("/settings/webhooks/", at(hook)):
        shown = owner.get(page).content.decode()
        assert "https://shop.example/heed" in shown
        assert secret not in shown
    assert (hook.kinds, Audit.objects.get(action="webhook.create").actor) == (NEW["events"], world.owner.email)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "http://shop.example/"}, "https://"),
        ({"url": "https://10.0.0.1/"}, "private"),
        ({"url": ""}, "Give an address"),
        ({"events": []}, "at least one"),
        ({"events": ["nonsense"]}, "nonsense"),
    ],
)
def test_what_cant_be_is_told_beside_its_field(owner, hook: Endpoint, given: dict, words: str) -> None:
    for address in ("/settings/webhooks/", at(hook)):
        answer = owner.post(address, NEW | given)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert Endpoint.objects.get().url == NEW["url"]


def test_the_log_shows_what_was_sent_and_answered(
    owner, hook: Endpoint, told: Delivery, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(20):
        log = owner.get(at(hook)).content.decode()
    assert "Answered 503" in log
    assert of(told) in log
    shown = owner.get(of(told)).content.decode()
    assert "&quot;type&quot;: &quot;web_form&quot;" in shown
    assert "&lt;i&gt;busy&lt;/i&gt;" in shown
    assert "&lt;b&gt;Arrêt&lt;/b&gt;" in shown
    assert "Next try" in shown
    assert of(told) not in owner.get(at(hook) + "?state=dead").content.decode()
    assert owner.get(at(hook) + "?state=nonsense").status_code == 200


def test_a_long_log_has_pages(owner, world: World, hook: Endpoint) -> None:
    for phone in range(ANNA, ANNA + 60):
        consent.opt_out(world.account.id, 0, phone, Cause(Source.API))
    newest, oldest = Delivery.objects.latest("id"), Delivery.objects.earliest("id")
    first = owner.get(at(hook))
    assert of(newest) in first.content.decode()
    assert of(oldest) not in first.content.decode()
    second = owner.get(f"{at(hook)}?{first.context['older']}").content.decode()
    assert of(oldest) in second
    assert of(newest) not in second


def test_what_was_given_up_is_told_again(owner, hook: Endpoint, told: Delivery) -> None:
    Delivery.objects.update(state=DeliveryState.DEAD)
    assert "Tell again what was given up" in owner.get(at(hook)).content.decode()
    assert "1 event is told again." in owner.post(at(hook, "replay"), follow=True).content.decode()
    assert Delivery.objects.get().state == DeliveryState.WAITING
    assert "still being told" in owner.post(of(told, "replay"), follow=True).content.decode()
    Delivery.objects.update(state=DeliveryState.DELIVERED)
    owner.post(of(told, "replay"))
    assert Delivery.objects.get().state == DeliveryState.WAITING


def test_it_is_switched_off_and_on_and_removed(owner, hook: Endpoint) -> None:
    owner.post(at(hook, "off"))
    assert not Endpoint.objects.get().is_enabled
    owner.post(at(hook, "on"))
    assert Endpoint.objects.get().is_enabled
    owner.post(at(hook, "test"))
    assert Delivery.objects.count() == 1
    assert owner.post(at(hook, "remove"), {"sure": "1"}).url == "/settings/webhooks/"
    assert owner.get(at(hook)).status_code == 404
    assert owner.get(of(Delivery.objects.get())).status_code == 404


def test_a_new_secret_is_shown_once(owner, hook: Endpoint) -> None:
    (old,) = webhooks.secrets_of(hook, timezone.now())
    shown = owner.post(at(hook, "secret"), {"sure": "1"}, follow=True).content.decode()
    new, before = webhooks.secrets_of(Endpoint.objects.get(), timezone.now())
    assert before == old
    assert new in shown
    assert new not in owner.get(at(hook)).content.decode()


def test_a_paused_one_is_told_of_at_home_until_it_is_on_again(owner, hook: Endpoint) -> None:
    Endpoint.objects.update(paused_at=timezone.now(), paused_reason="Nothing has reached it for three days.")
    for page in ("/", at(hook)):
        assert "Nothing has reached it for three days." in owner.get(page).content.decode()
    owner.post(at(hook, "on"))
    assert "Nothing has reached it" not in owner.get("/").content.decode()


def test_callbacks_have_a_log_and_no_secret_of_their_own(owner, world: World) -> None:
    webhooks.call_back(world.account, [1], "https://shop.example/called?order=7", "key")
    callbacks = Endpoint.objects.get()
    shown = owner.get(at(callbacks)).content.decode()
    assert "https://shop.example" in shown
    assert "New secret" not in shown
    assert owner.post(at(callbacks, "secret")).status_code == 404
    assert owner.post(at(callbacks), NEW).status_code == 404
    assert owner.post(at(callbacks, "test")).status_code == 404
    assert owner.post(at(callbacks, "off")).status_code == 302


ACTIONS = ("test", "on", "off", "replay", "remove", "secret")


def test_only_administrators_change_and_everybody_looks(world: World, hook: Endpoint, told: Delivery) -> None:
    for user in (world.teammate, world.viewer):
        client = signed_in(user)
        for page in ("/settings/webhooks/", at(hook), of(told)):
            shown = client.get(page)
            assert shown.status_code == 200
            assert 'method="post" action="/settings/' not in shown.content.decode()
        posts = ["/settings/webhooks/", at(hook), of(told, "replay"), *(at(hook, action) for action in ACTIONS)]
        assert {client.post(address, NEW).status_code for address in posts} == {403}


def test_a_stranger_finds_nothing(world: World, hook: Endpoint, told: Delivery) -> None:
    stranger = signed_in(world.stranger)
    assert "shop.example" not in stranger.get("/settings/webhooks/").content.decode()
    for address in (at(hook), of(told)):
        assert stranger.get(address).status_code == 404
    for address in (at(hook), of(told, "replay"), *(at(hook, action) for action in ACTIONS)):
        assert stranger.post(address, NEW).status_code == 404
    assert Endpoint.objects.get().is_enabled


def test_only_a_post_changes(owner, hook: Endpoint, told: Delivery) -> None:
    for address in (of(told, "replay"), *(at(hook, action) for action in ACTIONS)):
        assert owner.get(address).status_code == 405
    assert owner.post(at(hook, "explode")).status_code == 404
