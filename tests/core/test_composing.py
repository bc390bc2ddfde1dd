"""What staff do with messages and texts by hand: send once, opt out what they read, lift with a reason."""

from __future__ import annotations

from people import ANNA, FIRST_NUMBER, SHARED_NUMBER

from heed.core import accounts, consent, inbound, outbound, senders
from heed.core.consent import Cause
from heed.core.models import Inbound, LedgerEntry, Message, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State
from heed.rules.values import InboundText

DRAFTS = [Draft(ANNA, numbers.show(ANNA), "Hello"), Draft(ANNA + 1, numbers.show(ANNA + 1), "Hello")]


def receive(world, words):
    raw = InboundText("", numbers.show(ANNA), numbers.show(FIRST_NUMBER), words)
    return Inbound.objects.select_related("sender").get(id=inbound.receive(world.link, [raw])[0].id)


def test_the_same_token_sends_once(world):
    first = outbound.queue_once("abc", world.number, DRAFTS, door="quick_send", actor="anna")
    assert outbound.queue_once("abc", world.number, DRAFTS, door="quick_send", actor="anna") == first
    assert outbound.queue_once("abd", world.number, DRAFTS, door="quick_send", actor="anna") != first
    assert outbound.queue_once("abc", world.other_number, DRAFTS, door="quick_send", actor="x") != first
    assert Message.objects.filter(account=world.account).count() == 4


def test_ways_out_of_a_number_and_of_a_name(world):
    ways = outbound.ways_out(world.account, world.number)
    assert (ways.number, ways.words) == (numbers.show(FIRST_NUMBER), ("STOP", "UNSUBSCRIBE"))
    assert ways.free_keyword == accounts.free_keyword(world.account)
    assert ways.shared_number == numbers.show(SHARED_NUMBER)
    assert ways.link == f"http://testserver/{world.account.link_code}"
    assert outbound.ways_out(world.account, world.name).number == ""


def test_staff_opt_out_what_they_read_at_the_scope_of_a_stop(world):
    row = receive(world, "who are you")
    inbound.opt_out(row, actor="owner@example.com")
    entry = LedgerEntry.objects.get()
    assert (entry.sender_id, entry.source, entry.inbound_id) == (world.number.id, "console", row.id)
    assert (entry.actor, entry.through_id, len(entry.evidence)) == ("owner@example.com", world.number.id, 64)


def test_on_an_account_level_number_they_leave_the_account(world):
    senders.change(world.number, senders.Setting(account_level_opt_out=True), actor="test")
    inbound.opt_out(receive(world, "who are you"), actor="owner@example.com")
    assert consent.standing_of(world.account.id, ANNA)[ALL_SENDERS].state is State.OUT


def test_an_opt_out_that_the_person_asked_for_first_or_later_needs_a_reason(world):
    def needs() -> bool:
        return consent.needs_reason(world.account.id, world.number.id, ANNA)

    assert not needs()
    consent.opt_out(world.account.id, world.number.id, ANNA, Cause(Source.CONSOLE, "anna"))
    assert not needs()
    receive(world, "STOP")  # the row stands already, but now they have said it themselves
    assert needs()
    consent.lift(world.account.id, world.number.id, ANNA, Cause(Source.CONSOLE, "anna", note="mistake"))
    assert not needs()
    consent.opt_out(world.account.id, world.number.id, ANNA, Cause(Source.IMPORT))
    assert not needs()
