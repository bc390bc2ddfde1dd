"""STOP over SMPP: groups of deliver_sm, one commit, then the answers; Kannel's in-rate beside it where it is installed."""

from __future__ import annotations

from bench import kannel, processes
from bench.installation import alternate, make, report
from bench.smpp import Smsc
from heed import carriers
from heed.core.models import Consent, LedgerEntry, Sender

STOPS = 10_000


def main() -> None:
    _, sender, _ = make()
    port = kannel.free_port()
    values = {"host": "127.0.0.1", "port": str(port), "system_id": "bench", "password": "bench"}
    link = carriers.add("smpp", "Bench", values, answered=(), account=None, actor="bench")
    Sender.objects.filter(id=sender.id).update(connection=link)
    to = sender.address.removeprefix("+")

    def ours() -> float:
        Consent.objects.all()._raw_delete("default")
        before = LedgerEntry.objects.count()
        with Smsc(port, "texts", str(STOPS), to) as smsc, processes.run("heed", "dispatch"):
            found = smsc.rate()
        if LedgerEntry.objects.count() != before + STOPS:
            raise SystemExit("An acknowledged STOP is missing from the ledger.")
        return found

    def theirs() -> float:
        with Smsc(port, "texts", str(STOPS), to) as smsc, kannel.running(port):
            return smsc.rate()

    if kannel.is_installed():
        mine, other = alternate(ours, theirs, rounds=3)
        return report(mine, other, "STOP/s", ">= 2 x Kannel", mine / other >= 2, beside="kannel")
    ours()
    mine = ours()
    report(mine, mine, "STOP/s", "(no Kannel here)", True, beside="itself")


if __name__ == "__main__":
    main()
