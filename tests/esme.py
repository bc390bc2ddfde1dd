"""The SMPP front on loopback, and an ESME that asks it what it likes, octet by octet if it must."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import people
import pytest
from django.test import override_settings
from people import World

from heed.core import esmes
from heed.core.esmes import Setting
from heed.core.models import (
    Account,
    Callback,
    Consent,
    Delivery,
    Endpoint,
    Event,
    Inbound,
    InboundKey,
    Message,
    Review,
    SubmittedPart,
    Subscription,
)
from heed.core.models import Esme as Row
from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import BindTransceiver, Body, EnquireLink, EnquireLinkResp, Frames, Pdu, SubmitSm
from heed.workers.front import doorman, server
from heed.workers.front.server import Front

QUICK_HASHES = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@contextlib.contextmanager
def serving(**habits) -> Iterator[Front]:
    """A front in a thread of its own; ``ports`` says where."""
    ready, found = threading.Event(), []

    async def run() -> None:
        front = Front([(0, habits.pop("context", None))])
        for name, value in habits.items():
            setattr(front, name, value)
        found.append(front)
        front.started, front.loop = ready.set, asyncio.get_running_loop()
        await front.serve()

    with override_settings(PASSWORD_HASHERS=QUICK_HASHES):
        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        assert ready.wait(10)
        front = found[0]
        try:
            yield front
        finally:
            front.loop.call_soon_threadsafe(front.stopping.set)
            thread.join(15)
            assert not thread.is_alive()


# What tests write, in the order in which it may go. The ledger stays: nobody deletes from it.
TABLES = (
    *(SubmittedPart, Callback, Delivery, Event, Message, Review, Inbound, InboundKey, Consent),
    *(Row, Subscription, Endpoint),
)


@dataclass
class Floor:
    """One front and the people of ``people.py``, for all tests of a module."""

    world: World
    front: Front


@contextlib.contextmanager
def floor() -> Iterator[Floor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doorman, "AFTER_A_FAILURE_S", 0.01)
        patch.setattr(server, "WATCH_EVERY_S", 0.05)
        with serving() as front:
            yield Floor(people.make(), front)


def tidy(found: Floor) -> None:
    """As it was before the first test."""
    until(lambda: not found.front.guests)
    found.front.doorman.forget()
    for model in TABLES:
        model.objects.all().delete()


def until(holds: Callable[[], object], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def add(account: Account, system_id: str = "shop", **setting) -> str:
    """Its password."""
    with override_settings(PASSWORD_HASHERS=QUICK_HASHES):
        return esmes.add(account, system_id, Setting(**setting), actor="test")[1]


class Esme:
    """One connection, which blocks. What comes of itself is kept in ``given``; texts of it are answered."""

    def __init__(self, front: Front, context=None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", front.ports[0]), timeout=5)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.given: list[Pdu] = []
        self.answers_deliveries = 0  # with this status; None: not at all
        self._frames, self._whole, self._sequence = Frames(), [], 0

    def send(self, body: Body, sequence: int = 0) -> int:
        self._sequence = sequence or self._sequence + 1
        self.socket.sendall(pdu.encode(body, self._sequence))
        return self._sequence

    def read(self) -> Pdu | None:
        """The next unit; None at the end."""
        while not self._whole:
            try:
                octets = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not octets:
                return None
            self._whole += [pdu.decode(raw) for raw in self._frames.feed(octets)]
        return self._whole.pop(0)

    def ask(self, body: Body) -> Pdu:
        """The answer to ``body``."""
        return self.answer_to(self.send(body))

    def answer_to(self, sequence: int) -> Pdu:
        while unit := self.read():
            if pdu.id_of(unit.body) & pdu.RESPONSE:
                if unit.sequence == sequence:
                    return unit
            else:
                self._take(unit)
        raise EOFError

    def wait_for(self, count: int) -> list[Pdu]:
        """The first ``count`` that came of themselves."""
        while len(self.given) < count:
            unit = self.read()
            assert unit is not None, "the front closed the connection"
            self._take(unit)
        return self.given

    def _take(self, unit: Pdu) -> None:
        if isinstance(unit.body, EnquireLink):
            return self.socket.sendall(pdu.encode(EnquireLinkResp(), unit.sequence))
        self.given.append(unit)
        answer = pdu.response_to(pdu.id_of(unit.body))
        if self.answers_deliveries is not None and answer is not None:
            self.socket.sendall(pdu.encode(answer, unit.sequence, self.answers_deliveries))

    def bind(self, password: str, system_id: str = "shop", kind=BindTransceiver) -> Esme:
        answer = self.ask(kind(system_id=system_id, password=password))
        assert answer.status == 0, hex(answer.status)
        return self

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Esme:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def submit(text: bytes = b"hello", **fields) -> SubmitSm:
    values = {"source_ton": 1, "source_npi": 1, "source": "447700900001", "destination_ton": 1, "destination_npi": 1}
    return SubmitSm(**(values | {"destination": "447700900501", "short_message": text} | fields))
