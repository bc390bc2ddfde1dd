"""STOP against the dispatcher: what no claim may take once an opt-out has committed, and what orders the two."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import databases
import psycopg
import pytest
from crowd import PATIENCE_S, Held, together
from django.db import connection
from people import ANNA, World

from heed.core import consent, gate, inbound, outbound, queued, replay
from heed.core.consent import Cause
from heed.core.gate import Claimed
from heed.core.models import Message, Sender, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText

CROWD = range(ANNA, ANNA + 60)
LEAVERS = 3
CLAIM = "RETURNING core_message.id, account_id, sender_id"  # of all statements, only the claim's says this
postgresql_only = pytest.mark.skipif(
    databases.ENGINE != "postgresql", reason="SQLite has one writer at a time: nothing commits while a claim runs"
)


def draft(recipient: int) -> Draft:
    return Draft(recipient, numbers.show(recipient), "Hello!")


def stop(world: World, *recipients: int, to: Sender | None = None) -> None:
    address = (to or world.number).address
    inbound.receive(world.link, [InboundText("", numbers.show(who), address, "STOP") for who in recipients])


class Race:
    """Some queue, some move what is due, some claim, and everyone leaves, one by one, in one of three ways."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.senders = (world.number, world.second, world.name, world.other_number)
        self.left_at: dict[tuple[int, int, int], float] = {}  # (account, recipient, sender or 0) → after the commit
        self.claims: list[tuple[float, Claimed]] = []
        self.still_queued: list[int] = []
        self.gone: list[int] = []  # of those who let people leave, who has finished
        self.end = time.monotonic() + PATIENCE_S

    def run(self) -> None:
        self._fill()
        shares = [random.sample(CROWD[at::LEAVERS], len(CROWD[at::LEAVERS])) for at in range(LEAVERS)]
        leave = [lambda share=share: self.leave(share) for share in shares]
        together(*leave, self.queue, self.move, *(lambda token=token: self.claim(token) for token in (1, 2, 3)))
        while queued.move_due():
            pass
        began = time.monotonic()
        while claimed := gate.claim(self.world.link.id, 100, 4):
            self.claims += [(began, one) for one in claimed]

    def _fill(self) -> None:
        """What moves into the queue by itself has only the claim between it and the person."""
        due_at = datetime.now(UTC) + timedelta(seconds=0.1)
        for sender in self.senders:
            drafts = [draft(who) for who in random.sample([*CROWD, *CROWD], 2 * len(CROWD))]
            outbound.queue(sender, drafts, door="test", actor="", due_at=due_at)
        time.sleep(0.1)

    @property
    def is_on(self) -> bool:
        assert time.monotonic() < self.end
        return len(self.gone) < LEAVERS

    def queue(self) -> None:
        while self.is_on:
            drafts = [draft(who) for who in random.sample(CROWD, 4)]
            outbound.queue(random.choice(self.senders), drafts, door="test", actor="")

    def move(self) -> None:
        while self.is_on:
            queued.move_due(8)

    def claim(self, token: int) -> None:
        while self.is_on:
            began = time.monotonic()
            self.claims += [(began, one) for one in gate.claim(self.world.link.id, 2, token)]

    def leave(self, share: list[int]) -> None:
        try:
            while share:
                chosen = [share.pop() for _ in range(min(len(share), random.randint(1, 3)))]
                random.choice([self._by_text, self._by_form])(chosen)
        finally:
            self.gone.append(1)

    def _by_text(self, chosen: list[int]) -> None:
        account_id, sender = self.world.account.id, self.world.number
        before = self._queued(recipient__in=chosen, sender=sender)
        stop(self.world, *chosen)
        self.left_at |= {(account_id, who, sender.id): time.monotonic() for who in chosen}
        self.still_queued += self._queued(id__in=before)

    def _by_form(self, chosen: list[int]) -> None:
        account_id = self.world.account.id
        for who in chosen:
            before = self._queued(account_id=account_id, recipient=who)
            consent.opt_out(account_id, 0, who, Cause(Source.WEB_FORM))
            self.left_at[account_id, who, 0] = time.monotonic()
            self.still_queued += self._queued(id__in=before)

    def _queued(self, **which: Any) -> list[int]:
        return list(Message.objects.filter(state="queued", **which).values_list("id", flat=True))

    def left_before(self, began: float, one: Claimed) -> bool:
        keys = [(one.account_id or 0, one.recipient, scope) for scope in (0, one.sender_id)]
        return any(self.left_at.get(key, began) < began for key in keys)


def test_no_claim_that_begins_after_an_opt_out_takes_what_it_covers(live_world: World) -> None:
    race = Race(live_world)
    race.run()
    assert [one for began, one in race.claims if race.left_before(began, one)] == []
    ids = [one.id for _, one in race.claims]
    assert len(ids) == len(set(ids))
    assert race.still_queued == []  # the sweep took what was there before the opt-out
    states = Message.objects.values_list("id", "state")
    assert {id_ for id_, state in states if state == "sending"} == set(ids)
    assert {state for _, state in states} == {"sending", "suppressed"}
    assert list(replay.verify()) == []


# One against one, held in the middle


def while_held(job: Callable[[], Any], held: Held, words: str) -> Callable[[], Any]:
    def run() -> Any:
        with held.after(words):
            return job()

    return run


def test_a_stop_waits_for_a_claim_that_holds_its_message(live_world: World) -> None:
    (queued,) = outbound.queue(live_world.number, [draft(ANNA)], door="test", actor="")
    held, stopped = Held(), threading.Event()

    def leave() -> None:
        held.wait()
        stop(live_world, ANNA)
        stopped.set()

    def look() -> bool:
        held.wait()
        is_early = stopped.wait(0.3)
        held.let_go()
        return is_early

    claim = while_held(lambda: gate.claim(live_world.link.id, 10, 7), held, CLAIM)
    claimed, _, is_early = together(claim, leave, look)
    assert not is_early
    assert [one.id for one in claimed] == [queued.id]
    assert Message.objects.get().state == "sending"


@postgresql_only
def test_a_stop_that_commits_while_a_claim_runs_takes_its_message_away(live_world: World) -> None:
    """The claim's snapshot is from before the STOP, so its condition does not see it; the row that was swept does."""
    outbound.queue(live_world.number, [draft(ANNA)], door="test", actor="")
    with a_gate_in_the_claims_way() as (slowed, is_waiting, open_it):

        def leave() -> None:
            is_waiting()
            stop(live_world, ANNA)
            open_it()

        claimed, _ = together(slowed(lambda: gate.claim(live_world.link.id, 10, 7)), leave)
    assert claimed == []
    assert Message.objects.get().state == "suppressed"


@contextmanager
def a_gate_in_the_claims_way() -> Iterator[tuple[Any, Callable[[], None], Callable[[], None]]]:
    """A lock that the claim waits for after its snapshot was taken and before it looks at any message."""
    before = "WHERE connection_id = %s AND state = 'queued'"
    gated = before.replace("WHERE", "WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL AND")

    def slow(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if CLAIM in sql:
            assert before in sql
            sql = sql.replace(before, gated)
        return execute(sql, params, many, context)

    def slowed(job: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with connection.execute_wrapper(slow):
                return job()

        return run

    url = databases.SERVER + connection.settings_dict["NAME"]
    with psycopg.connect(url, autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(7)")

        def is_waiting() -> None:
            end = time.monotonic() + PATIENCE_S
            while not keeper.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
                assert time.monotonic() < end
                time.sleep(0.01)

        yield slowed, is_waiting, lambda: keeper.execute("SELECT pg_advisory_unlock(7)") and None


@postgresql_only
def test_what_is_queued_while_a_stop_commits_looks_again(live_world: World) -> None:
    """The STOP can't sweep a message that has not committed; the one who queues it looks after the insert."""
    held = Held()

    def leave() -> None:
        held.wait()
        stop(live_world, ANNA)
        held.let_go()

    def queue() -> list[outbound.Queued]:
        return outbound.queue(live_world.number, [draft(ANNA)], door="test", actor="")

    (queued,), _ = together(while_held(queue, held, "INSERT INTO core_message"), leave)
    assert (queued.state, queued.reason) == ("suppressed", "opted_out")


def test_only_one_of_two_deliveries_of_a_text_acts(live_world: World) -> None:
    """A carrier that had no answer calls again while the first call is still being written."""
    text = InboundText("m1", numbers.show(ANNA), live_world.number.address, "STOP")
    found = together(*[lambda: inbound.receive(live_world.link, [text])[0]] * 4)
    assert sorted(one.is_duplicate for one in found) == [False, True, True, True]
    assert {(one.id, one.verdict) for one in found} == {(found[0].id, "opt_out")}
