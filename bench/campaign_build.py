"""Building a campaign from a CSV of a million rows against ten million opt-outs: read, normalised, merged, counted.

Ours is the job that the worker runs, in a process of its own, with three merge fields, parts and rejects. The floor is an
anti-join and insert of ready integers, sorted, by the driver alone. Memory is what the process has of its own: the pages of
the database that SQLite maps are the system's to take back.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from bench.installation import IS_SQLITE, make, report, seed_opt_outs
from heed.core import audience, campaigns, database, jobs, leases, uploads
from heed.core.campaigns import Plan
from heed.workers.jobs import run_one

IS_SMALL = bool(os.environ.get("HEED_BENCH_SMALL"))
ROWS, OPT_OUTS = (100_000, 1_000_000) if IS_SMALL else (1_000_000, 10_000_000)
FIRST = 447_400_000_000  # recipients: British mobiles, made up; nothing here is ever handed to a carrier
CHUNK, MOST_MB = 2000, 250
TEXT = "Hi ${firstname|there}, your voucher ${code} for ${city|our shop} is ready. Text STOP to opt out."


def main() -> None:
    account, sender, _ = make()
    seed_opt_outs(account.id, OPT_OUTS, first=FIRST)
    chance = random.Random(1)
    people = chance.sample(range(FIRST, FIRST + OPT_OUTS * 10), ROWS)
    campaign = campaigns.create(account, Plan("Bench", sender, TEXT), actor="bench")
    file = uploads.store(account, "people.csv", _csv(people, chance), actor="bench")
    mapping = uploads.mapping_of(file)
    if mapping is None:
        raise SystemExit("The column of numbers was not found.")
    times, built = [], {}
    for _ in range(1 if IS_SMALL else 2):
        audience.from_upload(account, campaign.id, file, mapping, actor="bench")
        command = [sys.executable, "-m", "bench.campaign_build", "build"]
        built = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        times.append((built["seconds"], _floor(account.id, people)))
    seconds, floor = min(times)
    more = {"rows_per_s": round(ROWS / seconds), "opt_outs": OPT_OUTS, "counts": built["counts"]}
    report(seconds, floor, "s", "<= 3", seconds / floor <= 3, **more)
    report(built["mb"], MOST_MB, "MB", f"<= {MOST_MB} MB", built["mb"] <= MOST_MB)


def _csv(people: list[int], chance: random.Random) -> Iterator[bytes]:
    """One row in a hundred is somebody's second, one in two hundred is no number."""
    yield b"mobile,firstname,city,code\r\n"
    for at in range(0, len(people), 1000):
        rows = []
        for person in people[at : at + 1000]:
            rows.append(f"+{person},Name{person % 997},City{person % 89},{person % 100_000:05}\r\n")
            if person % 100 == 7:
                rows.append(f"+{chance.choice(people)},Again,,1\r\n")
            if person % 200 == 3:
                rows.append("nobody,X,,1\r\n")
        yield "".join(rows).encode()


def build() -> None:
    began = time.perf_counter()
    job = jobs.take(leases.take("bench"))
    if job is None:
        raise SystemExit("There is no job.")
    most = 0

    def keep_on() -> bool:
        nonlocal most
        most = max(most, _own_kb())
        return True

    run_one(job, keep_on)
    seconds = time.perf_counter() - began
    job.refresh_from_db()
    if job.state != "done":
        raise SystemExit(f"The build ended as {job.state}: {job.problem}")
    found = audience.counts(campaigns.required(job.account, job.subject_id))
    shown = {name: getattr(found, name) for name in ("to_send", "opted_out_account", "duplicates", "invalid")}
    print(json.dumps({"seconds": seconds, "mb": most / 1024, "counts": shown}))


def _own_kb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def _floor(account_id: int, people: list[int]) -> float:
    """Seconds for the same people as sorted integers, a commit for each chunk."""
    from bench.claim import open_driver

    driver, begin = open_driver()
    cursor = driver.cursor()
    cursor.execute("DROP TABLE IF EXISTS bare_draft")
    cursor.execute(
        "CREATE TABLE bare_draft (campaign bigint, recipient bigint, PRIMARY KEY (campaign, recipient))"
        + (" WITHOUT ROWID" if IS_SQLITE else "")
    )
    given = "json_each(?)" if IS_SQLITE else "unnest(%s::bigint[]) AS given(value)"
    insert = (
        f"INSERT INTO bare_draft SELECT 1, value FROM {given} WHERE NOT EXISTS (SELECT 1 FROM core_consent c "
        f"WHERE c.account_id = {account_id} AND c.recipient = value AND c.sender_id = 0 AND c.state = 'out')"
    )
    ready = sorted(people)
    began = time.perf_counter()
    for at in range(0, len(ready), CHUNK):
        cursor.execute(begin)
        cursor.execute(insert, [database.numbers_value(ready[at : at + CHUNK])])
        cursor.execute("COMMIT")
    seconds = time.perf_counter() - began
    driver.close()
    return seconds


if __name__ == "__main__":
    connection.ensure_connection()
    build() if sys.argv[1:] == ["build"] else main()
