"""Exports that may be large, as jobs: rows written to a file that is stored for download."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from heed.core import audit, audit_log, campaigns, files, jobs, opt_out_files, refused, reports, tables
from heed.core.files import CHUNK
from heed.core.models import Account, Campaign, FilePurpose, Job
from heed.core.opt_out_list import Wanted

CAMPAIGN, OPT_OUTS, AUDIT = "export.campaign", "export.opt_outs", "export.audit"
FORMATS = ("csv", "xlsx")
STEP = 2000  # rows between two looks at whether to go on


class Refused(refused.Refused):
    """This can't be exported."""


def campaign(account: Account, campaign_id: int, format_: str = "csv", *, actor: str) -> Job:
    """Begin to write the campaign's messages to a file, which will be the job's ``result``."""
    _check(format_)
    found = campaigns.required(account, campaign_id)
    with transaction.atomic():
        audit.note(account.id, actor, "campaign.export", found.name, format=format_)
        return jobs.start(account, CAMPAIGN, found.id, actor=actor, total=found.fed, format=format_)


def opt_outs(account: Account, wanted: Wanted, format_: str = "csv", *, actor: str) -> Job:
    """Begin to write the standing opt-outs that are ``wanted`` to a file, which imports back unchanged."""
    _check(format_)
    with transaction.atomic():
        audit.note(account.id, actor, "opt_outs.export", "", format=format_)
        return jobs.start(account, OPT_OUTS, 0, actor=actor, format=format_, wanted=wanted.to_json())


def audit_trail(account: Account, wanted: audit_log.Wanted, format_: str = "csv", *, actor: str) -> Job:
    """Begin to write the audit trail, or what of it is ``wanted``, to a file."""
    _check(format_)
    with transaction.atomic():
        audit.note(account.id, actor, "audit.export", "", format=format_)
        return jobs.start(account, AUDIT, 0, actor=actor, format=format_, wanted=wanted.to_json())


def _check(format_: str) -> None:
    if format_ not in FORMATS:
        raise Refused("Export as csv or xlsx.", field="format")


def run_campaign(job: Job, keep_on: jobs.KeepOn) -> None:
    found = Campaign.objects.filter(id=job.subject_id).first()
    if found is None:
        raise jobs.Failed("The campaign is gone.")
    _run(job, keep_on, found.name, reports.MESSAGE_COLUMNS, reports.message_rows(found))


def run_opt_outs(job: Job, keep_on: jobs.KeepOn) -> None:
    rows = opt_out_files.rows(job.account_id, Wanted.from_json(job.setting["wanted"]))
    name = f"opt-outs-{job.account.slug}-{job.created_at:%Y-%m-%d}"
    _run(job, keep_on, name, opt_out_files.EXPORT_COLUMNS, rows)


def run_audit_trail(job: Job, keep_on: jobs.KeepOn) -> None:
    rows = audit_log.rows(job.account_id, audit_log.Wanted.from_json(job.setting["wanted"]))
    _run(job, keep_on, f"audit-{job.account.slug}-{job.created_at:%Y-%m-%d}", audit_log.COLUMNS, rows)


def _run(job: Job, keep_on: jobs.KeepOn, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write the file from its beginning: half of one is of no use to the next worker."""
    format_ = job.setting["format"]
    with tempfile.TemporaryDirectory(prefix="heed-export-") as folder:
        path = Path(folder) / f"export.{format_}"
        try:
            with tables.write(path) as writer:
                if not _write(job, keep_on, header, rows, writer):
                    return jobs.put_down(job)
        except tables.BadFile as error:
            raise jobs.Failed(str(error)) from error
        with path.open("rb") as file:
            name = f"{name}.{format_}"
            stored = files.store(job.account, name, _parts(file), purpose=FilePurpose.EXPORT, actor=job.actor)
    jobs.step(job, partial(_done, job, stored.id))


def _write(
    job: Job, keep_on: jobs.KeepOn, header: Sequence[str], rows: Iterable[Sequence[str]], writer: tables.Writer
) -> bool:
    writer.writerow(header)
    count = 0
    for row in rows:
        if count % STEP == 0:
            if not keep_on():
                return False
            jobs.step(job, partial(dict, done=count))
        writer.writerow(row)
        count += 1
    jobs.step(job, partial(dict, done=count))
    return True


def _done(job: Job, file_id: int) -> dict[str, object]:
    return {**jobs.finish(job), "result": files.find(job.account, file_id)}


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(CHUNK):
        yield data
