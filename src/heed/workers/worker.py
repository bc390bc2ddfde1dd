"""The worker: what must happen by itself, each duty in its turn; what takes long in threads beside them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from heed.core import (
    causes,
    deliveries,
    files,
    handoff,
    housekeeping,
    inbound,
    outcomes,
    parts,
    queued,
    receipts,
    reviews,
)
from heed.core.feeding import Feeder
from heed.workers.jobs import JobThread
from heed.workers.reconciling import ReconcileThread
from heed.workers.webhooks import WebhookThread

log = logging.getLogger(__name__)

# Each duty, and how often in seconds. A duty returns how much it did; one that did something runs again at once.
DUTIES: tuple[tuple[Callable[[], int], float], ...] = (
    (queued.move_due, 0.5),
    (Feeder().feed, 0.5),
    (outcomes.fold, 1),
    (causes.attribute, 2),
    (handoff.settle_stale, 2),
    (deliveries.take_back, 5),
    (receipts.match_parked, 3),
    (inbound.read_unread, 5),
    (inbound.read_overdue, 15),
    (parts.give_up, 20),
    (reviews.expire, 30),
    (reviews.warn, 60),
    (deliveries.give_up, 60),
    (files.forget_old, 600),
    (deliveries.forget_old, 3600),
    (housekeeping.forget_events, 3600),
    (housekeeping.forget_old, 3600),
)


def run(stopping: threading.Event) -> None:
    """Do every duty when it is time, until ``stopping``. A duty that raises is logged and tried again."""
    next_at = {duty: 0.0 for duty, _ in DUTIES}
    log.info("Working.")
    beside = (JobThread(stopping), WebhookThread(stopping))
    for thread in (*beside, ReconcileThread(stopping)):
        thread.start()
    while not stopping.is_set():
        close_old_connections()
        for duty, every_s in DUTIES:
            if time.monotonic() >= next_at[duty]:
                next_at[duty] = time.monotonic() + (0 if _did_something(duty) else every_s)
        stopping.wait(max(0.0, min(next_at.values()) - time.monotonic()))
    for thread in beside:
        thread.join()


def _did_something(duty: Callable[[], int]) -> bool:
    try:
        return duty() > 0
    except DatabaseError:
        log.exception("%s failed; it will be tried again.", duty.__name__)
    except Exception:
        log.exception("%s failed in an unknown way; it will be tried again.", duty.__name__)
    return False
