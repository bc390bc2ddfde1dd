"""Reviews: a text that may be an opt-out holds what it would stop, until a person decides or the deadline does.

A decision ends the hold of its own review and touches nothing else. What is undecided at the deadline is an opt-out.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet

from heed.core import consent, database, events
from heed.core.consent import Cause, Doing, Outcome, Verb
from heed.core.events import Happened
from heed.core.models import Account, Decision, Inbound, Review, Source
from heed.core.verdicts import Text, evidence_of
from heed.rules import numbers, packs
from heed.rules.deadlines import after_weekdays
from heed.rules.folding import fold
from heed.rules.texts import clean
from heed.rules.verdicts import Verdict

log = logging.getLogger(__name__)

WARN_BEFORE = timedelta(days=1)
AT_ONCE = 100  # reviews that one round of the worker takes


class Decided(Exception):
    """This review has been decided already."""

    def __init__(self, review: Review) -> None:
        super().__init__(self.__doc__)
        self.review = review


# Opening, in the transaction that takes the text in


def unanswered(text: Text, holds: Sequence[Doing]) -> list[Doing]:
    """Those of ``holds`` to do, now that their people are locked.

    Who has left already what an opt-out there would leave needs no review, nor does who has just said the same: the
    hold of the first stands. So two machines that answer each other fill no queue.
    """
    asked = set(
        Review.objects.filter(
            account__in={doing.account_id for doing in holds},
            recipient=text.recipient or 0,
            decided_at=None,
            digest=_digest(text.raw.text),
        ).values_list("account_id", "sender_id")
    )
    rows = consent.read((doing.account_id, doing.recipient) for doing in holds)
    return [
        doing
        for doing in holds
        if (doing.account_id, doing.sender_id) not in asked
        and not consent.has_left(rows[doing.account_id, doing.recipient], doing.sender_id)
    ]


def open_for(texts: Sequence[Text], now: datetime) -> None:
    """A review for each hold that ``texts`` have made."""
    opened = [
        Review(
            account_id=doing.account_id,
            inbound_id=text.id,
            recipient=doing.recipient,
            sender_id=doing.sender_id,
            digest=_digest(text.raw.text),
            opened_at=now,
            due_at=due_at(doing.recipient, now),
            hold_entry_id=outcome.entry_id or 0,
        )
        for text in texts
        if text.reading.verdict is Verdict.REVIEW
        for doing, outcome in zip(text.doings, text.outcomes, strict=True)
    ]
    if opened:
        Review.objects.bulk_create(opened)
        _tell("review_opened", opened, now)


def due_at(recipient: int, now: datetime) -> datetime:
    """When a review of this person's text becomes an opt-out: as their country demands."""
    policy = packs.policy(numbers.region_of(recipient) or "", now.date())
    return after_weekdays(now, policy.review_weekdays)


def _digest(text: str) -> str:
    return hashlib.sha256(fold(text).encode()).hexdigest()[:32]


# The queue


def queue(account: Account) -> QuerySet[Review]:
    """What is to be decided, oldest first."""
    return of(account).filter(decided_at=None).order_by("id")


def decided(account: Account, before: int | None = None) -> QuerySet[Review]:
    """What has been decided, the latest decision first; or what was before that of the review ``before``."""
    found = of(account).exclude(decided_at=None).order_by("-decided_at", "-id")
    if before is None:
        return found
    at = found.filter(id=before).values_list("decided_at", flat=True).first()
    return found.filter(Q(decided_at__lt=at) | Q(decided_at=at, id__lt=before)) if at else found.none()


def holding(account: Account, recipient: int, sender_ids: Iterable[int]) -> Review | None:
    """The oldest open review that holds the person's messages from one of ``sender_ids``."""
    return queue(account).filter(recipient=recipient, sender_id__in=set(sender_ids)).first()


def of(account: Account) -> QuerySet[Review]:
    return Review.objects.filter(account=account).select_related("inbound", "inbound__sender")


# Deciding


def decide(review: Review, decision: Decision, *, actor: str, note: str = "") -> Outcome:
    """Decide, and end this review's hold; committed on return. Raises Decided where somebody has been faster."""
    return database.retried(partial(_decide, review, decision, Source.REVIEW, actor, note))


def decide_open(row: Inbound, account_id: int, decision: Decision, *, actor: str) -> Outcome | None:
    """Decide the open review of a text, if there is one."""
    review = Review.objects.filter(account_id=account_id, inbound=row, decided_at=None).first()
    return decide(review, decision, actor=actor) if review else None


def _decide(review: Review, decision: Decision, source: Source, actor: str, note: str) -> Outcome:
    with transaction.atomic(durable=True):
        consent.lock([(review.account_id, review.recipient)])
        now = database.now()
        rows = Review.objects.select_for_update(of=("self",)).select_related("inbound")
        current = rows.get(pk=review.pk)
        if current.decided_at is not None:
            raise Decided(current)
        cause = _cause(current, source, actor, note)
        ending = Doing(Verb.RELEASE, current.account_id, current.recipient, current.sender_id, cause)
        doings = [ending]
        if decision is Decision.OPT_OUT:
            doings.insert(0, Doing(Verb.OPT_OUT, current.account_id, current.recipient, current.sender_id, cause))
        outcomes = consent.record_locked(doings, now)
        current.decided_at, current.decision = now, decision
        current.decided_by, current.note = actor[:120], clean(note).strip()[:500]
        current.release_entry_id = outcomes[-1].entry_id
        current.save(update_fields=["decided_at", "decision", "decided_by", "note", "release_entry_id"])
        _tell("review_decided", [current], now)
    return outcomes[0]


def _cause(review: Review, source: Source, actor: str, note: str) -> Cause:
    """The text is the evidence of what was decided about it, also of "not an opt-out"."""
    row = review.inbound
    return Cause(
        source,
        actor=actor,
        note=note,
        rule=row.rule,
        word=row.word,
        through_id=row.sender_id or 0,
        inbound_id=row.id,
        evidence=evidence_of(row.salt, row.text),
        carrier_at=row.carrier_at,
    )


# What the worker does


def expire(limit: int = AT_ONCE) -> int:
    """Opt out whom nobody has decided about in time; how many."""
    due = Review.objects.filter(decided_at=None, due_at__lte=database.now()).order_by("due_at")[:limit]
    done = 0
    for review in list(due):
        try:
            database.retried(partial(_decide, review, Decision.OPT_OUT, Source.DEADLINE, "", ""))
            done += 1
        except Decided:
            continue
        except OperationalError:
            raise
        except Exception:  # It keeps no other waiting.
            log.exception("Review %s is due and could not be decided; it will be tried again.", review.id)
    return done


def warn(limit: int = AT_ONCE) -> int:
    """Tell, once, of reviews whose deadline is near; how many."""
    with transaction.atomic(durable=True):
        now = database.now()
        near = Review.objects.filter(decided_at=None, warned_at=None, due_at__lte=now + WARN_BEFORE)
        found = list(near.select_for_update(skip_locked=True).order_by("due_at")[:limit])
        if found:
            Review.objects.filter(id__in=[one.id for one in found]).update(warned_at=now)
            _tell("review_due", found, now)
    return len(found)


def _tell(kind: str, found: Sequence[Review], now: datetime) -> None:
    events.tell(
        [
            Happened(
                account_id=one.account_id,
                kind=kind,
                recipient=one.recipient,
                inbound_id=one.inbound_id,
                entry_id=one.release_entry_id or one.hold_entry_id,
            )
            for one in found
        ],
        now,
    )
