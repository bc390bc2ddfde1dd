"""Files as rows: what goes in comes out, in bounded pieces, for its account alone."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from heed.core import files
from heed.core.files import CHUNK
from heed.core.models import FileChunk, FilePurpose, StoredFile


def store(account, parts):
    return files.store(account, "a.csv", parts, purpose=FilePurpose.UPLOAD, actor="test")


def test_what_goes_in_comes_out(world):
    data = os.urandom(2 * CHUNK + 12_345)
    file = store(world.account, [data[:100], data[100 : CHUNK + 7], data[CHUNK + 7 :]])
    assert (file.size, FileChunk.objects.filter(file=file).count()) == (len(data), 3)
    assert b"".join(files.chunks(file)) == data
    stream = files.opened(file)
    assert stream.read() == data
    stream.seek(CHUNK - 3)
    assert stream.read(10) == data[CHUNK - 3 : CHUNK + 7]


def test_a_chunk_written_again_replaces_itself(world):
    file = files.begin(world.account, "r.csv", purpose=FilePurpose.REJECTS, actor="test")
    for data in (b"once", b"again"):
        files.put(file, 0, data)
    assert b"".join(files.chunks(files.complete(file))) == b"again"


def test_what_is_too_large_or_empty_or_broken_off_leaves_nothing(world, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 2 * CHUNK)

    def broken():
        yield b"x" * CHUNK * 2
        raise OSError("the visitor has gone")

    for parts, error in ([b"x" * CHUNK] * 3, files.Refused), ([], files.Refused), (broken(), OSError):
        with pytest.raises(error):
            store(world.account, parts)
    assert not StoredFile.objects.exists()
    assert not FileChunk.objects.exists()


def test_a_stranger_finds_no_file(world):
    file = store(world.account, [b"x"])
    assert files.find(world.account, file.id) == file
    assert files.find(world.other, file.id) is None
    assert files.find(world.account, file.id, FilePurpose.EXPORT) is None


def test_a_name_is_no_path(world):
    assert store(world.account, [b"x"]).name == "a.csv"
    odd = files.begin(world.account, "../..\\etc/pass\0wd\n", purpose=FilePurpose.EXPORT, actor="test")
    assert odd.name == ".. .. etc pass\u2400wd"


def test_old_files_are_forgotten(world):
    old, half, new = (files.begin(world.account, name, purpose=FilePurpose.UPLOAD, actor="") for name in "abc")
    files.put(old, 0, b"x")
    files.complete(old)
    now = timezone.now()
    StoredFile.objects.filter(id=old.id).update(created_at=now - files.KEPT - timedelta(days=1))
    StoredFile.objects.filter(id=half.id).update(created_at=now - timedelta(days=2))
    assert [files.forget_old() for _ in range(3)] == [1, 1, 0]
    assert list(StoredFile.objects.all()) == [new]
