"""Jobs: work in the background that any worker takes up where another left it.

A job's position moves by condition, in the transaction of the rows up to there. Two workers on one job can't both commit
a chunk: the second finds the position moved and lets go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any  # JSON of a row.

from django.db import transaction

from heed.core import database, files, tables
from heed.core.files import CHUNK
from heed.core.models import Account, FilePurpose, Job, JobState, Lease, StoredFile
from heed.core.pace import Pace

KeepOn = Callable[[], bool]  # asked before each chunk: False puts the job down
OPEN = (JobState.WAITING, JobState.RUNNING)


class Lost(Exception):
    """This job has been taken over, or cancelled."""


class Failed(Exception):
    """This job can't go on. Its words are shown to staff."""


def start(
    account: Account,
    kind: str,
    subject_id: int,
    *,
    actor: str,
    upload: StoredFile | None = None,
    total: int = 0,
    **setting: Any,
) -> Job:
    """A new job, for the next worker that looks. Call it in the transaction of what it is for."""
    return Job.objects.create(
        account=account,
        kind=kind,
        subject_id=subject_id,
        upload=upload,
        total=total,
        setting=setting,
        actor=actor[:120],
        created_at=database.now(),
    )


def latest(account: Account, kind: str, subject_id: int) -> Job | None:
    return Job.objects.filter(account=account, kind=kind, subject_id=subject_id).order_by("-id").first()


def find(account: Account, job_id: int) -> Job | None:
    return Job.objects.filter(account=account, id=job_id).first()


def take(token: int) -> Job | None:
    """The oldest job that no living process works on, claimed under the lease ``token``."""
    alive = Lease.objects.filter(expires_at__gt=database.now()).values("id")
    free = Job.objects.filter(state__in=OPEN).exclude(claim__in=alive)
    if not free.exists():
        return None
    with transaction.atomic(durable=True):
        job = free.select_for_update(skip_locked=True).order_by("id").first()
        if job is not None:
            job.claim, job.state = token, JobState.RUNNING
            job.save(update_fields=["claim", "state"])
        return job


def move(job: Job, **changes: Any) -> None:
    """Move the row of ``job`` on, inside the transaction of what was done. Raises Lost if it isn't where it was, or ours."""
    mine = Job.objects.filter(id=job.id, state=JobState.RUNNING, claim=job.claim, line=job.line, rows=job.rows)
    if not mine.update(**changes):
        raise Lost


def step(job: Job, verb: Callable[[], dict[str, Any]], pace: Pace | None = None) -> None:
    """Do ``verb`` and move ``job`` by the changes that it returns, in one transaction; committed on return."""

    def run() -> dict[str, Any]:
        changes = verb()
        move(job, **changes)
        return changes

    changes = (pace or Pace(1)).commit(run)
    for name, value in changes.items():  # only now: a deadlock runs ``verb`` again from where the job stood
        setattr(job, name, value)


def finish(job: Job, state: JobState = JobState.DONE, *, problem: str = "") -> dict[str, Any]:
    """The changes that end ``job``, whose rejects are complete now; for ``step``, with what becomes of its subject."""
    if job.rejects:
        files.complete(job.rejects)
    return {"state": state, "problem": problem[:300], "finished_at": database.now()}


def fail(job: Job, words: str) -> bool:
    """End ``job`` with what went wrong; whether it was still ours to end."""
    with contextlib.suppress(Lost):
        step(job, lambda: finish(job, JobState.FAILED, problem=words))
        return True
    return False


def summed(job: Job, **more: int) -> dict[str, int]:
    """The counts of ``job`` with ``more`` added."""
    counts: dict[str, int] = job.counts | {name: job.counts.get(name, 0) + count for name, count in more.items()}
    return counts


def put_down(job: Job) -> None:
    """Leave ``job`` to the next worker that looks, because this one ends."""
    Job.objects.filter(id=job.id, claim=job.claim).update(claim=0)


def stop(account: Account, job_id: int) -> bool:
    """Cancel one job; whether it was still open. What it has done so far stays."""
    mine = Job.objects.filter(account=account, id=job_id, state__in=OPEN)
    return bool(mine.update(state=JobState.CANCELLED, finished_at=database.now()))


def cancel(account: Account, kind: str, subject_id: int) -> None:
    """Cancel what is open of this kind and subject: a worker on it lets go at its next chunk."""
    open_ones = Job.objects.filter(account=account, kind=kind, subject_id=subject_id, state__in=OPEN)
    open_ones.update(state=JobState.CANCELLED, finished_at=database.now())


def reject(job: Job, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Write the rejects of the window that begins at ``job.line``; how many chunks of the file are used now.

    Written again after a crash they replace themselves, because the window is read again.
    """
    if not rows:
        return job.reject_chunks
    if job.rejects is None:
        file = _rejects(job)
        step(job, lambda: {"rejects": file})
    return _put(job.rejects, job.reject_chunks, header, rows)  # type: ignore[arg-type]  # made above


def reject_within(job: Job, header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Write a few rejects inside a step's transaction; the changes for that step."""
    file = job.rejects or _rejects(job)
    return {"rejects": file, "reject_chunks": _put(file, job.reject_chunks, header, rows)}


def _rejects(job: Job) -> StoredFile:
    name = f"rejects of {job.upload.name if job.upload else job.kind}".removesuffix(".xlsx").removesuffix(".csv")
    return files.begin(job.account, f"{name}.csv", purpose=FilePurpose.REJECTS, actor=job.actor)


def _put(file: StoredFile, number: int, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Write ``rows`` from chunk ``number`` on, the first of all with the header; the number behind them."""
    if number == 0:
        rows = [[*header, "reason"], *rows]
    data = "".join(map(tables.csv_line, rows)).encode()
    for at in range(0, len(data), CHUNK):
        files.put(file, number, data[at : at + CHUNK])
        number += 1
    return number
