"""./heed pool add."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from people import World

from heed.core import senders
from heed.core.models import Sender, SenderKind
from heed.core.status_callbacks import sid


def add(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("pool", "add", *arguments)
    return capsys.readouterr().out.strip()


def test_numbers_join_one_pool(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = add(capsys, "Shop", world.number.address, "--account", "acme")
    assert add(capsys, "shop", world.second.address, "--account", "acme") == first
    pool = Sender.objects.get(kind=SenderKind.POOL)
    assert first == sid("MG", pool.id)
    assert set(Sender.objects.filter(pool_id=pool.id)) == {world.number, world.second}
    assert pool not in senders.usable(world.account)


def test_what_cant_join_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    add(capsys, "Shop", world.number.address, "--account", "acme")
    unfit = [("Other", world.number.address), ("Shop", "ACME"), ("Shop", "+447700900003"), ("", "+447700900002")]
    for name, number in unfit:
        with pytest.raises(CommandError):
            add(capsys, name, number, "--account", "acme")
