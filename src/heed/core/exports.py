"""Exports that may be large, as jobs: a campaign's messages, written to a file that is stored for download."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from heed.core import audit, campaigns, files, jobs, reports, tables
from heed.core.files import CHUNK
from heed.core.models import Account, Campaign, FilePurpose, Job

CAMPAIGN = "export.campaign"
FORMATS = ("csv", "xlsx")


def campaign(account: Account, campaign_id: int, format_: str = "csv", *, actor: str) -> Job:
    """Begin to write the campaign's messages to a file, which will be the job's ``result``."""
    if format_ not in FORMATS:
        raise campaigns.Refused("Export as csv or xlsx.", field="format")
    found = campaigns.required(account, campaign_id)
    with transaction.atomic():
        audit.note(account.id, actor, "campaign.export", found.name, format=format_)
        return jobs.start(account, CAMPAIGN, found.id, actor=actor, total=found.fed, format=format_)


def run_campaign(job: Job, keep_on: jobs.KeepOn) -> None:
    """Write the file from its beginning: half of one is of no use to the next worker."""
    found = Campaign.objects.filter(id=job.subject_id).first()
    if found is None:
        raise jobs.Failed("The campaign is gone.")
    with tempfile.TemporaryDirectory(prefix="heed-export-") as folder:
        path = Path(folder) / f"export.{job.setting['format']}"
        try:
            with tables.write(path) as writer:
                if not _write(job, keep_on, found, writer):
                    return jobs.put_down(job)
        except tables.BadFile as error:
            raise jobs.Failed(str(error)) from error
        with path.open("rb") as file:
            name = f"{found.name}.{job.setting['format']}"
            stored = files.store(job.account, name, _parts(file), purpose=FilePurpose.EXPORT, actor=job.actor)
    jobs.step(job, partial(_done, job, stored.id))


def _write(job: Job, keep_on: jobs.KeepOn, found: Campaign, writer: tables.Writer) -> bool:
    writer.writerow(reports.MESSAGE_COLUMNS)
    for number, row in enumerate(reports.message_rows(found)):
        if number % reports.PAGE == 0:
            if not keep_on():
                return False
            jobs.step(job, partial(dict, done=number))
        writer.writerow(row)
    return True


def _done(job: Job, file_id: int) -> dict[str, object]:
    return {**jobs.finish(job), "result": files.find(job.account, file_id)}


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(CHUNK):
        yield data
