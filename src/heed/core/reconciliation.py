"""What a carrier's own opt-out list and our consents say of each other: theirs are taken in, ours that it lacks are found.

What a carrier lists counts as an opt-out of the sender that it lists it for, as a STOP to it would. A listing without a
date counts once: as of when it was first seen, so that a START of the person's own afterwards stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from heed.core import consent, database, gate, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Connection, Consent, LedgerEntry, Reconciliation, Sender, Source
from heed.core.pace import Pace
from heed.rules import numbers
from heed.rules.consent import Act, State
from heed.rules.texts import clean
from heed.rules.values import CarrierOptOut

EVERY = timedelta(hours=6)
CHUNK = 500
PAGE = 1000  # of ours, looked at or given to the carrier at a time
MOST_MISSING = 100_000  # as far as ours that it lacks are counted, and given to it, at a time
RULE = "carrier_list"


@dataclass(slots=True)
class Drift:
    """How the two differed: listed by the carrier; of those recorded now, and resisted by a later START; ours that it
    lacks, and of those given to it."""

    listed: int = 0
    added: int = 0
    resisted: int = 0
    missing: int = 0
    pushed: int = 0


def claim() -> Connection | None:
    """A connection that is due, for this worker alone. Its next time is in six hours, whatever becomes of this one."""
    now = database.now()
    running = Connection.objects.filter(stopped_at=None)
    new = running.filter(reconciliation=None)
    Reconciliation.objects.bulk_create(
        [Reconciliation(connection=one, due_at=now) for one in new], ignore_conflicts=True
    )
    due = Reconciliation.objects.filter(connection__in=running, due_at__lte=now).order_by("due_at")
    for one in due.select_related("connection"):
        if Reconciliation.objects.filter(pk=one.pk, due_at=one.due_at).update(due_at=now + EVERY):
            return one.connection
    return None


def note(link: Connection, drift: Drift | None, words: str = "") -> Reconciliation:
    """Keep how it went; without ``drift`` the last figures stay, and ``words`` say why there are no new ones."""
    now = database.now()
    found = {name: getattr(drift, name) for name in Drift.__slots__} | {"at": now} if drift else {}
    kept, _ = Reconciliation.objects.update_or_create(
        connection=link, defaults={**found, "words": clean(words)[:300], "tried_at": now, "due_at": now + EVERY}
    )
    return kept


def last(link: Connection) -> Reconciliation | None:
    return Reconciliation.objects.filter(connection=link).first()


# Theirs


def take_in(link: Connection, listed: Sequence[CarrierOptOut]) -> Drift:
    """Record those whom we did not know to have left; committed on return. Lifts nobody."""
    drift, pace = Drift(listed=len(listed)), Pace(CHUNK)
    doings = sorted(_doings(link, listed), key=lambda one: (one.recipient, one.account_id))
    while doings:
        chunk, doings = doings[: pace.chunk], doings[pace.chunk :]
        for outcome in pace.commit(lambda chunk=chunk: consent.record(_dated(chunk))):  # type: ignore[misc]
            drift.added += outcome.changed
            drift.resisted += outcome.conflict
    return drift


def _doings(link: Connection, listed: Sequence[CarrierOptOut]) -> Iterator[Doing]:
    ours = _senders(link)
    for one in listed:
        if (recipient := numbers.originator(one.phone_number)) is None:
            continue
        left: dict[tuple[int, int], Sender] = {}
        for sender in ours if not one.sender else (it for it in ours if it.key == one.sender.casefold()):
            assert sender.account_id is not None  # noqa: S101  # _senders has looked
            left.setdefault((sender.account_id, senders.scope_of(sender)), sender)
        for (account_id, scope), sender in left.items():
            cause = Cause(Source.PROVIDER, note=f"On the list of {link.name}.", rule=RULE, through_id=sender.id)
            yield Doing(Verb.IMPORT, account_id, recipient, scope, cause, one.at)


def _senders(link: Connection) -> list[Sender]:
    """The accounts' senders on ``link``, released ones too: they may come back."""
    return list(Sender.objects.filter(connection=link, account__isnull=False).order_by("id"))


def _dated(doings: Sequence[Doing]) -> list[Doing]:
    """``doings``, those without a date as of when the carrier first told of them."""
    undated = [one for one in doings if one.at is None]
    by_account: dict[int, set[int]] = defaultdict(set)
    for one in undated:
        by_account[one.account_id].add(one.recipient)
    seen: dict[tuple[int, int, int], datetime] = {}
    for account_id, recipients in by_account.items():
        told = LedgerEntry.objects.filter(account_id=account_id, recipient__in=recipients, act=Act.OPT_OUT)
        for recipient, scope, at in (
            told.filter(source=Source.PROVIDER).values_list("recipient", "sender_id").annotate(Max("effective_at"))
        ):
            seen[account_id, recipient, scope] = at
    return [_as_of(one, one.at or seen.get((one.account_id, one.recipient, one.sender_id))) for one in doings]


def _as_of(one: Doing, at: datetime | None) -> Doing:
    return Doing(one.verb, one.account_id, one.recipient, one.sender_id, one.cause, at)


# Ours


def missing(link: Connection, listed: Sequence[CarrierOptOut]) -> Iterator[list[CarrierOptOut]]:
    """Those who have left senders of ours on ``link`` and stand on no list of its carrier, a page at a time."""
    known = {(one.phone_number, one.sender.casefold()) for one in listed}
    by_account: dict[int, list[Sender]] = defaultdict(list)
    for sender in _senders(link):
        if sender.closed_at is None and sender.account_id is not None:
            by_account[sender.account_id].append(sender)
    left = MOST_MISSING
    for account_id, ours in by_account.items():
        for recipients in _who_left(account_id):
            found = [one for one in _left(account_id, ours, recipients) if not _is_known(one, known)][:left]
            if found:
                yield found
            left -= len(found)
            if left <= 0:
                return


def _who_left(account_id: int) -> Iterator[list[int]]:
    """Everybody with a standing opt-out, once, in the order of the table."""
    rows = Consent.objects.filter(account_id=account_id, state=State.OUT).order_by("recipient")
    recipients = rows.values_list("recipient", flat=True).distinct()
    after = 0
    while page := list(recipients.filter(recipient__gt=after)[:PAGE]):
        after = page[-1]
        yield page


def _left(account_id: int, ours: Sequence[Sender], recipients: Sequence[int]) -> Iterator[CarrierOptOut]:
    """Of ``recipients``, who has left which of ``ours``; one who has left all of them once, without a sender."""
    out: dict[int, list[str]] = defaultdict(list)
    for sender in ours:
        blocks = gate.may_send(account_id, sender.id, recipients, pool_id=sender.pool_id or 0)
        for recipient, block in blocks.items():
            if block.reason == "opted_out":
                out[recipient].append(sender.address)
    for recipient, addresses in sorted(out.items()):
        for address in [""] if len(addresses) == len(ours) else addresses:
            yield CarrierOptOut(numbers.show(recipient), address)


def _is_known(one: CarrierOptOut, known: set[tuple[str, str]]) -> bool:
    return (one.phone_number, "") in known or (one.phone_number, one.sender.casefold()) in known
