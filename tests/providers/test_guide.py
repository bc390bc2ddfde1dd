"""The adapter in docs/how-to/add-a-carrier.md works as it stands there."""

from __future__ import annotations

import hmac
import json
import re
from pathlib import Path

from exchanges import HOOK, REFERENCE, called, hand_off, outcome
from standin import Reply, stand_in

from heed.providers.base import RecipientOptedOut
from heed.rules.values import InboundText, Receipt

GUIDE = Path(__file__).parents[2] / "docs/how-to/add-a-carrier.md"


def example(url="https://api.example"):
    [code] = re.findall(r'```python\n("""Example.*?)```', GUIDE.read_text(), re.DOTALL)
    made = {}
    exec(compile(code, GUIDE.name, "exec"), made)  # noqa: S102  # our own guide
    return made["Example"]({"token": "t", "secret": "s", "api": url}, HOOK)


def test_it_sends():
    with stand_in(Reply(200, body={"id": "m-1"}), Reply(400, body={"error": {"code": "barred"}})) as carrier:
        assert outcome(hand_off(example(carrier.url))) == ("m-1",)
        assert outcome(hand_off(example(carrier.url))) == (RecipientOptedOut,)
        assert carrier.asked[0].json["client_ref"] == REFERENCE


def test_it_reads():
    text = {"type": "inbound", "id": "i-1", "from": "+447700900500", "to": "+447700900001", "text": "STOP"}
    status = {"type": "status", "id": "m-1", "client_ref": REFERENCE, "state": "rejected", "code": "barred"}
    expected = [
        [InboundText("i-1", "+447700900500", "+447700900001", "STOP")],
        [Receipt("m-1", REFERENCE, "undelivered", "barred", opted_out=True)],
        [],
    ]
    for said, read in zip([text, status, {"type": "news"}], expected, strict=True):
        body = json.dumps(said).encode()
        call = called(body, {"X-Example-Signature": hmac.digest(b"s", body, "sha256").hex()})
        example().verify(call)
        assert list(example().parse(call)) == read
