"""The worker's second thread: one job at a time, in steps, so that the worker's duties never wait for a large file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

from heed import clock
from heed.core import audience, campaigns, contacts, exports, jobs, leases, opt_out_files
from heed.core.jobs import KeepOn
from heed.core.models import Job

log = logging.getLogger(__name__)

RUNNERS: dict[str, Callable[[Job, KeepOn], None]] = {
    contacts.IMPORT: contacts.run_import,
    campaigns.BUILD: audience.run_build,
    campaigns.COUNT: audience.run_count,
    exports.CAMPAIGN: exports.run_campaign,
    exports.OPT_OUTS: exports.run_opt_outs,
    exports.AUDIT: exports.run_audit_trail,
    opt_out_files.IMPORT: opt_out_files.run_import,
}
FAILED: dict[str, Callable[[Job, str], None]] = {campaigns.BUILD: audience.failed, campaigns.COUNT: audience.failed}
IDLE_S = 1.0
RENEW_EVERY_S = 4.0
UNEXPECTED = "Something unexpected went wrong. The log says what; try again."


class JobThread(threading.Thread):
    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(name="jobs")
        self.stopping = stopping
        self.token = 0
        self._renewed_at = 0.0

    def run(self) -> None:
        """Until ``stopping``; the job in hand is then put down where it stands."""
        while not self.stopping.is_set():
            close_old_connections()
            try:
                if self.keep_on() and (job := jobs.take(self.token)):
                    self.work(job)
                    continue
            except DatabaseError:
                log.exception("The jobs could not be read; they will be tried again.")
            self.stopping.wait(IDLE_S)
        self._end()

    def keep_on(self) -> bool:
        """Whether to go on; renews the lease. A new lease is no longer the one that the job was taken under."""
        if clock.seconds() - self._renewed_at > RENEW_EVERY_S:
            if not (self.token and leases.renew(self.token)):
                self.token = leases.take(leases.WORKER)
            self._renewed_at = clock.seconds()
        return not self.stopping.is_set()

    def work(self, job: Job) -> None:
        try:
            run_one(job, self.keep_on)
        except DatabaseError:
            log.exception("Job %s stopped; it will be tried again.", job.id)
            jobs.put_down(job)
            self.stopping.wait(IDLE_S)

    def _end(self) -> None:
        try:
            if self.token:
                leases.end(self.token)
        except DatabaseError:
            log.exception("The lease of the jobs could not be ended; it runs out.")
        connection.close()


def run_one(job: Job, keep_on: KeepOn) -> None:
    """Do ``job`` until it is done, put down, lost or failed. Raises DatabaseError alone."""
    try:
        RUNNERS[job.kind](job, keep_on)
    except jobs.Lost:
        log.info("Job %s was cancelled or taken over.", job.id)
    except jobs.Failed as error:
        _fail(job, str(error))
    except DatabaseError:
        raise
    except Exception:
        log.exception("Job %s failed in an unknown way.", job.id)
        _fail(job, UNEXPECTED)


def _fail(job: Job, words: str) -> None:
    if jobs.fail(job, words) and job.kind in FAILED:
        FAILED[job.kind](job, words)
