"""Run benchmarks, each on its databases in a process of its own, and print a table or JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

import postgres  # noqa: E402  # the throw-away server of the tests

BENCHMARKS = {
    "claim": ("sqlite", "postgresql"),
    "handoff_http": ("sqlite", "postgresql"),
    "smpp": ("sqlite", "postgresql"),
    "smpp_stop": ("sqlite", "postgresql"),
    "stop": ("sqlite", "postgresql"),
    "stop_wait": ("sqlite",),
    "check": ("sqlite", "postgresql"),
    "campaign_build": ("sqlite", "postgresql"),
    "reading": ("sqlite",),
    "pages": ("sqlite", "postgresql"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="heed bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--small", action="store_true", help="a tenth of the largest sizes")
    arguments = parser.parse_args()
    if arguments.small:
        os.environ["HEED_BENCH_SMALL"] = "1"
    results = []
    with contextlib.ExitStack() as stack:
        server = ""
        for name in [arguments.name] if arguments.name else BENCHMARKS:
            for engine in BENCHMARKS[name]:
                if engine == "postgresql" and not server:
                    server = stack.enter_context(postgres.server("max_wal_size=4GB"))
                found = _run(name, engine, server)
                results += found
                if not arguments.json:
                    for result in found:
                        print(_line(result), flush=True)
    if arguments.json:
        print(json.dumps(results, indent=2))
    return 0


def _run(name: str, engine: str, server: str) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="heed-bench-") as folder:
        keys = {f"HEED_{key}": secrets.token_hex(32) for key in ("SECRET_KEY", "FIELD_KEYS", "ID_KEY")}
        environment = os.environ | keys | {"HEED_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "heed.settings"}
        environment.pop("HEED_DATABASE_URL", None)
        if engine == "postgresql":
            environment["HEED_DATABASE_URL"] = postgres.create(server, f"bench_{name}")
        command = [sys.executable, "-m", f"bench.{name}"]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        return [{"name": f"{name} ({engine})"} | json.loads(line) for line in done.stdout.splitlines()]


def _line(result: dict[str, object]) -> str:
    values = {key: f"{value:,.2f}" if isinstance(value, float) else value for key, value in result.items()}
    verdict = "met" if result["met"] else "NOT MET"
    return (
        "{name:24} ours {ours:>12}  floor {floor:>12}  {unit:10} ratio {ratio:>7}  goal {goal:>18}  ".format(**values)
        + verdict
    )


if __name__ == "__main__":
    sys.exit(main())
