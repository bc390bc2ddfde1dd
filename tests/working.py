"""What the worker does, done at once: jobs to their end, and a campaign that is ready to start."""

from __future__ import annotations

from dataclasses import replace

from people import World

from heed.core import audience, campaigns, jobs, leases, uploads
from heed.core.campaigns import Plan
from heed.core.models import Campaign, Job
from heed.workers.jobs import run_one

CSV = (
    "Mobile,First Name\n"
    "07700900501,Anna\n"
    "07700900502,Ben\n"
    "07700900503,\n"
    "+44 7700 900501,Annie\n"
    "nobody,X\n"
    "07700900504,Dora\n"
)
TEXT = "Hi ${firstname|there}, sale today. Reply STOP to leave."


def work(token: int = 0, keep_on=lambda: True) -> Job | None:
    """Do the next job, to its end; None if there is none."""
    job = jobs.take(token or leases.take("test"))
    if job:
        run_one(job, keep_on)
        job.refresh_from_db()
    return job


def work_all() -> None:
    while work():
        continue


def plan(world: World, **changes) -> Plan:
    return replace(Plan("Sale", world.number, TEXT), **changes)


def upload(account, text=CSV, name="people.csv"):
    return uploads.store(account, name, [text.encode()], actor="test")


def ready(world: World, rows=CSV, **changes) -> Campaign:
    """A campaign of Acme whose people have been read from ``rows`` and counted."""
    campaign = campaigns.create(world.account, plan(world, **changes), actor="anna")
    file = upload(world.account, rows)
    mapping = uploads.mapping_of(file)
    audience.from_upload(world.account, campaign.id, file, mapping, actor="anna")
    work_all()
    return campaigns.find(world.account, campaign.id)
