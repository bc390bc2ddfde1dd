"""Only the process that claimed a message moves it on; what a dead one held is nobody's to send again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from crowd import together
from people import ANNA, World

from heed.core import gate, handoff, inbound, leases, outbound, queued
from heed.core.handoff import Sent
from heed.core.models import Event, Lease, Message
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText


def queue(world: World, count: int = 1) -> list[int]:
    drafts = [Draft(ANNA + at, numbers.show(ANNA + at), "Hello!") for at in range(count)]
    return [one.id for one in outbound.queue(world.number, drafts, door="test", actor="")]


def claim(world: World, token: int) -> list[int]:
    return [one.id for one in gate.claim(world.link.id, 100, token)]


def states() -> set[tuple[str, int]]:
    return set(Message.objects.values_list("state", "claim"))


def die(token: int) -> None:
    """Its lease has run out."""
    Lease.objects.filter(id=token).update(expires_at="2026-01-01T00:00:00Z")


def test_what_is_put_back_leaves_by_another(world: World) -> None:
    ids = queue(world, 3)
    mine, other = leases.take("mine"), leases.take("other")
    assert claim(world, mine) == ids
    assert claim(world, other) == []
    assert handoff.put_back(ids, other) == 0
    assert handoff.put_back(ids[:2], mine) == 2
    assert claim(world, other) == ids[:2]
    assert handoff.put_back(ids, mine) == 1
    assert set(Message.objects.values_list("id", "tries")) == {(ids[0], 1), (ids[1], 1), (ids[2], 0)}


OTHERS: dict[str, Callable[[int, int, World], object]] = {
    "put back": lambda id_, token, world: handoff.put_back([id_], token),
    "wait": lambda id_, token, world: handoff.wait(id_, token, seconds=0),
    "failed": lambda id_, token, world: handoff.failed(id_, token, code="1", words=""),
    "unconfirmed": lambda id_, token, world: handoff.unconfirmed(id_, token, words=""),
    "handed off": lambda id_, token, world: handoff.handed_off([Sent(id_, "x")], token),
    "opted out": lambda id_, token, world: handoff.carrier_says_opted_out(id_, token, words=""),
    "stopped": lambda id_, token, world: handoff.stop_connection(world.link.id, id_, token, words=""),
    "move due": lambda id_, token, world: queued.move_due(),
    "settle stale": lambda id_, token, world: handoff.settle_stale(),
    "cancel": lambda id_, token, world: queued.cancel(world.account.id, id_),
    "claim": lambda id_, token, world: claim(world, token),
    "STOP": lambda id_, token, world: inbound.receive(
        world.link, [InboundText("", numbers.show(ANNA), world.number.address, "STOP")]
    ),
}


@pytest.mark.parametrize("verb", OTHERS.values(), ids=OTHERS.keys())
def test_nobody_else_moves_what_a_living_process_holds(world: World, verb: Callable[[int, int, World], object]) -> None:
    (id_,) = queue(world)
    mine, other = leases.take("mine"), leases.take("other")
    assert claim(world, mine) == [id_]
    verb(id_, other, world)
    assert states() == {("sending", mine)}
    assert not Event.objects.filter(message_id=id_).exists()


def test_what_a_dead_process_held_becomes_unconfirmed_and_stays_so(world: World) -> None:
    ids = queue(world, 3)
    dead, alive = leases.take("dead"), leases.take("alive")
    claim(world, dead)
    more = queue(world)
    claim(world, alive)
    die(dead)
    assert handoff.settle_stale() == 3
    assert handoff.settle_stale() == 0
    assert states() == {("unconfirmed", dead), ("sending", alive)}
    assert Event.objects.filter(kind="unconfirmed").count() == 3
    assert handoff.put_back([*ids, *more], dead) == 0  # it was only asleep, and comes back
    handoff.wait(ids[0], dead, seconds=0)
    assert queued.move_due() == 0
    assert claim(world, alive) == []
    handoff.handed_off([Sent(ids[0], "late")], dead)  # the carrier did accept it: that may be said late
    assert Message.objects.get(id=ids[0]).state == "sent"


def test_a_process_that_has_lost_its_lease_does_not_get_it_back(world: World) -> None:
    token = leases.take("mine")
    assert leases.renew(token)
    die(token)
    assert not leases.renew(token)


def test_a_put_back_against_dispatchers_and_the_worker(live_world: World) -> None:
    """Each message ends with one holder or none, and no holder has one that another was given after it."""
    world = live_world
    dead = leases.take("dead")
    ids = queue(world, 20)
    claim(world, dead)
    ids += queue(world, 60)
    alive = [leases.take("alive") for _ in range(2)]
    held: dict[int, list[int]] = {token: [] for token in alive}
    end = time.monotonic() + 1

    def dispatch(token: int) -> None:
        while time.monotonic() < end:
            held[token] += [one.id for one in gate.claim(world.link.id, 5, token)]
            back, held[token] = held[token][:3], held[token][3:]
            assert handoff.put_back(back, token) == len(back)
            assert handoff.put_back(ids, dead) == 0

    def work() -> None:
        while time.monotonic() < end:
            handoff.settle_stale(7)

    die(dead)
    assert handoff.settle_stale() == 20
    together(*(lambda token=token: dispatch(token) for token in alive), work)
    kept = [id_ for token in alive for id_ in held[token]]
    assert len(kept) == len(set(kept))
    assert set(Message.objects.filter(claim__in=alive).values_list("id", flat=True)) == set(kept)
    assert states() <= {("unconfirmed", dead), ("sending", alive[0]), ("sending", alive[1]), ("queued", 0)}
    assert Message.objects.filter(state="unconfirmed").count() == 20


def test_the_carriers_word_opts_out_although_the_message_is_the_only_one(world: World) -> None:
    """Invariant 13: the scope is that of a STOP to the sender."""
    (id_,) = queue(world)
    token = leases.take("mine")
    claim(world, token)
    handoff.carrier_says_opted_out(id_, token, words="21610")
    message = Message.objects.get()
    assert (message.state, message.reason) == ("suppressed", "carrier")
    assert gate.may_send(world.account.id, world.number.id, [ANNA])[ANNA].scope == "sender"
    assert not gate.may_send(world.account.id, world.second.id, [ANNA])
