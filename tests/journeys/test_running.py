"""Journeys of the operator: start, stop in the middle of work, start again, and find everything as it was."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.models import Count
from installation import Installation, Shop, free_port, patiently

from heed.core.models import Message, SandboxDelivery
from heed.rules.states import MessageState

MESSAGES = 800


@contextmanager
def up(
    settings: dict[str, str], port: int, stop: signal.Signals = signal.SIGTERM
) -> Iterator[tuple[Installation, str]]:
    """``heed up`` and what it prints once it serves. Stopped at the end, it leaves nothing running and no error."""
    kept = {name: value for name, value in os.environ.items() if name != "HEED_PUBLIC_URL"}
    command = [sys.executable, "-m", "heed", "up", "--port", str(port)]
    process = subprocess.Popen(
        command, env=kept | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    banner = ""
    try:
        for line in process.stdout or ():
            banner += line
            if "Ctrl-C" in line:
                break
        address = f"http://127.0.0.1:{port}"
        yield Installation(address, settings | {"HEED_PUBLIC_URL": address}), banner
    finally:
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "[error" not in rest, rest
        assert children_of(process.pid) == []


def children_of(parent: int) -> list[int]:
    """What ``heed up`` started and has not ended: every process of it knows the parent's id."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HEED_PARENT={parent}\0".encode() in environment.read_bytes():
                found.append(int(environment.parts[2]))
        except OSError:  # it has just ended, or is somebody else's
            continue
    return found


def test_up_prints_where_it_is_and_a_link_that_signs_in(live: dict[str, str]) -> None:
    port = free_port()
    with up(live, port, signal.SIGINT) as (here, banner):
        assert f"Heed is running at http://127.0.0.1:{port}\n" in banner
        link = re.search(rf"http://127.0.0.1:{port}(/sign-in/[^/]+/)\n", banner)
        assert link is not None
        assert here.request("GET", "/healthz").json == {"status": "ok"}
        assert here.request("GET", link[1]).status == 200
        assert here.request("GET", "/sign-in/another/").status != 200
        account = here.heed("account", "list")  # the first one is there, and may be left unnamed
        shop = Shop(here, "my-account", here.heed("api-key", "create", "--name", "till"))
        assert shop.account["free_keyword_number"] == "+447700900499"
    with up(live, free_port()) as (here, banner):
        assert link[1] not in banner
        assert here.heed("account", "list") == account
        assert Shop(here, shop.slug, shop.key).account["slug"] == "my-account"


def test_a_stop_in_the_middle_of_sending_loses_and_doubles_nothing(live: dict[str, str]) -> None:
    areas = itertools.product(range(201, 1000), range(100))
    phones = [f"+1{area}55501{line:02}" for area, line in itertools.islice(areas, MESSAGES)]
    with up(live, free_port()) as (here, _):
        shop = Shop(here, "my-account", here.heed("api-key", "create", "--name", "till"))
        number = shop.buy()
        shop.must("POST", "/sms", {"from": number, "message_body": "Hello", "to": [{"phone": phones}]})
        for _ in patiently():
            if SandboxDelivery.objects.exists():
                break
    # Claimed and not begun went back to the queue, begun came to its end. On a busy machine some missed their second
    # and wait.
    states = dict(Message.objects.values_list("state").annotate(Count("id")))
    assert set(states) <= {MessageState.SENT, MessageState.QUEUED, MessageState.WAITING}
    assert 0 < states[MessageState.SENT] < MESSAGES
    assert SandboxDelivery.objects.count() == states[MessageState.SENT]

    with up(live, free_port()):
        for _ in patiently():
            if Message.objects.filter(state=MessageState.SENT).count() == MESSAGES:
                break
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.SENT}
    assert SandboxDelivery.objects.values("to").distinct().count() == SandboxDelivery.objects.count() == MESSAGES


def test_an_import_that_is_killed_goes_on_where_it_ended(live: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    people = [f"+1{area}55501{line:02}" for area in range(201, 451) for line in range(100)]
    file.write_text("\n".join(["phone_number", *people]))
    with up(live, free_port()) as (here, _):
        arguments = [sys.executable, "-m", "heed", "opt-outs", "import", str(file)]
        killed = subprocess.Popen(arguments, env=os.environ | here.settings, stderr=subprocess.PIPE, text=True)
        assert killed.stderr is not None
        assert "20,000 read, 20,000 added" in killed.stderr.readline()
        killed.kill()
        killed.communicate()
        again = here.run("opt-outs", "import", str(file))
        assert again.returncode == 0
        counts = re.fullmatch(
            r'\{"read": 25000, "added": (\d+), "already": (\d+), "conflicts": 0, "rejected": 0\}\n', again.stdout
        )
        assert counts is not None
        added, already = map(int, counts.groups())
        assert added + already == len(people)
        assert 20_000 <= already < len(people)
        assert here.run("verify-ledger").returncode == 0
        assert len(here.heed("opt-outs", "export").splitlines()) == len(people) + 1
