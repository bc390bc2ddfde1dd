"""Processes of Heed to measure, on loopback."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def run(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *arguments])
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def web() -> Iterator[str]:
    """A web process; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with run("heed", "web", "--port", str(port)):
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(address + "/healthz", timeout=2).status == 200:  # noqa: S310
                    break
            time.sleep(0.1)
        yield address


@contextlib.contextmanager
def gateway() -> Iterator[str]:
    """A gateway that takes every message; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1000)
        listening.set_inheritable(True)
        command = [sys.executable, "-m", "bench.gateway", str(listening.fileno())]
        process = subprocess.Popen(command, pass_fds=[listening.fileno()])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(30)


def phones(url: str, to: str, count: int, connections: int, first: int) -> dict[str, Any]:
    """What ``bench.phones`` measured."""
    command = [sys.executable, "-m", "bench.phones", url, to, *map(str, (count, connections, first))]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if found["failures"]:
        raise SystemExit(f"{found['failures']} STOPs were not answered with 200.")
    return found
