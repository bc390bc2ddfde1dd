"""Acts on one person at the same moment: order in the ledger is commit order, and a replay gives what the table has."""

from __future__ import annotations

import random
import threading

from crowd import Held, together
from people import ANNA, BEN, World

from heed.core import consent, gate, inbound, replay, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Consent, LedgerEntry, Message, Sender, Source
from heed.core.senders import Setting
from heed.rules import codes, numbers
from heed.rules.values import InboundText

ROUNDS = 25


def text(world: World, words: str, to: Sender, person: int = ANNA) -> None:
    inbound.receive(world.link, [InboundText("", numbers.show(person), to.address, words)])


def test_start_on_one_number_against_an_account_wide_stop_on_another(live_world: World) -> None:
    """Unlocked, each acts on rows that the other is about to change: the person was left contactable."""
    world = live_world
    senders.change(world.second, Setting(account_level_opt_out=True), actor="test")
    for _ in range(ROUNDS):
        together(lambda: text(world, "START", world.number), lambda: text(world, "STOP", world.second))
        first, second = LedgerEntry.objects.order_by("-id")[:2][::-1]
        assert {first.act, second.act} == {"opt_out", "opt_in"}
        came_back = second.act == "opt_in" and second.effective_at > first.effective_at
        assert (ANNA not in gate.may_send(world.account.id, world.number.id, [ANNA])) == came_back
        for sender in (world.second, world.name):
            assert gate.may_send(world.account.id, sender.id, [ANNA])[ANNA].scope == "account"
        assert list(replay.verify()) == []


def test_help_asked_twice_at_once_is_answered_once(live_world: World) -> None:
    for person in range(ANNA, ANNA + 10):
        together(*[lambda person=person: text(live_world, "HELP", live_world.number, person)] * 3)
    assert Message.objects.filter(purpose="answer").count() == 10


def test_everything_at_once_to_the_same_people(live_world: World) -> None:
    world = live_world
    senders.change(world.second, Setting(account_level_opt_out=True), actor="test")
    prefix = world.account.free_prefix

    def act() -> None:
        person, sender = random.choice((ANNA, BEN)), random.choice((world.number, world.second))
        scope = random.choice((0, sender.id))
        words = random.choice(("STOP", "START", "STOPALL", f"{prefix}START", codes.free_keyword(prefix), ""))
        if words:
            return text(world, words, sender, person)
        verb, source = random.choice(
            [(Verb.LIFT, Source.CONSOLE), (Verb.IMPORT, Source.IMPORT), (Verb.HOLD, Source.REVIEW),
             (Verb.RELEASE, Source.REVIEW)]
        )  # fmt: skip
        consent.act(Doing(verb, world.account.id, person, scope, Cause(source)))

    def several() -> None:
        for _ in range(ROUNDS):
            act()

    together(*[several] * 4)
    assert LedgerEntry.objects.count() > ROUNDS
    assert list(replay.verify()) == []


def test_a_stop_waits_for_a_rebuild_of_the_same_person(live_world: World) -> None:
    """Else the rebuild writes what the ledger gave before the STOP, over it."""
    world, held, stopped = live_world, Held(), threading.Event()
    text(world, "START", world.number)

    def rebuild() -> None:
        with held.after("FROM core_ledgerentry WHERE account_id"):
            replay.rebuild()

    def leave() -> None:
        held.wait()
        text(world, "STOP", world.number)
        stopped.set()

    def look() -> bool:
        held.wait()
        is_early = stopped.wait(0.3)
        held.let_go()
        return is_early

    assert together(rebuild, leave, look)[2] is False
    assert Consent.objects.get(sender_id=world.number.id).state == "out"
    assert list(replay.verify()) == []
