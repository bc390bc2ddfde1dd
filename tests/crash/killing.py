"""An installation whose processes are ended by kill -9 and started again, and the load that it bears meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import databases
from django.db import connection
from people import ANNA, World

from heed.core import outbound
from heed.core.models import Lease, Message
from heed.core.outbound import Draft
from heed.rules import numbers

PHONES = range(ANNA, ANNA + 490)
PATIENCE_S = 60.0


def until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"Not within {PATIENCE_S:g} s: {what}."
        time.sleep(0.02)


class Installation:
    """Web, dispatcher and worker, each a process of its own on the database at ``place``."""

    def __init__(self, place: str, log: Path) -> None:
        self.port, self.log = _free_port(), log
        name = "HEED_DATABASE_URL" if databases.ENGINE == "postgresql" else "HEED_DATA_DIR"
        self.environment = os.environ | {name: place}
        self.commands = {"web": ["web", "--port", str(self.port)], "dispatcher": ["dispatch"], "worker": ["work"]}
        self.processes = {name: self._start(name) for name in self.commands}
        self.dead: list[int] = []  # pids

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "heed", *self.commands[name]]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name: str) -> None:
        """End it and what it started, at once and without a word, and start it again."""
        self._end(name, signal.SIGKILL)
        self.processes[name] = self._start(name)

    def kill_below(self, name: str) -> bool:
        """End only what it started: the web's own parent starts that again. Whether there was anything."""
        pid = self.processes[name].pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in found:
            os.kill(int(child), signal.SIGKILL)
        return bool(found)

    def _end(self, name: str, with_signal: signal.Signals) -> None:
        process = self.processes[name]
        assert process.poll() is None, f"{name} had ended by itself:\n" + self.log.read_text(errors="replace")[-3000:]
        os.killpg(process.pid, with_signal)
        process.wait(PATIENCE_S)
        self.dead.append(process.pid)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(PATIENCE_S)

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


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


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
        self._jobs = [lambda: self._leave(leaving[0::2]), lambda: self._leave(leaving[1::2]), self._send]
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

    def send(self, count: int, due_at: datetime | None = None) -> None:
        drafts = [Draft(phone, numbers.show(phone), "Hello!") for phone in random.sample(PHONES, count)]
        sender = random.choice([*self.senders.values(), self.world.name])
        outbound.queue(sender, drafts, door="test", actor="", due_at=due_at)

    def _send(self) -> None:
        while not self.ending.wait(0.03):
            if Message.objects.filter(state="queued").count() < 100:
                self.send(8, random.choice([None, datetime.now(UTC) + timedelta(seconds=0.2)]))

    def _leave(self, leaving: list[tuple[int, str]]) -> None:
        for phone, address in leaving:
            text = {"id": f"{phone}-{address}", "from": numbers.show(phone), "to": address, "text": "STOP"}
            while self.site.post(text) != 200:
                self.unanswered += 1
                if self.ending.wait(0.05):
                    return
            self.acknowledged[phone, self.senders[address].id] = datetime.now(UTC)
            if self.ending.wait(0.01):
                return
