"""Account-level opt-outs, beside each number's own switch: all numbers at once, and people who left before."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from heed.core import audit, consent, database, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Account, Consent, Sender, SenderKind, Source
from heed.rules.consent import ALL_SENDERS, NOTHING, State

A_CHUNK = 250
AT_MOST = 10_000  # people in one call of ``apply``: somebody waits for it, and calls again


def turn_all(account: Account, on: bool, *, actor: str) -> int:
    """Turn the switch of all the account's numbers, and of those bought later; how many turned.

    Off gives each number the switch back that it had of its own: +1 numbers start on, and stay so. Like each number's
    switch it decides about the next STOP.
    """
    with transaction.atomic(durable=True):
        account = Account.objects.select_for_update().get(pk=account.pk)
        kinds = (SenderKind.NUMBER, SenderKind.SHORT_CODE)
        mine = Sender.objects.filter(account=account, closed_at=None, kind__in=kinds)
        wanted = {one.pk: on or _own_level(one) for one in mine}
        turning = [one.pk for one in mine if one.account_level_opt_out != wanted[one.pk]]
        if turning or account.new_numbers_account_level != on:
            if on:
                mine.filter(own_level=None).update(own_level=F("account_level_opt_out"))
            for level in (False, True):
                mine.filter(pk__in=[pk for pk in turning if wanted[pk] is level]).update(account_level_opt_out=level)
            if not on:
                mine.update(own_level=None)
            Account.objects.filter(pk=account.pk).update(new_numbers_account_level=on)
            audit.note(
                account.id, actor, "number.change_all", account.slug, account_level_opt_out=on, turned=len(turning)
            )
    return len(turning)


def _own_level(sender: Sender) -> bool:
    """What the switch of ``sender`` is when all numbers are off: as it was turned by itself, else as it starts."""
    return senders.is_nanp(sender) if sender.own_level is None else sender.own_level


def who_left(sender: Sender) -> QuerySet[Consent]:
    """The people who have left ``sender`` and not the whole account."""
    rows = Consent.objects.filter(account_id=sender.account_id or 0, state=State.OUT)
    everywhere = rows.filter(recipient=OuterRef("recipient"), sender_id=ALL_SENDERS)
    return rows.filter(~Exists(everywhere), sender_id=senders.consent_id(sender))


def apply(sender: Sender, *, actor: str, at_most: int = AT_MOST) -> int:
    """Opt the people who left ``sender`` out of its account as well, up to ``at_most`` of them; how many.

    Each chunk is one transaction, and a second call goes on with those who are left.
    """
    count = sum(_apply(sender, chunk, actor) for chunk in _chunks(sender, at_most))
    if count:
        with transaction.atomic(durable=True):
            audit.note(sender.account_id, actor, "number.apply_to_account", sender.address, people=count)
    return count


def _chunks(sender: Sender, at_most: int) -> Iterator[list[int]]:
    after = 0
    while at_most > 0:
        found = who_left(sender).filter(entry_id__gt=after).order_by("entry_id")
        chunk = list(found.values_list("recipient", "entry_id")[: min(A_CHUNK, at_most)])
        if not chunk:
            return
        yield [recipient for recipient, _ in chunk]
        after, at_most = chunk[-1][1], at_most - len(chunk)


def _apply(sender: Sender, chunk: list[int], actor: str) -> int:
    """Whoever has come back meanwhile, by a START, stays: the rows are read again under their lock."""
    account_id, sender_id = sender.account_id or 0, senders.consent_id(sender)
    people = [(account_id, recipient) for recipient in chunk]
    cause = Cause(
        Source.CONSOLE, actor, "Applied to the account after they left through this number.", through_id=sender.id
    )

    def verb() -> int:
        with transaction.atomic(durable=True):
            consent.lock(people)
            doings = [
                Doing(Verb.OPT_OUT, account_id, recipient, ALL_SENDERS, cause)
                for (_, recipient), rows in consent.read(people).items()
                if rows.get(sender_id, NOTHING).state is State.OUT
                and rows.get(ALL_SENDERS, NOTHING).state is not State.OUT
            ]
            return len(consent.record_locked(doings, database.now()))

    return database.retried(verb)
