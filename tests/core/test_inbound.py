"""What a text from a phone does, end to end inside the core."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, CLEO, FIRST_NUMBER, SECOND_NUMBER, SHARED_NUMBER, World

from heed.core import consent, gate, inbound, outbound, replay, senders
from heed.core.consent import Cause
from heed.core.models import Connection, Event, Inbound, Message, Sender, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.consent import State
from heed.rules.values import InboundText

_count = iter(range(1, 10**9))


def text(world: World, words: str, *, sender: int | str = ANNA, to: int = FIRST_NUMBER, id: str | None = None):
    raw = InboundText(
        f"m{next(_count)}" if id is None else id,
        sender if isinstance(sender, str) else numbers.show(sender),
        numbers.show(to),
        words,
    )
    return inbound.receive(world.link, [raw])[0]


def may(world: World, sender=None) -> bool:
    sender = sender or world.number
    return not gate.may_send(sender.account_id, sender.id, [ANNA])


def answers() -> list[str]:
    return list(Message.objects.exclude(purpose="message").order_by("id").values_list("text", flat=True))


def test_stop_opts_out_of_the_number_alone(world):
    assert text(world, "Stop.").verdict == "opt_out"
    assert not may(world)
    assert may(world, world.second)
    assert may(world, world.name)
    assert may(world, world.other_number)
    assert answers() == []


def test_stop_on_an_account_level_number_opts_out_of_the_account(world):
    senders.change(world.number, senders.Setting(account_level_opt_out=True), actor="test")
    text(world, "STOP")
    assert not may(world)
    assert not may(world, world.second)
    assert not may(world, world.name)
    assert may(world, world.other_number)


def test_keyword_answers_with_its_reply_once(world):
    setting = senders.Setting(reply_message="Bye.", keywords=[senders.Word("ARRÊT", "Au revoir.")])
    senders.change(world.number, setting, actor="test")
    text(world, "arret")
    text(world, "arret")
    assert answers() == ["Au revoir."]


def test_free_keyword_from_a_phone_never_seen(world):
    received = text(world, f"please {world.account.free_prefix} stop", to=SHARED_NUMBER, sender="+99912345678")
    assert received.verdict == "opt_out"
    assert consent.standing_of(world.account.id, 99912345678)[0].state is State.OUT
    assert answers() == ["You will get no more messages from Acme."]


def test_bare_stop_on_a_shared_number_leaves_the_accounts_that_named_it(world):
    outbound.queue(
        world.number, [Draft(ANNA, numbers.show(ANNA), "Text to +44 7700 900400 to stop")], door="t", actor=""
    )
    text(world, "STOP", to=SHARED_NUMBER)
    assert not may(world)
    assert may(world, world.other_number)
    assert Message.objects.get(purpose="message").state == "suppressed"
    text(world, "START", to=SHARED_NUMBER)
    assert may(world)


def test_bare_stop_on_a_shared_number_that_nobody_named_asks_for_the_keyword(world):
    text(world, "STOP", to=SHARED_NUMBER)
    assert "whole keyword" in answers()[0]


def test_start_and_help(world):
    text(world, "STOP")
    assert text(world, "help").verdict == "help"
    text(world, "help")
    assert answers() == ["Acme: reply STOP to stop"]
    assert text(world, "START").verdict == "opt_in"
    assert may(world)


def test_the_same_carrier_message_twice_changes_nothing(world):
    first = text(world, "STOP", id="same")
    text(world, "START")
    again = text(world, "STOP", id="same")
    assert again.is_duplicate
    assert again.id == first.id
    assert may(world)


def test_another_text_under_a_known_id_is_no_replay(world):
    """A carrier whose counter begins anew, or ids that are alike in all that the table keeps of them."""
    text(world, "Hello", id="7")
    stop = text(world, "STOP", id="7")
    assert not stop.is_duplicate
    assert not may(world)
    assert text(world, "STOP", id="7").verdict == "opt_out"
    assert text(world, "STOP", id="x" * 130 + "1", sender=BEN).changed
    assert text(world, "STOP", id="x" * 130 + "2", sender=CLEO).changed


def test_another_text_under_the_same_id_in_one_batch(world):
    raw = [InboundText("7", numbers.show(ANNA), numbers.show(FIRST_NUMBER), words) for words in ("Hi", "STOP", "Hi")]
    found = inbound.receive(world.link, raw)
    assert [(one.verdict, one.is_duplicate) for one in found] == [("none", False), ("opt_out", False), ("none", True)]
    assert not may(world)


@pytest.mark.parametrize("sender", ["＋４４７７００９００５０１", "٤٤٧٧٠٠٩٠٠٥٠١", "+४४७७००९००५०१", "07700 900501"])
def test_a_stop_counts_in_whatever_digits_its_sender_is_written(world, sender):
    assert text(world, "STOP", sender=sender).changed
    assert not may(world)


def test_a_number_that_was_texted_to_in_national_form(world):
    for to in ("07700900001", "07700 900001"):
        raw = InboundText("", numbers.show(ANNA), to, "STOP")
        assert inbound.receive(world.link, [raw])[0].verdict == "opt_out"
    assert not may(world)
    assert may(world, world.second)


def test_a_national_number_that_may_be_two_is_neither(world):
    """In Britain and in Germany there may be the same one."""
    senders.take_number(world.account, 497700900001, world.link, actor="test")
    raw = InboundText("", numbers.show(ANNA), "07700900001", "STOP")
    assert inbound.receive(world.link, [raw])[0].verdict == "none"


def test_claim_suppresses_and_says_why(world):
    def send() -> None:
        outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="t", actor="")

    send()
    assert [m.text for m in gate.claim(world.link.id, 10, 7)] == ["Hi"]
    send()
    text(world, "STOP")
    send()
    assert gate.claim(world.link.id, 10, 7) == []
    states = list(Message.objects.order_by("id").values_list("state", "reason"))
    assert states == [("sending", ""), ("suppressed", "opted_out"), ("suppressed", "opted_out")]
    assert Event.objects.filter(kind="suppressed").count() == 2
    assert Message.objects.exclude(entry_id=None).count() == 2


def test_text_to_a_number_nobody_has_is_stored(world):
    assert text(world, "STOP", to=447700900099).verdict == "none"
    assert Inbound.objects.get().account_id is None


def test_text_from_a_name_is_stored_and_never_answered(world):
    assert text(world, "STOP", sender="BANK").verdict == "opt_out"
    assert Inbound.objects.get().recipient is None
    assert answers() == []


def test_released_number_still_takes_stops(world):
    senders.release(world.number, actor="test")
    text(world, "STOP")
    assert not may(world)


@pytest.mark.parametrize("words", ["STOPALL", "stop all"])
def test_words_that_name_everything_leave_the_account(world, words):
    text(world, words, to=SECOND_NUMBER)
    assert not may(world)
    assert not may(world, world.name)


def test_an_accounts_own_carrier_lifts_no_other_accounts_opt_outs(world):
    """Who runs the carrier can make up any text from anybody: it may stop others' messages, never let them through."""
    own = Connection.objects.create(kind="sandbox", name="Own", token="own", account=world.account)  # noqa: S106
    prefix = world.other.free_prefix

    def say(link: Connection, words: str) -> None:
        inbound.receive(link, [InboundText("", numbers.show(ANNA), numbers.show(FIRST_NUMBER), words)])

    say(own, f"{prefix}STOP")
    assert not may(world, world.other_number)
    say(own, f"{prefix}START")
    assert not may(world, world.other_number)
    say(world.link, f"{prefix}START")
    assert may(world, world.other_number)
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    say(own, f"{world.account.free_prefix}START")
    assert may(world)


def test_a_released_number_is_kept_until_sixty_days_after_the_last_message_from_it(world):
    [sent] = outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="t", actor="")
    now = timezone.now()
    Sender.objects.filter(id=world.number.id).update(closed_at=now - timedelta(days=65))
    Message.objects.filter(id=sent.id).update(claimed_at=now - timedelta(days=59))
    with pytest.raises(senders.Refused):
        senders.take_number(world.other, FIRST_NUMBER, world.link, actor="test")
    Message.objects.filter(id=sent.id).update(claimed_at=now - timedelta(days=61))
    assert senders.take_number(world.other, FIRST_NUMBER, world.link, actor="test")


def came_back_to_one(world: World) -> None:
    """Anna has left the account, and come back to its first number alone."""
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    text(world, "START")
    assert may(world)
    assert not may(world, world.second)


def test_a_review_holds_who_has_come_back_to_one_number(world):
    came_back_to_one(world)
    senders.change(world.number, senders.Setting(account_level_opt_out=True), actor="test")
    assert text(world, "not interested").verdict == "review"
    assert not may(world)


def test_a_later_import_leaves_who_had_come_back_to_one_number(world):
    came_back_to_one(world)
    doing = consent.Doing(consent.Verb.IMPORT, world.account.id, ANNA, 0, Cause(Source.IMPORT))
    assert consent.act(doing).changed
    assert not may(world)
    assert not consent.act(doing).changed
    assert list(replay.verify()) == []


def test_the_words_of_plus_one_numbers_act_on_their_countries_short_codes(world):
    Sender.objects.filter(id=world.number.id).update(kind="short_code", address="60070", key="60070", country="US")
    raw = InboundText("", numbers.show(ANNA), "60070", "Quit")
    assert inbound.receive(world.link, [raw])[0].verdict == "opt_out"
    assert not may(world)
