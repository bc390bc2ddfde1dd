"""Batches in any order lock in one order; and a verb that does meet a deadlock is run again, as a whole."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import databases
import people
import pytest
from crowd import PATIENCE_S, together
from django.db import OperationalError, connection, transaction
from people import World
from psycopg import errors

from heed.core import consent, database, gate, inbound, outbound, queued, replay
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Account, LedgerEntry, Message, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText

CROWD = range(people.ANNA, people.ANNA + 12)


def shuffled() -> list[int]:
    return random.sample(CROWD, len(CROWD))


def test_batches_in_any_order_do_not_deadlock(live_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts, imports, rebuilds, sends and claims meet on the same few people; none may need a second try."""
    world = live_world
    monkeypatch.setattr(database, "TRIES", 1)

    def texts() -> None:
        for at in range(8):
            words = ("STOP", "START", "STOPALL", f"{world.other.free_prefix}STOP")[at % 4]
            batch = [
                InboundText(
                    f"{who}-{at}", numbers.show(who), random.choice((world.number, world.second)).address, words
                )
                for who in shuffled()
            ]
            inbound.receive(world.link, batch)

    def imports() -> None:
        for _ in range(8):
            accounts = random.sample((world.account.id, world.other.id), 2)
            doings = [Doing(Verb.IMPORT, one, who, 0, Cause(Source.IMPORT)) for one in accounts for who in shuffled()]
            with transaction.atomic(durable=True):
                consent.record(doings)

    def send() -> None:
        for _ in range(8):
            words = f"To stop, text {numbers.show(people.SHARED_NUMBER)}"
            drafts = [Draft(who, numbers.show(who), words) for who in shuffled()]
            due_at = random.choice((None, datetime.now(UTC) + timedelta(milliseconds=1)))
            outbound.queue(random.choice((world.number, world.other_number)), drafts, door="t", actor="", due_at=due_at)
            queued.move_due()
            gate.claim(world.link.id, 5, 7)

    together(texts, texts, imports, imports, send, send, replay.rebuild)
    assert list(replay.verify()) == []
    assert not Message.objects.exclude(state__in=["queued", "sending", "suppressed", "waiting"]).exists()


@pytest.mark.skipif(databases.ENGINE != "postgresql", reason="SQLite has one writer at a time")
def test_a_deadlock_is_met_and_the_whole_verb_runs_again(live_world: World) -> None:
    accounts = (live_world.account, live_world.other)
    both_hold_one, tries = threading.Barrier(2), []

    def change(first: Account, second: Account) -> Callable[[], None]:
        def verb() -> None:
            tries.append(first.id)
            is_first = tries.count(first.id) == 1
            with transaction.atomic(durable=True):
                Account.objects.filter(id=first.id).update(name=f"{first.id} first")
                if is_first:
                    both_hold_one.wait(PATIENCE_S)
                Account.objects.filter(id=second.id).update(country="FR" if first.id < second.id else "DE")

        return lambda: database.retried(verb)

    together(change(*accounts), change(*accounts[::-1]))
    assert len(tries) > 2  # each once, and the one that PostgreSQL chose again
    assert set(Account.objects.values_list("name", "country")) == {
        (f"{accounts[0].id} first", "DE"),
        (f"{accounts[1].id} first", "FR"),
    }


class Failing:
    """Fails as often as it is told, and counts its tries."""

    def __init__(self, cause: Exception, failures: int) -> None:
        self.cause, self.failures, self.tries = cause, failures, 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.failures:
            raise OperationalError(str(self.cause)) from self.cause
        return "done"


TRIED = [
    (errors.DeadlockDetected(), 0, 1, True),
    (errors.DeadlockDetected(), 2, 3, True),
    (errors.DeadlockDetected(), 3, 3, False),
    (errors.SerializationFailure(), 1, 2, True),
    (errors.LockNotAvailable(), 1, 1, False),
    (errors.AdminShutdown(), 1, 1, False),
    (ValueError("not of the database"), 1, 1, False),
]


def test_what_is_tried_again(live: object) -> None:
    for cause, failures, tries, is_done in TRIED:
        verb = Failing(cause, failures)
        with nullcontext() if is_done else pytest.raises(OperationalError):
            assert database.retried(verb) == "done"
        assert verb.tries == tries, cause


def test_inside_a_transaction_nothing_is_tried_again(live: object) -> None:
    """There it is the outer verb that must run again: what it had locked is lost."""
    verb = Failing(errors.DeadlockDetected(), 1)
    with pytest.raises(OperationalError), transaction.atomic():
        database.retried(verb)
    assert verb.tries == 1
    assert not connection.in_atomic_block


def test_a_text_that_meets_a_deadlock_is_stored_once(live_world: World) -> None:
    """What the first try had written is rolled back with it."""
    failures = [OperationalError()]
    failures[0].__cause__ = errors.DeadlockDetected()

    def fail_once(execute, sql, params, many, context):
        if failures and "INSERT INTO core_ledgerentry" in sql:
            raise failures.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_once):
        texts = [InboundText("m1", numbers.show(people.ANNA), live_world.number.address, "STOP")]
        (received,) = inbound.receive(live_world.link, texts)
    assert not failures
    assert (received.verdict, received.is_read, received.is_duplicate) == ("opt_out", True, False)
    assert LedgerEntry.objects.count() == 1
