"""A carrier's own opt-out list against ours: theirs come in once, a START afterwards stands, ours are found and given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import people
import pytest

from heed import carriers
from heed.core import consent, database, gate, reconciliation, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Connection, LedgerEntry, Reconciliation, Sender, Source
from heed.core.reconciliation import Drift
from heed.core.senders import Setting
from heed.providers.base import NotOffered, Refused
from heed.providers.sandbox import Sandbox
from heed.rules import numbers
from heed.rules.values import CarrierOptOut
from heed.workers.reconciling import ReconcileThread

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def listed(phone=people.ANNA, sender="", at=None):
    return CarrierOptOut(numbers.show(phone), sender, at)


def blocked(account, *some, phone=people.ANNA):
    return [bool(gate.may_send(account.id, one.id, [phone])) for one in some]


def texts_start(world, phone=people.ANNA, at=None):
    cause = Cause(Source.KEYWORD)
    consent.act(Doing(Verb.START, world.account.id, phone, world.number.id, cause, at or database.now()))


def leaves(world, sender_id, phone=people.ANNA):
    consent.opt_out(world.account.id, sender_id, phone, Cause(Source.KEYWORD))


def test_a_listing_is_a_stop_to_its_sender(world):
    drift = reconciliation.take_in(world.link, [listed(sender=world.number.address), listed(people.BEN, "+15550000")])
    assert drift == Drift(listed=2, added=1)
    assert blocked(world.account, world.number, world.second, world.name) == [True, False, False]
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.rule, entry.through_id) == (Source.PROVIDER, "carrier_list", world.number.id)
    assert entry.note == "On the list of Sandbox."


def test_a_listing_of_a_number_with_the_switch_leaves_the_account(world):
    senders.change(world.number, Setting(account_level_opt_out=True), actor="test")
    reconciliation.take_in(world.link, [listed(sender=world.number.address)])
    assert blocked(world.account, world.number, world.second) == [True, True]
    assert blocked(world.other, world.other_number) == [False]


def test_a_listing_without_a_sender_leaves_all_on_this_connection_and_none_elsewhere(world):
    spare = Connection.objects.create(kind="sandbox", name="Spare", token="spare")  # noqa: S106
    Sender.objects.filter(id=world.second.id).update(connection=spare)
    assert reconciliation.take_in(world.link, [listed()]).added == 3
    assert blocked(world.account, world.number, world.second, world.name) == [True, False, True]
    assert blocked(world.other, world.other_number) == [True]  # it sends on the same connection


def test_it_is_recorded_once(world):
    lists = [listed(phone, world.number.address) for phone in (people.ANNA, people.BEN)]
    reconciliation.take_in(world.link, lists)
    assert reconciliation.take_in(world.link, lists) == Drift(listed=2)
    assert LedgerEntry.objects.count() == 2


@pytest.mark.parametrize("at", [None, LONG_AGO])
def test_a_start_after_the_listing_stands(world, at):
    lists = [listed(sender=world.number.address, at=at)]
    reconciliation.take_in(world.link, lists)
    texts_start(world)
    assert reconciliation.take_in(world.link, lists) == Drift(listed=1, resisted=1)
    assert blocked(world.account, world.number) == [False]


def test_a_listing_that_is_newer_than_the_start_counts(world):
    texts_start(world, at=LONG_AGO)
    again = listed(sender=world.number.address, at=LONG_AGO + timedelta(days=1))
    assert reconciliation.take_in(world.link, [again]).added == 1
    assert blocked(world.account, world.number) == [True]


@pytest.mark.parametrize("raw", ["", "ACME", "+", "not a number"])
def test_what_is_no_number_is_passed_over(world, raw):
    assert reconciliation.take_in(world.link, [CarrierOptOut(raw)]) == Drift(listed=1)


def missing(world, *lists):
    return [one for page in reconciliation.missing(world.link, lists) for one in page]


def test_ours_that_the_carrier_lacks(world):
    leaves(world, world.number.id)
    leaves(world, 0, people.BEN)
    assert missing(world) == [listed(sender=world.number.address), listed(people.BEN)]
    assert missing(world, listed()) == [listed(people.BEN)]
    assert missing(world, listed(sender=world.number.address), listed(people.BEN)) == []


def test_who_was_let_through_one_sender_is_not_given_for_it(world):
    leaves(world, 0)
    texts_start(world)
    assert missing(world) == [listed(sender=world.second.address), listed(sender=world.name.address)]


def test_pages_come_to_all_and_stop_at_the_most(world, monkeypatch):
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    phones = range(people.ANNA, people.ANNA + 5)
    for phone in phones:
        leaves(world, 0, phone)
    assert missing(world) == [listed(phone) for phone in phones]
    monkeypatch.setattr(reconciliation, "MOST_MISSING", 3)
    assert len(missing(world)) == 3


# With a carrier


def carrier(monkeypatch, lists, takes):
    """The sandbox as a carrier with a list; ``takes`` is what it is given, or the error it raises."""

    async def opt_outs(self):
        return lists

    async def push(self, some):
        if isinstance(takes, Exception):
            raise takes
        takes.extend(some)

    monkeypatch.setattr(Sandbox, "opt_outs", opt_outs)
    monkeypatch.setattr(Sandbox, "push", push)


def test_both_ways(world, monkeypatch):
    given: list[CarrierOptOut] = []
    leaves(world, 0, people.BEN)
    carrier(monkeypatch, [listed(sender=world.number.address)], given)
    kept = carriers.reconcile(world.link)
    assert (kept.listed, kept.added, kept.resisted, kept.missing, kept.pushed, kept.words) == (1, 1, 0, 1, 1, "")
    assert given == [listed(people.BEN)]


@pytest.mark.parametrize(
    ("error", "words"),
    [(NotOffered(), "This carrier's API does not offer this."), (Refused("7", "Not today."), "Not today.")],
)
def test_a_carrier_that_takes_none_is_asked_once(world, monkeypatch, error, words):
    monkeypatch.setattr(reconciliation, "PAGE", 1)
    for phone in (people.ANNA, people.BEN):
        leaves(world, 0, phone)
    carrier(monkeypatch, [], error)
    kept = carriers.reconcile(world.link)
    assert (kept.missing, kept.pushed, kept.words) == (2, 0, words)


def test_not_offered_is_said_and_the_last_figures_stay(world, monkeypatch):
    carrier(monkeypatch, [listed()], [])
    first = carriers.reconcile(world.link)
    monkeypatch.undo()
    kept = carriers.reconcile(world.link)
    assert (kept.listed, kept.at, kept.words) == (1, first.at, "This carrier's API does not offer this.")
    assert kept.tried_at > first.tried_at


def test_the_worker_compares_each_when_it_is_due(world):
    assert reconciliation.claim() == world.link
    assert reconciliation.claim() is None
    Reconciliation.objects.update(due_at=database.now())
    Connection.objects.update(stopped_at=database.now())
    assert reconciliation.claim() is None
    Connection.objects.update(stopped_at=None)
    thread = ReconcileThread(None)
    assert thread.once()
    assert not thread.once()
    assert Reconciliation.objects.get().words == "This carrier's API does not offer this."
