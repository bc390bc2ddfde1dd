"""The SQL of the gate against the rules, on random histories; and consent against a replay of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import ANNA, BEN, World

from heed.core import consent, gate, outbound, replay
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Account, Consent, LedgerEntry, Message, Sender, Source
from heed.core.outbound import Draft
from heed.rules import consent as rules
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, NOTHING, Block, Row, State

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PEOPLE = (ANNA, BEN)
SOURCE = {
    Verb.OPT_OUT: Source.KEYWORD,
    Verb.IMPORT: Source.IMPORT,
    Verb.START: Source.KEYWORD,
    Verb.LIFT: Source.CONSOLE,
    Verb.HOLD: Source.REVIEW,
    Verb.RELEASE: Source.REVIEW,
}


@dataclass(frozen=True)
class Tenant:
    """An account with a number, a pool, and a number of the pool."""

    account: Account
    number: Sender
    pooled: Sender
    pool: Sender

    @property
    def scopes(self) -> tuple[int, ...]:
        return (ALL_SENDERS, self.number.id, self.pooled.id, self.pool.id)

    @property
    def doors(self) -> tuple[tuple[int, int], ...]:
        """(sender, pool) as a message may carry them."""
        return (
            (self.number.id, 0),
            (self.pooled.id, 0),
            (self.pool.id, 0),
            (self.pooled.id, self.pool.id),
            (self.number.id, self.pool.id),
        )


@pytest.fixture
def tenants(world: World) -> tuple[Tenant, Tenant]:
    return _tenant(world, world.account, world.number), _tenant(world, world.other, world.other_number)


def _tenant(world: World, account: Account, number: Sender) -> Tenant:
    def sender(kind: str, pool_id: int = 0) -> Sender:
        name = f"{kind} {account.id}"
        return Sender.objects.create(
            account=account, connection=world.link, kind=kind, address=name, key=name, pool_id=pool_id
        )

    pool = sender("pool")
    return Tenant(account, number, sender("number", pool.id), pool)


@dataclass(frozen=True)
class Step:
    verb: Verb
    tenant: int
    person: int
    scope: int
    minute: int | None
    account_level: bool
    never: bool


STEPS = st.builds(
    Step,
    verb=st.sampled_from([*Verb, Verb.OPT_OUT, Verb.START]),
    tenant=st.integers(0, 1),
    person=st.sampled_from([0, 0, 0, 1]),
    scope=st.sampled_from([0, 0, 1, 2, 3, 3]),
    minute=st.none() | st.integers(0, 5),
    account_level=st.booleans(),
    never=st.sampled_from([False, False, False, True]),
)
REBUILD = "rebuild"
HISTORIES = st.lists(st.lists(STEPS, min_size=1, max_size=4) | st.just(REBUILD), max_size=7)

Person = tuple[int, int]


class Oracle:
    """What the rules say of a history, in plain dictionaries."""

    def __init__(self, tenants: tuple[Tenant, Tenant]) -> None:
        self.tenants = tenants
        self.rows: dict[Person, dict[int, Row]] = {(t.account.id, p): {} for t in tenants for p in PEOPLE}
        self.ever_blocked: set[tuple[int, int, int, int]] = set()

    def act(self, doings: list[Doing]) -> None:
        now = datetime.now(UTC)
        for doing in doings:
            self._act(doing, doing.at or now)
        self.ever_blocked |= {key for key in self.doors() if self.block(*key)}

    def _act(self, doing: Doing, at: datetime) -> None:
        rows, sender = self.rows[doing.account_id, doing.recipient], doing.sender_id
        match doing.verb:
            case Verb.OPT_OUT:
                rows |= rules.opt_out(rows, sender, at, never=doing.never)
            case Verb.IMPORT:
                standing = rows.get(sender, NOTHING)
                adds = standing.state is not State.OUT or (doing.never and not standing.never)
                if adds and not rules.import_conflicts(rows, sender, at):
                    rows |= rules.opt_out(rows, sender, at, never=doing.never)
            case Verb.START:
                rows |= rules.start(rows, sender, at, account_level=doing.account_level) or {}
            case Verb.LIFT:
                rows |= rules.lift(rows, sender)
            case Verb.HOLD:
                rows |= rules.hold(rows, sender)
            case Verb.RELEASE:
                rows |= rules.release(rows, sender)

    def doors(self) -> list[tuple[int, int, int, int]]:
        return [(t.account.id, p, *door) for t in self.tenants for p in PEOPLE for door in t.doors]

    def block(self, account_id: int, recipient: int, sender_id: int, pool_id: int) -> Block | None:
        return rules.may_send(self.rows[account_id, recipient], sender_id, pool_id)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=HISTORIES)
def test_every_way_to_ask_the_gate_agrees_with_the_rules(
    world: World, tenants: tuple[Tenant, Tenant], history: list[list[Step] | str]
) -> None:
    before = transaction.savepoint()  # verbs refuse to be durable inside an atomic block
    try:
        _play(world, tenants, history)
    finally:
        transaction.savepoint_rollback(before)


def _play(world: World, tenants: tuple[Tenant, Tenant], history: list[list[Step] | str]) -> None:
    oracle = Oracle(tenants)
    early = _insert(world, oracle)
    for steps in history:
        if isinstance(steps, str):
            _tamper_and_rebuild()
            continue
        doings = [_doing(tenants, step) for step in steps]
        consent.record(doings)
        oracle.act(doings)
    _consent_is_what_the_ledger_gives(oracle)
    _may_send_agrees(oracle)
    _blocked_senders_agree(oracle)
    late = _insert(world, oracle)
    _claim_everything(world)
    for key, message_id in early.items():
        assert (_state(message_id) == "suppressed") == (key in oracle.ever_blocked), key
    for key, message_id in late.items():
        _claim_agrees(message_id, key, oracle)
    _queue_agrees(oracle)


def _doing(tenants: tuple[Tenant, Tenant], step: Step) -> Doing:
    tenant = tenants[step.tenant]
    return Doing(
        step.verb,
        tenant.account.id,
        PEOPLE[step.person],
        tenant.scopes[step.scope],
        Cause(SOURCE[step.verb], through_id=tenant.number.id),
        None if step.minute is None else T0 + timedelta(minutes=step.minute),
        account_level=step.account_level,
        never=step.never and step.verb in (Verb.OPT_OUT, Verb.IMPORT),
    )


def _insert(world: World, oracle: Oracle) -> dict[tuple[int, int, int, int], int]:
    """A queued message through every door, put there behind the back of ``queue``."""
    messages = [
        Message(
            account_id=account_id,
            sender_id=sender_id,
            pool_id=pool_id,
            connection=world.link,
            recipient=recipient,
            address=numbers.show(recipient),
            text="Hi",
            parts=1,
            state="queued",
            door="test",
        )
        for account_id, recipient, sender_id, pool_id in oracle.doors()
    ]
    return dict(zip(oracle.doors(), [one.id for one in Message.objects.bulk_create(messages)], strict=True))


def _tamper_and_rebuild() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_consent SET state = 'none', entry_id = 0 WHERE recipient = %s", [ANNA])
        cursor.execute("DELETE FROM core_consent WHERE recipient = %s", [BEN])
    replay.rebuild(chunk=1)


def _consent_is_what_the_ledger_gives(oracle: Oracle) -> None:
    assert list(replay.verify(chunk=3)) == []
    for (account_id, recipient), rows in oracle.rows.items():
        entries = LedgerEntry.objects.filter(account_id=account_id, recipient=recipient).order_by("id")
        stored = Consent.objects.filter(account_id=account_id, recipient=recipient)
        made_by = {row.sender_id: row.entry_id for row in stored}
        replayed = {key: pair for key, pair in replay.rows_from(entries).items() if pair[0] != NOTHING}
        found = consent.standing_of(account_id, recipient)
        assert {key: (row, made_by[key]) for key, row in found.items()} == replayed
        assert _comparable(found) == _comparable({key: row for key, row in rows.items() if row != NOTHING})


def _comparable(rows: dict[int, Row]) -> dict[int, tuple[object, ...]]:
    """Rows without times of the clock, which the oracle reads a moment later."""

    def time(value: datetime | None) -> object:
        return value if value is None or value < T0 + timedelta(days=1) else "now"

    return {
        key: (row.state, row.held, row.never, time(row.since), time(row.last_out_at), time(row.started_at))
        for key, row in rows.items()
    }


def _may_send_agrees(oracle: Oracle) -> None:
    for tenant in oracle.tenants:
        for door in ((ALL_SENDERS, 0), *tenant.doors):
            found = gate.may_send(tenant.account.id, door[0], [*PEOPLE, *PEOPLE], pool_id=door[1])
            expected = {p: block for p in PEOPLE if (block := oracle.block(tenant.account.id, p, *door))}
            assert {p: (b.reason, b.scope) for p, b in found.items()} == {
                p: (b.reason, b.scope) for p, b in expected.items()
            }
            assert gate.reach(tenant.account.id, door[0], PEOPLE, pool_id=door[1]).blocked == found
            for recipient, block in found.items():
                rows = consent.standing_of(tenant.account.id, recipient)
                assert block == rules.may_send(rows, *door)


def _blocked_senders_agree(oracle: Oracle) -> None:
    for tenant in oracle.tenants:
        in_use = Sender.objects.filter(account=tenant.account, closed_at=None)
        for recipient in PEOPLE:
            rows = consent.standing_of(tenant.account.id, recipient)
            expected = {one.id: rules.may_send(rows, one.id, one.pool_id) for one in in_use}
            found = gate.blocked_senders(tenant.account.id, recipient)
            assert found == {id_: block for id_, block in expected.items() if block}


def _claim_everything(world: World) -> None:
    after = (-1, 0)
    while claimed := gate.claim(world.link.id, 7, 99, after=after):
        assert [one.id for one in claimed] == sorted(one.id for one in claimed)
    assert not Message.objects.filter(state="queued").exists()


def _claim_agrees(message_id: int, key: tuple[int, int, int, int], oracle: Oracle) -> None:
    message, block = Message.objects.get(id=message_id), oracle.block(*key)
    if block is None:
        assert (message.state, message.reason, message.entry_id) == ("sending", "", None)
        return
    assert (message.state, message.reason) == ("suppressed", block.reason)
    if block.reason == "in_review":
        assert message.entry_id is None
        return
    entry = LedgerEntry.objects.get(id=message.entry_id or 0)
    assert (entry.account_id, entry.recipient) == key[:2]
    assert (entry.sender_id == ALL_SENDERS) == (block.scope == "account")
    assert entry.sender_id in (0, *key[2:])
    assert entry.act == "opt_out"


def _queue_agrees(oracle: Oracle) -> None:
    for tenant in oracle.tenants:
        drafts = [Draft(p, numbers.show(p), "Hi") for p in PEOPLE]
        for queued in outbound.queue(tenant.pooled, drafts, door="test", actor=""):
            block = oracle.block(tenant.account.id, queued.recipient, tenant.pooled.id, tenant.pool.id)
            assert (queued.state, queued.reason) == (("suppressed", block.reason) if block else ("queued", ""))


def _state(message_id: int) -> str:
    return Message.objects.values_list("state", flat=True).get(id=message_id)


def test_a_row_lifted_remembers_its_entry_through_a_rebuild(world: World) -> None:
    def record(verb: Verb) -> None:
        consent.record([Doing(verb, world.account.id, ANNA, world.number.id, Cause(SOURCE[verb]))])

    record(Verb.OPT_OUT)
    record(Verb.LIFT)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_consent")
    assert replay.rebuild() == 1
    record(Verb.HOLD)
    assert list(replay.verify()) == []


def test_a_row_that_turned_there_and_back_in_one_batch_has_the_last_entry(world: World) -> None:
    def doing(verb: Verb) -> Doing:
        return Doing(verb, world.account.id, ANNA, world.number.id, Cause(SOURCE[verb]), at=T0)

    consent.record([doing(Verb.OPT_OUT)])
    outcomes = consent.record([doing(Verb.LIFT), doing(Verb.OPT_OUT)])
    assert Consent.objects.get(sender_id=world.number.id).entry_id == outcomes[1].entry_id
    assert list(replay.verify()) == []


def test_nobody_waits_for_who_reads_the_differences(world: World) -> None:
    consent.record([Doing(Verb.OPT_OUT, world.account.id, ANNA, 0, Cause(Source.KEYWORD))])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_consent SET state = 'none'")
    depth = len(connection.savepoint_ids)
    differences = replay.verify()
    next(differences)
    assert len(connection.savepoint_ids) == depth


def test_rebuilding_suppresses_what_is_queued_to_people_who_left(world: World) -> None:
    consent.record([Doing(Verb.OPT_OUT, world.account.id, ANNA, 0, Cause(Source.KEYWORD))])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_consent")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="test", actor="")
    assert replay.rebuild() == 1
    assert Message.objects.get().state == "suppressed"
