"""Templates: kept under a name of their own, changed and deleted, an account's alone."""

from __future__ import annotations

import pytest

from heed.core import templates
from heed.core.models import Audit, MessageTemplate

TEXT = "Hello ${firstname|there}, it is ready. ${opt_out_link}"


def test_it_works(world):
    made = templates.create(world.account, " Order  ready ", TEXT + "\r\n", actor="test")
    assert (made.name, made.text) == ("Order ready", TEXT)
    changed = templates.change(world.account, made.id, "Ready", "It is ready.", actor="test")
    assert (changed.id, changed.text) == (made.id, "It is ready.")
    assert changed.changed_at > changed.created_at
    assert [one.name for one in templates.of(world.account)] == ["Ready"]
    templates.delete(world.account, made.id, actor="test")
    assert templates.find(world.account, made.id) is None
    acts = list(Audit.objects.filter(action__startswith="template").order_by("id").values_list("action", "subject"))
    assert acts == [("template.create", "Order ready"), ("template.change", "Ready"), ("template.delete", "Ready")]


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("", TEXT, "name"),
        (" ", TEXT, "name"),
        ("x" * 81, TEXT, "name"),
        ("Taken", TEXT, "name"),
        ("New", "", "text"),
        ("New", " \n ", "text"),
        ("New", "x" * 1531, "text"),  # eleven parts
    ],
)
def test_what_can_not_be_kept(world, name, text, field):
    kept = templates.create(world.account, "Taken", TEXT, actor="test")
    other = templates.create(world.account, "Other", TEXT, actor="test")
    with pytest.raises(templates.Refused) as refused:
        templates.create(world.account, name, text, actor="test")
    assert refused.value.field == field
    with pytest.raises(templates.Refused) as refused:
        templates.change(world.account, other.id, name, text, actor="test")
    assert refused.value.field == field
    assert list(MessageTemplate.objects.order_by("id").values_list("id", "name")) == [
        (kept.id, "Taken"),
        (other.id, "Other"),
    ]


def test_two_accounts_may_use_one_name_and_see_nothing_of_each_other(world):
    mine = templates.create(world.account, "Ready", TEXT, actor="test")
    theirs = templates.create(world.other, "Ready", "Theirs", actor="test")
    assert list(templates.of(world.account)) == [mine]
    assert templates.find(world.account, theirs.id) is None
    with pytest.raises(templates.Refused):
        templates.change(world.account, theirs.id, "Mine", TEXT, actor="test")
    templates.delete(world.account, theirs.id, actor="test")
    assert templates.find(world.other, theirs.id).text == "Theirs"


def test_there_is_a_bound(world, monkeypatch):
    monkeypatch.setattr(templates, "MOST", 1)
    templates.create(world.account, "One", TEXT, actor="test")
    with pytest.raises(templates.Refused, match="at most 1"):
        templates.create(world.account, "Two", TEXT, actor="test")
    templates.create(world.other, "One", TEXT, actor="test")
