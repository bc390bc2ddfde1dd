"""Stored files: bytes in, in chunks of 1 MB; bytes out, a chunk at a time. Memory is bounded by the chunk."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import BinaryIO

from django.db.models import Sum
from django.db.models.functions import Length

from heed.core import database, refused
from heed.core.models import Account, FileChunk, FilePurpose, StoredFile
from heed.rules.texts import line

CHUNK = 1 << 20
MOST_BYTES = 100 * 2**20
KEPT = timedelta(days=90)
INCOMPLETE_KEPT = timedelta(days=1)


class Refused(refused.Refused):
    """This file can't be stored."""


def store(account: Account, name: str, parts: Iterable[bytes], *, purpose: FilePurpose, actor: str) -> StoredFile:
    """A file of ``parts``, complete on return. A chunk a transaction; what is broken off is deleted. Raises Refused."""
    file = begin(account, name, purpose=purpose, actor=actor)
    try:
        for number, data in enumerate(_chunks_of(parts, MOST_BYTES if purpose is FilePurpose.UPLOAD else None)):
            put(file, number, data)
    except BaseException:
        delete(file)
        raise
    if not complete(file).size:
        delete(file)
        raise Refused("This file is empty.")
    return file


def begin(account: Account, name: str, *, purpose: FilePurpose, actor: str) -> StoredFile:
    name = line(name.replace("/", " ").replace("\\", " "))[-200:] or "file"
    return StoredFile.objects.create(account=account, purpose=purpose, name=name, actor=actor[:120])


def put(file: StoredFile, number: int, data: bytes) -> None:
    """Write chunk ``number``, over the same one of an earlier try."""
    database.insert(
        FileChunk._meta.db_table,
        ("file_id", "number", "data"),
        [(file.id, number, data)],
        "ON CONFLICT (file_id, number) DO UPDATE SET data = excluded.data",
    )


def complete(file: StoredFile) -> StoredFile:
    size = FileChunk.objects.filter(file=file).aggregate(size=Sum(Length("data")))["size"]
    file.size, file.completed_at = size or 0, database.now()
    file.save(update_fields=["size", "completed_at"])
    return file


def chunks(file: StoredFile) -> Iterator[bytes]:
    """The bytes of ``file``, a chunk at a time: what a download is answered with."""
    number = 0
    while (data := _chunk(file.id, number)) is not None:
        yield data
        number += 1


def opened(file: StoredFile) -> BinaryIO:
    """``file`` as a stream of bytes that can be read from any place; it holds one chunk."""
    return io.BufferedReader(_Reading(file), 1 << 16)


def find(account: Account, file_id: int, purpose: FilePurpose | None = None) -> StoredFile | None:
    """The complete file of this account, or None."""
    found = StoredFile.objects.filter(account=account, id=file_id).exclude(completed_at=None)
    return (found.filter(purpose=purpose) if purpose else found).first()


def delete(file: StoredFile) -> None:
    """Delete ``file``, a chunk a statement, so that nobody waits for a hundred megabytes."""
    for id_ in list(FileChunk.objects.filter(file=file).values_list("id", flat=True)):
        FileChunk.objects.filter(id=id_).delete()
    StoredFile.objects.filter(id=file.id).delete()


def forget_old() -> int:
    """Delete one file that was never completed or is old; whether there was one."""
    now = database.now()
    old = StoredFile.objects.filter(created_at__lt=now - KEPT).order_by("created_at").first()
    old = old or StoredFile.objects.filter(completed_at=None, created_at__lt=now - INCOMPLETE_KEPT).first()
    if old is None:
        return 0
    delete(old)
    return 1


def _chunk(file_id: int, number: int) -> bytes | None:
    data = FileChunk.objects.filter(file_id=file_id, number=number).values_list("data", flat=True).first()
    return None if data is None else bytes(data)


def _chunks_of(parts: Iterable[bytes], most: int | None) -> Iterator[bytes]:
    buffer, total = bytearray(), 0
    for part in parts:
        total += len(part)
        if most is not None and total > most:
            raise Refused(f"A file has at most {most // 2**20} MB. Divide it into several.")
        buffer += part
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)


class _Reading(io.RawIOBase):
    """The chunks of a stored file of full chunks but the last, as ``store`` writes them."""

    def __init__(self, file: StoredFile) -> None:
        super().__init__()
        self.file, self.at = file, 0
        self._number, self._data = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.file.size}[whence]
        self.at = max(0, base + offset)
        return self.at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io really passes
        number, within = divmod(self.at, CHUNK)
        if number != self._number:
            self._number, self._data = number, _chunk(self.file.id, number) or b""
        found = self._data[within : within + len(buffer)]
        buffer[: len(found)] = found
        self.at += len(found)
        return len(found)
