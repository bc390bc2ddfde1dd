"""An installation whose processes are ended by kill -9 and started again, and the load that it bears meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import chain, count
from pathlib import Path

from django.db import connection
from installation import free_port
from people import ANNA, World

from heed.core import outbound
from heed.core.models import Lease, Message
from heed.core.outbound import Draft
from heed.rules import numbers

PHONES = range(ANNA, ANNA + 490)
NOBODY = 999_120_000_000  # and those after it
PATIENCE_S = 60.0


def until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"Not within {PATIENCE_S:g} s: {what}."
        time.sleep(0.02)


class Installation:
    """Web, dispatcher and worker under the parent that starts again what ends, on the database at ``place``."""

    def __init__(self, place: dict[str, str], log: Path) -> None:
        self.port, self.log = free_port(), log
        self.dead: list[int] = []  # pids
        command = [sys.executable, "-m", "heed", "serve", "--port", str(self.port)]
        with log.open("wb") as to:
            self.parent = subprocess.Popen(command, env=os.environ | place, stdout=to, stderr=to)

    def kill(self, command: str) -> None:
        """End the process that runs ``command``, and what it started, at once and without a word."""
        until(lambda: self._running(command), f"{command} runs")
        (pid,) = self._running(command)
        os.killpg(pid, signal.SIGKILL)
        self.dead.append(pid)
        until(lambda: self._running(command) not in ([], [pid]), f"{command} runs again")

    def kill_below(self, command: str) -> None:
        """End only what it started."""
        until(lambda: _children(self._running(command)), f"{command} has started what serves")
        for child in _children(self._running(command)):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _running(self, command: str) -> list[int]:
        assert self.parent.poll() is None, self.log.read_text(errors="replace")[-3000:]
        return [pid for pid in _children([self.parent.pid]) if command in _arguments(pid)]

    def stop(self) -> None:
        self.parent.send_signal(signal.SIGTERM)
        self.parent.wait(PATIENCE_S)

    def leases_of_the_dead(self) -> list[Lease]:
        return [one for one in Lease.objects.all() if int(one.name.rpartition(" ")[2]) in self.dead]

    def post(self, body: object) -> int:
        """The status that the hook answers, or 0 for no answer at all."""
        web = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            web.request("POST", "/hooks/sandbox/tok/", json.dumps(body), {"Content-Type": "application/json"})
            return web.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            web.close()


def _children(pids: list[int]) -> list[int]:
    found = [
        pid for parent in pids for task in Path(f"/proc/{parent}/task").glob("*") for pid in _read(task / "children")
    ]
    return [int(pid) for pid in found]


def _arguments(pid: int) -> list[str]:
    return _read(Path(f"/proc/{pid}/cmdline"), "\0")


def _read(path: Path, separator: str | None = None) -> list[str]:
    """The words of a file of /proc; none when the process has ended."""
    try:
        return path.read_text().split(separator)
    except OSError:
        return []


class Load:
    """Messages that go out, and carriers that bring STOPs and call again until they are answered 200."""

    def __init__(self, site: Installation, world: World) -> None:
        self.site, self.world = site, world
        self.senders = {one.address: one for one in (world.number, world.second)}
        self.acknowledged: dict[tuple[int, int], datetime] = {}  # (recipient, sender) → when the 200 had come
        self.unanswered = 0
        self.ending = threading.Event()
        self._failed: list[BaseException] = []
        leaving = [(phone, address) for phone in PHONES for address in self.senders]
        random.shuffle(leaving)
        shares = (chain(leaving[at::2], self._others(at)) for at in range(2))
        self._jobs = [*(lambda share=share: self._leave(share) for share in shares), self._send]
        self._threads = [threading.Thread(target=self._run, args=(job,)) for job in self._jobs]

    def begin(self) -> None:
        self.send(120)
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert self._failed == []

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            self._failed.append(error)
        finally:
            connection.close()

    def send(self, how_many: int, due_at: datetime | None = None) -> None:
        drafts = [Draft(phone, numbers.show(phone), "Hello!") for phone in random.sample(PHONES, how_many)]
        sender = random.choice([*self.senders.values(), self.world.name])
        outbound.queue(sender, drafts, door="test", actor="", due_at=due_at)

    def _send(self) -> None:
        while not self.ending.wait(0.03):
            if Message.objects.filter(state="queued").count() < 100:
                self.send(8, random.choice([None, datetime.now(UTC) + timedelta(seconds=0.2)]))

    def _others(self, at: int) -> Iterator[tuple[int, str]]:
        """People without end, whom nobody has ever written to."""
        return ((NOBODY + number, self.world.number.address) for number in count(at, 2))

    def _leave(self, leaving: Iterable[tuple[int, str]]) -> None:
        for phone, address in leaving:
            text = {"id": f"{phone}-{address}", "from": numbers.show(phone), "to": address, "text": "STOP"}
            while self.site.post(text) != 200:
                self.unanswered += 1
                if self.ending.wait(0.05):
                    return
            self.acknowledged[phone, self.senders[address].id] = datetime.now(UTC)
            if self.ending.wait(0.001):
                return
