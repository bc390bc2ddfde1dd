"""Long texts that come part by part: whichever order and however often, each is read once and whole."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db.models import F
from people import ANNA, BEN, FIRST_NUMBER, SECOND_NUMBER, World

from heed.core import gate, housekeeping, inbound, long_texts
from heed.core.models import Inbound, LongText
from heed.rules import numbers
from heed.rules.values import InboundText, Part

LATER = long_texts.OVERDUE + timedelta(seconds=1)


def part(words: str, number: int, total: int = 2, reference: int = 7, sender: int = ANNA, to: int = FIRST_NUMBER):
    return InboundText("", numbers.show(sender), numbers.show(to), words, part=Part(reference, total, number))


def take_in(world: World, *parts: InboundText):
    return inbound.receive(world.link, parts)


def texts() -> list[str]:
    return list(Inbound.objects.order_by("id").values_list("text", flat=True))


def may(world: World) -> bool:
    return not gate.may_send(world.account.id, world.number.id, [ANNA])


@pytest.mark.parametrize("together", [True, False], ids=["one group", "two groups"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the last first"])
def test_a_stop_in_two_parts_is_honoured_once_joined(world, order, together):
    both = [part("Please remove me from ", 1), part("your list", 2)]
    arriving = [both[at] for at in order]
    results = take_in(world, *arriving) if together else [take_in(world, one)[0] for one in arriving]
    assert [result.verdict for result in results] == ["none", "opt_out"]
    assert texts() == ["Please remove me from your list"]
    assert not may(world)


def test_a_character_may_be_cut_in_two(world):
    """Emoji are two UTF-16 units, and a part may end between them."""
    take_in(world, part("Thanks \ud83d", 1), part("\ude4f\0", 2))
    assert texts() == ["Thanks 🙏␀"]


def test_whole_texts_beside_parts_are_read_at_once(world):
    whole = InboundText("m1", numbers.show(ANNA), numbers.show(FIRST_NUMBER), "STOP")
    results = take_in(world, part("Hel", 1), whole, part("Good", 1, reference=8), part("lo", 2))
    assert [result.verdict for result in results] == ["none", "opt_out", "none", "none"]
    assert [bool(result.id) for result in results] == [False, True, False, True]
    assert texts() == ["STOP", "Hello"]


def pass_time(by: timedelta) -> None:
    """The database's clock is not ours to turn: the rows grow older."""
    LongText.objects.update(last_at=F("last_at") - by)
    LongText.objects.exclude(read_at=None).update(read_at=F("read_at") - by)


def test_what_came_is_read_when_the_rest_is_overdue(world):
    take_in(world, part("Stop it! ", 1), part("Hello", 2, sender=BEN))
    assert inbound.read_overdue() == 0
    assert may(world)
    pass_time(LATER)
    assert inbound.read_overdue() == 2
    assert not may(world)
    assert sorted(texts()) == ["Hello", "Stop it! "]
    assert inbound.read_overdue() == 0


def test_a_part_that_comes_again_is_known(world):
    """The carrier did not get our answer and brings it again, before the others and after them."""
    both = [part("Hello ", 1), part("there", 2)]
    take_in(world, both[0], both[0])
    take_in(world, both[0])
    take_in(world, both[1], both[1])
    take_in(world, *both)
    assert texts() == ["Hello there"]
    assert not LongText.objects.filter(read_at=None).exists()


def test_another_text_under_the_same_reference_is_another_text(world):
    take_in(world, part("One ", 1), part("two", 2))
    take_in(world, part("Three ", 1), part("four", 2))
    take_in(world, part("STOP ", 1))  # its second part gets lost
    take_in(world, part("Five ", 1), part("six", 2))
    assert texts() == ["One two", "Three four", "STOP ", "Five six"]
    assert not may(world)


def test_the_same_text_an_hour_later_is_another_one(world):
    both = [part("Hello ", 1), part("there", 2)]
    take_in(world, *both)
    pass_time(long_texts.KEPT)
    take_in(world, *both)
    assert texts() == ["Hello there"] * 2


def test_what_was_read_is_forgotten_within_hours(world):
    take_in(world, part("Hello ", 1), part("there", 2), part("Good", 1, sender=BEN))
    pass_time(long_texts.KEPT * 2)
    housekeeping.forget_old()
    assert [row.from_address for row in LongText.objects.all()] == [numbers.show(BEN)]


def test_a_long_text_that_can_not_be_read_keeps_no_other_from_it(world, monkeypatch):
    read = inbound.verdicts.read

    def failing(text, *more):
        if "there" in text.raw.text:
            raise RuntimeError("what nobody thought of")
        read(text, *more)

    monkeypatch.setattr(inbound.verdicts, "read", failing)
    take_in(
        world,
        part("Hello ", 1),
        part("there", 2),
        part("Please stop ", 1, reference=8),
        part("texting me", 2, reference=8),
    )
    assert texts() == ["Hello there", "Please stop texting me"]
    assert list(Inbound.objects.order_by("id").values_list("failures", flat=True)) == [1, 0]
    assert not may(world)


@pytest.mark.parametrize("seed", range(25))
def test_any_order_and_any_repetition_gives_each_text_once(world, seed):
    chance = random.Random(seed)
    wanted, arriving = [], []
    for reference in range(chance.randint(1, 5)):
        total = chance.randint(2, 6)
        sender, to = chance.choice([ANNA, BEN]), chance.choice([FIRST_NUMBER, SECOND_NUMBER])
        pieces = [f"{reference}.{number} " for number in range(1, total + 1)]
        wanted.append("".join(pieces))
        parts = [part(words, number, total, reference, sender, to) for number, words in enumerate(pieces, 1)]
        arriving += parts + chance.sample(parts, chance.randint(0, total))
    chance.shuffle(arriving)
    while arriving:
        group, arriving = arriving[: (size := chance.randint(1, 8))], arriving[size:]
        take_in(world, *group)
    assert sorted(texts()) == sorted(wanted)
    assert not LongText.objects.filter(read_at=None).exists()
