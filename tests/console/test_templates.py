"""Templates in the console: written, used in Quick send and in campaigns, by those who may send."""

from __future__ import annotations

import people
import pytest
from django.urls import reverse

from heed.console import ids
from heed.core import templates
from heed.core.models import MessageTemplate

TEXT = "Hello ${firstname|there}, it is ready. ${opt_out_link}"


@pytest.fixture
def kept(world):
    return templates.create(world.account, "Order ready", TEXT, actor="test")


def public(template) -> str:
    return ids.public(ids.TEMPLATE, template.id)


def test_writing_changing_and_deleting_one(world, owner):
    assert "No templates yet" in owner.get(reverse("templates")).content.decode()
    page = owner.post(reverse("new_template"), {"name": "Order ready", "text": TEXT}, follow=True)
    assert "“Order ready” is kept." in page.content.decode()
    one = MessageTemplate.objects.get()
    address = reverse("edit_template", args=[public(one)])
    assert public(one) in owner.get(address).content.decode()  # for programs
    owner.post(address, {"name": "Ready", "text": "Ready."})
    one.refresh_from_db()
    assert (one.name, one.text) == ("Ready", "Ready.")
    assert b"What was sent with it stays." in owner.post(reverse("delete_template", args=[public(one)])).content
    owner.post(reverse("delete_template", args=[public(one)]), {"sure": "1"})
    assert not MessageTemplate.objects.exists()


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(world, owner, kept):
    page = owner.post(reverse("new_template"), {"name": "Order ready", "text": "Mine"})
    assert page.status_code == 422
    assert "There is a template with this name." in page.content.decode()
    assert "Mine</textarea>" in page.content.decode()
    page = owner.post(reverse("edit_template", args=[public(kept)]), {"name": "", "text": "Mine"})
    assert page.status_code == 422
    kept.refresh_from_db()
    assert kept.text == TEXT


def test_quick_send_gets_what_stands_for_missing_values(world, owner, kept):
    filled = f"Hello there, it is ready. http://testserver/{world.account.link_code}"
    page = owner.get(reverse("quick_send"), {"template": public(kept)})
    assert f"\n{filled}</textarea>" in page.content.decode()
    typed = {"from": world.number.address, "to": "", "text": "Dear all,", "do": "template", "template": public(kept)}
    page = owner.post(reverse("quick_send"), typed)
    assert f"\nDear all,\n{filled}</textarea>" in page.content.decode()


def test_quick_send_sends_no_field_that_nothing_fills(world, owner):
    kept = templates.create(world.account, "Named", "Hello ${firstname}", actor="test")
    page = owner.get(reverse("quick_send"), {"template": public(kept)})
    assert "\nHello ${firstname}</textarea>" in page.content.decode()
    typed = {"from": world.number.address, "to": "+447700900501", "text": "Hello ${firstname}"}
    page = owner.post(reverse("quick_send"), typed)
    assert page.status_code == 422
    assert "in place of ${firstname}" in page.content.decode()


def test_a_campaign_keeps_the_fields(world, owner, kept):
    page = owner.get(reverse("new_campaign"), {"template": public(kept)})
    assert f"\n{TEXT}</textarea>" in page.content.decode()
    typed = {"name": "Spring", "text": "", "do": "template", "template": public(kept), "starts": "now"}
    assert f"\n{TEXT}</textarea>" in owner.post(reverse("new_campaign"), typed).content.decode()


def test_a_viewer_reads_and_a_stranger_finds_nothing(world, kept):
    viewer = people.signed_in(world.viewer)
    page = viewer.get(reverse("templates"))
    assert "Order ready" in page.content.decode()
    assert reverse("new_template") not in page.content.decode()
    actions = [
        (reverse("new_template"), 404),
        (reverse("edit_template", args=[public(kept)]), 404),
        (reverse("delete_template", args=[public(kept)]), 404),
    ]
    for address, _ in actions:
        assert viewer.post(address, {"name": "X", "text": "Y"}).status_code == 403
    stranger = people.signed_in(world.stranger)
    assert "Order ready" not in stranger.get(reverse("templates")).content.decode()
    for address, status in actions[1:]:
        assert stranger.post(address, {"name": "X", "text": "Y"}).status_code == status
    page = stranger.get(reverse("quick_send"), {"template": public(kept)})
    assert "it is ready" not in page.content.decode()
    kept.refresh_from_db()
    assert kept.text == TEXT


def test_deleting_takes_a_post(world, owner, kept):
    assert owner.get(reverse("delete_template", args=[public(kept)])).status_code == 405


def test_the_list_costs_the_same_for_many(world, owner, kept, django_assert_max_num_queries):
    for one in range(20):
        templates.create(world.account, f"Template {one}", TEXT, actor="test")
    with django_assert_max_num_queries(12):
        owner.get(reverse("templates"))
