"""``serve``: web, dispatcher and worker under one parent, which starts again what ends and stops all together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger(__name__)

STOP_WITHIN_S = 20.0
RESTART_AFTER_S = 1.0


class Child:
    """One process in a session of its own, so that Ctrl-C reaches the parent alone."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name, self.arguments = name, arguments
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.started_at = time.monotonic()
        return subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "heed", *self.arguments],
            start_new_session=True,
            env=os.environ | {"HEED_PARENT": str(os.getpid())},
        )

    def keep(self) -> None:
        """Start it again if it has ended, at most once a second."""
        code = self.process.poll()
        if code is None or time.monotonic() - self.started_at < RESTART_AFTER_S:
            return
        log.error("%s ended with %s; it starts again.", self.name, code)
        self._end_rest()
        self.process = self._start()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic), then end it and what it started."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("%s did not stop in time; it is ended.", self.name)
        self._end_rest()
        self.process.wait()

    def _end_rest(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the session's group bears its leader's id
        except ProcessLookupError:
            return


def serve(commands: Mapping[str, Sequence[str]], when_started: Callable[[], None]) -> None:
    """Run ``commands`` (name → arguments of our program) until Ctrl-C, SIGTERM, or the end of its terminal."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    children = [Child(name, arguments) for name, arguments in commands.items()]
    try:
        threading.Thread(target=when_started, daemon=True).start()
        while not stopping.wait(0.2):
            for child in children:
                child.keep()
    finally:
        for child in children:
            child.stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in children:
            child.end(deadline)
