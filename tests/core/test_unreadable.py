"""A text that can't be read keeps no other from acting, and is never lost."""

from __future__ import annotations

import pytest
from people import ANNA, BEN, CLEO, FIRST_NUMBER, World

from heed.core import gate, inbound, verdicts
from heed.core.models import Event, Inbound, Message
from heed.core.verdicts import Text
from heed.rules import numbers
from heed.rules.values import InboundText


def batch(*people: int, words: str = "STOP") -> list[InboundText]:
    return [InboundText(f"m{who}", numbers.show(who), numbers.show(FIRST_NUMBER), words) for who in people]


def blocked(world: World) -> set[int]:
    return set(gate.may_send(world.account.id, world.number.id, [ANNA, BEN, CLEO]))


@pytest.fixture
def bens_text_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acting on Ben's text fails half way: after it was read, before anything of it is written."""
    confirmed = verdicts.confirmed

    def raise_for_ben(text: Text) -> list[verdicts.Doing]:
        if text.recipient == BEN:
            raise ArithmeticError
        return confirmed(text)

    monkeypatch.setattr(verdicts, "confirmed", raise_for_ben)


def test_the_others_of_the_batch_act(world: World, bens_text_raises: None) -> None:
    received = inbound.receive(world.link, batch(ANNA, BEN, CLEO))
    assert [one.is_read for one in received] == [True, False, True]
    assert [one.verdict for one in received] == ["opt_out", "none", "opt_out"]
    assert blocked(world) == {ANNA, CLEO}
    row = Inbound.objects.get(recipient=BEN)
    assert (row.id, row.text, row.verdict, row.read_at, row.failures) == (received[1].id, "STOP", "", None, 1)
    assert set(Inbound.objects.exclude(recipient=BEN).values_list("verdict", "failures")) == {("opt_out", 0)}
    assert Event.objects.filter(kind="inbound").count() == 3


def test_a_replay_of_an_unread_text_reads_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(verdicts, "prefixes", lambda texts: 1 / 0)
        assert not inbound.receive(world.link, batch(BEN))[0].is_read
    again = inbound.receive(world.link, batch(BEN))[0]
    assert (again.is_duplicate, again.is_read, again.verdict) == (True, True, "opt_out")
    assert blocked(world) == {BEN}
    assert Inbound.objects.get().verdict == "opt_out"
    assert Event.objects.filter(kind="inbound").count() == 1


def test_the_worker_reads_what_could_not_be_read(live_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(verdicts, "prefixes", lambda texts: 1 / 0)
        inbound.receive(live_world.link, batch(ANNA, BEN, words="help"))
    assert inbound.read_unread() == 2
    assert inbound.read_unread() == 0
    assert set(Inbound.objects.values_list("verdict", flat=True)) == {"help"}
    assert Message.objects.filter(purpose="answer").count() == 2
