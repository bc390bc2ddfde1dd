"""Parts of long texts that ESMEs submit: one message, whatever comes first, twice, late or never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from esme import QUICK_HASHES
from people import ANNA, BEN

from heed.core import esmes, parts, submissions
from heed.core.esmes import Setting
from heed.core.models import Callback, Delivery, Message, SubmittedPart
from heed.core.submissions import Submission
from heed.rules.values import Part


@pytest.fixture(autouse=True)
def quick(settings):
    """Argon2 is slow by design."""
    settings.PASSWORD_HASHERS = QUICK_HASHES


@pytest.fixture
def esme(world):
    return esmes.add(world.account, "shop", Setting(), actor="anna")[0]


def part(esme, number, text, total=2, reference=1, recipient=ANNA, **more):
    return Submission(
        esme, "+447700900001", recipient, f"+{recipient}", text, part=Part(reference, total, number), **more
    )


def texts() -> list[str]:
    return list(Message.objects.order_by("id").values_list("text", flat=True))


def test_a_reference_may_be_used_again_at_once(esme):
    batch = [part(esme, number, f"{name}{number} ") for name in "ab" for number in (1, 2)]
    assert [one.refusal for one in submissions.submit(batch)] == [""] * 4
    assert texts() == ["a1 a2 ", "b1 b2 "]
    assert not SubmittedPart.objects.filter(message_id=None).exists()


def test_a_part_that_comes_again_takes_the_place_of_the_first(esme):
    submissions.submit([part(esme, 1, "old")])
    submissions.submit([part(esme, 1, "new "), part(esme, 2, "end")])
    assert texts() == ["new end"]
    assert not SubmittedPart.objects.filter(message_id=None).exists()


def test_other_people_references_totals_and_programs_are_other_texts(world, esme):
    other = esmes.add(world.account, "two", Setting(), actor="anna")[0]
    submissions.submit([part(esme, 1, "a")])
    submissions.submit(
        [
            part(esme, 2, "b", recipient=BEN),
            part(esme, 2, "b", reference=2),
            part(esme, 2, "b", total=3),
            part(other, 2, "b"),
        ]
    )
    assert texts() == []
    assert SubmittedPart.objects.count() == 5


def test_a_character_that_is_split_is_whole_again(esme):
    submissions.submit([part(esme, 1, "x\ud83d")])
    submissions.submit([part(esme, 2, "\ude00y")])
    assert texts() == ["x😀y"]


def test_what_misses_its_rest_is_kept_as_failed_and_told(esme):
    submissions.submit([part(esme, 2, "end", receipts="final")])
    assert parts.give_up() == 0
    SubmittedPart.objects.update(received_at=SubmittedPart.objects.get().received_at - timedelta(minutes=11))
    assert parts.give_up() == 1
    row = Message.objects.get()
    assert (row.state, row.code, row.text, row.words) == ("failed", "incomplete", "end", "1 of its 2 parts came.")
    assert (Callback.objects.get().message_id, Delivery.objects.count()) == (row.id, 1)
    assert parts.give_up() == 0


def test_old_rows_are_forgotten(esme):
    submissions.submit([part(esme, 1, "a"), part(esme, 2, "b")])
    SubmittedPart.objects.update(received_at=SubmittedPart.objects.first().received_at - timedelta(days=8))
    parts.give_up()
    assert not SubmittedPart.objects.exists()
