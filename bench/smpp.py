"""Hand-off over SMPP: from the queue, checked in the claim, to a stub SMSC, with a receipt for each coming back.

The floor is Kannel, whose spool holds the same number of messages, where it is installed; it checks nobody. Elsewhere it
is the codec alone: a submit_sm written, its answer and its receipt read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench import kannel, processes
from bench.installation import PEOPLE_FROM, alternate, fill, make, rate, report, seed_opt_outs
from heed import carriers
from heed.core.models import Message, Sender
from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import DeliverSm, SubmitSm, SubmitSmResp

MESSAGES, OPT_OUTS, WINDOW = 10_000, 1_000_000, 100


def main() -> None:
    account, sender, _ = make()
    seed_opt_outs(account.id, OPT_OUTS)
    port = kannel.free_port()
    values = {"host": "127.0.0.1", "port": str(port), "system_id": "bench", "password": "bench", "window": str(WINDOW)}
    link = carriers.add("smpp", "Bench", values, answered=(), account=None, actor="bench")
    Sender.objects.filter(id=sender.id).update(connection=link)

    def ours() -> float:
        fill(account.id, sender.id, link.id, MESSAGES)
        going = Message.objects.count() * 9 // 10 - 10  # one in ten has left
        with Smsc(port, "submits", str(going)) as smsc, processes.run("heed", "dispatch"):
            found = smsc.rate()
            time.sleep(1)
            return found

    def theirs() -> float:
        with kannel.running(port) as sendsms:
            kannel.fill(sendsms, MESSAGES, PEOPLE_FROM)
            with Smsc(port, "submits", str(MESSAGES)) as smsc:
                return smsc.rate()

    if kannel.is_installed():
        mine, other = alternate(ours, theirs, rounds=3)
        return report(mine, other, "messages/s", ">= 2 x Kannel", mine / other >= 2, beside="kannel")
    mine, codec = alternate(ours, lambda: rate(MESSAGES, _codec), rounds=3)
    report(mine, codec, "messages/s", "(no Kannel here)", True, beside="codec")


class Smsc:
    """The stub in its process."""

    def __init__(self, port: int, *how: str) -> None:
        self._command = [sys.executable, "-m", "bench.smsc", str(port), *how]

    def __enter__(self) -> Smsc:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def rate(self) -> float:
        assert self._process.stdout  # noqa: S101
        found: float = json.loads(self._process.stdout.readline())["rate"]
        return found


def _codec() -> None:
    receipt = pdu.encode(DeliverSm(esm_class=4, short_message=b"id:1 stat:DELIVRD"), 1)
    answer = pdu.encode(SubmitSmResp("1"), 1)
    for number in range(MESSAGES):
        pdu.encode(SubmitSm(source="447700900001", destination="447700900501", short_message=b"Hello"), number + 1)
        pdu.decode(answer)
        pdu.decode(receipt)


if __name__ == "__main__":
    main()
