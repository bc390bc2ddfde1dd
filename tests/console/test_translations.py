"""A number's replies in other languages."""

from __future__ import annotations

import people
import pytest
from django.urls import reverse
from reading import said

from heed.console import ids
from heed.core import senders
from heed.core.models import Sender
from heed.core.senders import Setting

FRENCH = {"fr": {"reply_message": "Au revoir."}}


def at(name: str, sender: Sender) -> str:
    return reverse(name, args=[ids.public(ids.SENDER, sender.id)])


def test_a_language_is_added_changed_and_taken_away(owner, world):
    page = owner.get(at("translations", world.number), {"add": "fr"})
    assert 'name="fr-reply_message"' in page.content.decode()
    given = {"fr-reply_message": " Au revoir. ", "fr-help_reply": "", "xx-help_reply": "?", "fr-other": "?"}
    assert "are saved" in said(owner.post(at("change_translations", world.number), given, follow=True))
    world.number.refresh_from_db()
    assert world.number.translations == FRENCH
    assert "Replies in other languages (1)" in said(owner.get(at("number", world.number)))
    owner.post(at("change_translations", world.number), {"fr-reply_message": " "})
    world.number.refresh_from_db()
    assert world.number.translations == {}


def test_what_is_too_long_keeps_what_was_typed(owner, world):
    answer = owner.post(at("change_translations", world.number), {"de-help_reply": "x" * 1001})
    assert (answer.status_code, "at most 1,000" in said(answer), b"x" * 1001 in answer.content) == (422, True, True)


def test_marketing_is_pointed_at(owner, world):
    senders.change(world.number, Setting(translations={"de": {"help_reply": "Jetzt mit Rabatt"}}), actor="test")
    assert "“rabatt” reads as marketing" in said(owner.get(at("translations", world.number)))


@pytest.mark.parametrize("asked", ["xx", "", "fr-help_reply"])
def test_a_language_nobody_reads_is_not_offered(owner, world, asked):
    assert b"<textarea" not in owner.get(at("translations", world.number), {"add": asked}).content


def test_a_viewer_reads_and_a_stranger_finds_nothing(world):
    viewer, stranger = people.signed_in(world.viewer), people.signed_in(world.stranger)
    senders.change(world.number, Setting(translations=FRENCH), actor="test")
    assert b"Au revoir." in viewer.get(at("translations", world.number)).content
    assert viewer.post(at("change_translations", world.number), {}).status_code == 403
    assert stranger.get(at("translations", world.number)).status_code == 404
    assert stranger.post(at("change_translations", world.number), {}).status_code == 404
