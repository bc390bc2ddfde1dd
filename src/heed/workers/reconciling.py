"""The worker's thread that compares opt-outs with the carriers; their lists can take minutes."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from heed import carriers
from heed.core import reconciliation

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0


class ReconcileThread(threading.Thread):
    """It is not waited for at the end: what it has taken in is committed, and the next time takes in the rest."""

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(name="reconcile", daemon=True)
        self.stopping = stopping

    def run(self) -> None:
        while not self.stopping.is_set():
            had_one = self.once()
            connection.close()  # nobody holds one of the pool's for half a minute
            if not had_one:
                self.stopping.wait(LOOK_EVERY_S)

    def once(self) -> bool:
        """Compare with one carrier that is due; whether there was one."""
        try:
            link = reconciliation.claim()
            if link is not None:
                carriers.reconcile(link)
            return link is not None
        except DatabaseError:
            log.exception("Opt-outs could not be compared; it will be tried again.")
        except Exception:
            log.exception("Opt-outs could not be compared in an unknown way; the next time is in six hours.")
        return False
