"""POST /v1/check of 10,000 numbers: the whole path against the same query, the same JSON and the number parser alone."""

from __future__ import annotations

import json
import random
import time

from django.test.client import ClientHandler, RequestFactory

from bench.installation import PEOPLE_FROM, alternate, make, report, seed_opt_outs
from heed.core import accounts, gate
from heed.core.models import Role
from heed.rules import numbers
from heed.wsgi import ShortChain

OPT_OUTS, NUMBERS = 1_000_000, 10_000


class Handler(ShortChain, ClientHandler):
    pass


def main() -> None:
    account, sender, _ = make()
    seed_opt_outs(account.id, OPT_OUTS)
    _, secret = accounts.create_api_key(account, "bench", Role.OWNER, actor="bench")
    chosen = random.Random(1).sample(range(7_400_000_000, 7_499_999_999), NUMBERS * 2)
    people = [number for one in chosen if numbers.is_valid(number := 440_000_000_000 + one)][:NUMBERS]
    seed = {PEOPLE_FROM + n * 10 for n in range(OPT_OUTS)}
    asked = [numbers.show(person) for person in people]
    body = json.dumps({"from": sender.address, "to": asked}).encode()
    handler = Handler(enforce_csrf_checks=False)
    headers = {"HTTP_X_AUTH_KEY": secret}

    def ours() -> float:
        request = RequestFactory().post("/v1/check", body, content_type="application/json", **headers)
        began = time.perf_counter()
        handler.load_middleware()
        answer = handler.get_response(request)
        content = answer.content
        took = time.perf_counter() - began
        if answer.status_code != 200 or len(json.loads(content)["items"]) != NUMBERS:
            raise SystemExit(f"/v1/check answered {answer.status_code}: {content[:300]!r}")
        return took * 1000

    def floor() -> float:
        began = time.perf_counter()
        asked_for = json.loads(body)
        parsed = [numbers.parse(number) for number in asked_for["to"]]
        blocked = gate.may_send(account.id, sender.id, parsed)
        items = [
            {
                "phone_number": number,
                "allowed": person not in blocked,
                "reason": blocked[person].reason if person in blocked else None,
                "scope": blocked[person].scope if person in blocked else None,
                "since": None,
            }
            for number, person in zip(asked_for["to"], parsed, strict=True)
        ]
        json.dumps({"items": items})
        return (time.perf_counter() - began) * 1000

    mine, bare = alternate(ours, floor)
    report(mine, bare, "ms", "<= 1.5", mine / bare <= 1.5, opt_outs=len(seed), numbers=NUMBERS)


if __name__ == "__main__":
    main()
