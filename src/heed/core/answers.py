"""The one automatic answer that a text from a phone may get (rule 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from heed.core import database, outbound, senders
from heed.core.models import Account, Message, Purpose, Sender
from heed.core.senders import Word
from heed.core.verdicts import Text
from heed.rules import numbers, wording
from heed.rules.verdicts import Verdict

HELP_AT_MOST_EVERY = timedelta(hours=1)
MOST_AN_HOUR = 5  # answers to one person from one sender: two machines that answer each other must come to an end


def give(text: Text, words: dict[int, list[Word]], now: datetime) -> None:
    """Rule 6: at most one automatic answer, tied to this text."""
    sender = text.sender
    if sender is None or text.recipient is None:
        return
    reply = _reply(text, sender, words)
    if reply and not _is_answered(text, sender) and not _is_a_loop(text) and _may_help(text, sender, now):
        purpose = Purpose.WELCOME if text.reading.verdict is Verdict.OPT_IN else Purpose.ANSWER
        outbound.answer(text.id, sender, text.recipient, _address(text, text.recipient), reply, now, purpose)


def _address(text: Text, recipient: int) -> str:
    """The form that the carrier gave, as +digits; the canonical one for a national number."""
    given = numbers.digits_of(text.raw.sender, text.sender.country if text.sender else None)
    return numbers.show(given if given is not None else recipient)


def _is_answered(text: Text, sender: Sender) -> bool:
    """Whether the carrier, or the network, answers such a text itself; the network knows keywords alone."""
    link, verdict = sender.connection, text.reading.verdict
    if text.raw.carrier_read:
        return True
    if text.reading.by_keyword and verdict in (Verdict.OPT_OUT, Verdict.OPT_IN) and senders.network_answers(sender):
        return True
    return {
        Verdict.OPT_OUT: link.answers_stop,
        Verdict.OPT_IN: link.answers_start,
        Verdict.HELP: link.answers_help,
    }.get(verdict, False)


def _reply(text: Text, sender: Sender, words: dict[int, list[Word]]) -> str:
    language = text.reading.language
    match text.reading.verdict:
        case Verdict.OPT_OUT if text.is_shared:
            return _shared_answer(text)
        case Verdict.OPT_OUT:
            changed = any(outcome.changed for outcome in text.outcomes)
            return _opt_out_reply(text, sender, words) if changed else ""
        case Verdict.OPT_IN:
            return "" if text.is_shared or text.free else sender.reply("opt_in_reply", language)
        case Verdict.HELP:
            if text.is_shared:
                return wording.SHARED_HELP
            name = sender.account.name if sender.account else ""
            return sender.reply("help_reply", language) or wording.help_answer(name)
    return ""


def _opt_out_reply(text: Text, sender: Sender, words: dict[int, list[Word]]) -> str:
    if text.free:
        # Somebody else's free keyword on this account's number: its owner has nothing to say about it.
        return sender.reply_message if any(account.id == text.account_id for account, _ in text.free) else ""
    own = [keyword.reply for keyword in words.get(sender.id, ()) if keyword.word == text.reading.word]
    return next((reply for reply in own if reply), sender.reply("reply_message", text.reading.language))


def _shared_answer(text: Text) -> str:
    """One answer for all accounts left; how to be more exact only for those who left none."""
    left = [doing.account_id for doing, outcome in zip(text.doings, text.outcomes, strict=True) if outcome.changed]
    if left:
        names = Account.objects.filter(id__in=left).order_by("name").values_list("name", flat=True)
        return wording.left_answer(list(names))
    return "" if text.doings else wording.SHARED_UNKNOWN


def _is_a_loop(text: Text) -> bool:
    """Whether so many answers have gone to them within the hour that a machine must be answering ours."""
    lately = Message.objects.filter(
        account=text.account_id,
        recipient=text.recipient or 0,
        sender=text.sender,
        purpose__in=(Purpose.ANSWER, Purpose.WELCOME),
        created_at__gt=text.received_at - timedelta(hours=1),
    )
    return lately[:MOST_AN_HOUR].count() == MOST_AN_HOUR


def _may_help(text: Text, sender: Sender, now: datetime) -> bool:
    """Whether this is no HELP, or the first within the hour. Two processes that ask at once meet at one row."""
    if text.reading.verdict is not Verdict.HELP:
        return True
    return bool(
        database.run(
            """INSERT INTO core_helpanswer (sender_id, recipient, at) VALUES (%s, %s, %s)
            ON CONFLICT (sender_id, recipient) DO UPDATE SET at = excluded.at
            WHERE core_helpanswer.at <= %s RETURNING id""",
            [sender.id, text.recipient, *map(database.to_column, (now, now - HELP_AT_MOST_EVERY))],
        )
    )
