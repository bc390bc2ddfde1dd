"""Contacts: lists, import in the background, search; and that deleting one keeps the opt-out."""

from __future__ import annotations

import pytest
from people import ANNA, BEN, CLEO

from heed.core import consent, contacts, files, gate, jobs, leases, people, uploads
from heed.core.consent import Cause
from heed.core.models import Audit, Contact, ContactList, Job, ListMember, Source
from heed.workers.jobs import run_one

CSV = (
    "phone,First name,city\n"
    "07700900501,Anna,York\n"
    "+44 7700 900502,Ben,\n"
    "nobody,X,\n"
    "447700900501,Annie,\n"
    '07700900503,"=Cleo",Bath\n'
)


def upload(account, text=CSV):
    return uploads.store(account, "people.csv", [text.encode()], actor="test")


def begin(world, file=None):
    to = ContactList.objects.filter(account=world.account).first() or contacts.create_list(
        world.account, "Friends", actor="test"
    )
    file = file or upload(world.account)
    return to, contacts.import_upload(world.account, to, file, uploads.mapping_of(file), actor="test")


def work(token=None, keep_on=lambda: True):
    job = jobs.take(token or leases.take("test"))
    if job:
        run_one(job, keep_on)
        job.refresh_from_db()
    return job


def test_a_file_becomes_contacts_of_a_list(world):
    to, _ = begin(world)
    job = work()
    assert (job.state, job.counts) == ("done", {"added": 3, "already": 1, "rows": 5, "invalid": 1})
    assert job.percent == 100
    anna = contacts.find(world.account, ANNA)
    assert anna.fields == {"firstname": "Annie", "city": "York"}  # an empty cell leaves what was there
    assert contacts.size(to) == 3
    assert b"".join(files.chunks(job.rejects)).decode().splitlines() == [
        "phone,First name,city,reason",
        "nobody,X,,This is not a phone number.",
    ]
    assert not Contact.objects.filter(account=world.other).exists()


def test_another_import_adds_what_is_new_alone(world):
    begin(world)
    work()
    begin(world, upload(world.account, "phone,city\n07700900502,Leeds\n07700900504,\n"))
    assert work().counts == {"added": 1, "already": 1, "rows": 2, "invalid": 0}
    assert contacts.find(world.account, BEN).fields == {"firstname": "Ben", "city": "Leeds"}


@pytest.mark.parametrize("stop_at", range(1, 12))
def test_a_killed_import_goes_on_where_it_ended(world, monkeypatch, stop_at):
    """Killed at any step, without a word, and taken over by another worker."""
    monkeypatch.setattr(people, "WINDOW", 2)
    monkeypatch.setattr(contacts, "CHUNK", 1)
    to, job = begin(world)
    moves = 0
    step = jobs.step

    def killed(*arguments):
        nonlocal moves
        moves += 1
        if moves == stop_at:
            raise KeyboardInterrupt
        step(*arguments)

    monkeypatch.setattr(jobs, "step", killed)
    first = leases.take("first")
    try:
        work(first)
    except KeyboardInterrupt:
        assert jobs.take(leases.take("second")) is None  # the first one's lease runs
        leases.end(first)
    monkeypatch.setattr(jobs, "step", step)
    work()
    job.refresh_from_db()
    assert (job.state, job.counts) == ("done", {"added": 3, "already": 1, "rows": 5, "invalid": 1})
    assert b"".join(files.chunks(job.rejects)).count(b"\n") == 2
    assert contacts.size(to) == 3


def test_a_worker_that_was_taken_for_dead_commits_nothing_more(world):
    _, job = begin(world)
    late = jobs.take(leases.take("late"))
    leases.end(late.claim)
    assert work().state == "done"
    late.state = "running"
    with pytest.raises(jobs.Lost):
        contacts.run_import(late, lambda: True)
    job.refresh_from_db()
    assert job.counts["added"] == 3


def test_a_stopping_worker_puts_the_job_down(world):
    begin(world)
    job = work(keep_on=lambda: False)
    assert (job.state, job.claim, job.done) == ("running", 0, 0)
    assert work().state == "done"


def test_what_cannot_go_on_says_why(world):
    to, _ = begin(world)
    ContactList.objects.filter(id=to.id).delete()
    assert work().problem == "The list is gone."
    assert not Contact.objects.exists()  # the chunk went with it


def test_deleting_keeps_the_opt_out(world):
    begin(world)
    work()
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.CONSOLE, "test"))
    assert contacts.delete(world.account, [ANNA, 447700900599], actor="test") == 1
    assert contacts.find(world.account, ANNA) is None
    assert ANNA in gate.may_send(world.account.id, world.number.id, [ANNA])
    assert Audit.objects.filter(action="contact.delete", subject="+447700900501").count() == 1


def test_a_list_is_deleted_and_its_contacts_stay(world):
    to, _ = begin(world)
    work()
    begin(world)
    contacts.delete_list(world.account, to.id, actor="test")
    assert not ListMember.objects.exists()
    assert Contact.objects.count() == 3
    assert Job.objects.order_by("-id").first().state == "cancelled"
    assert work() is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [CLEO, BEN, ANNA]),
        ("07700 900501", [ANNA]),
        ("+447700900502", [BEN]),
        ("ANN", [ANNA]),
        ("york annie", [ANNA]),
        ("york ben", []),
        ("%", []),
        ("\0", []),
    ],
)
def test_search_by_number_and_by_words(world, query, found):
    to, _ = begin(world)
    work()
    assert [one.recipient for one in contacts.search(world.account, query)] == found
    assert [one.recipient for one in contacts.search(world.account, query, to)] == found
    assert contacts.search(world.other, query) == []


def test_a_page_ends_where_the_next_begins(world):
    begin(world)
    work()
    first = contacts.search(world.account, limit=2)
    assert [one.recipient for one in contacts.search(world.account, before=first[-1].id)] == [ANNA]


def test_by_hand(world):
    to = contacts.create_list(world.account, "  VIP  ", actor="test")
    one = contacts.save(world.account, "07700 900501", {"First Name": " Anna\0 ", "x": ""}, to, actor="test")
    assert (one.recipient, one.fields) == (ANNA, {"firstname": "Anna\u2400"})
    assert contacts.save(world.account, "+447700900501", {"city": "York"}, to, actor="test").id == one.id
    assert contacts.find(world.account, ANNA).fields == {"city": "York"}
    assert contacts.take_off(world.account, to, [ANNA]) == 1
    assert contacts.find(world.account, ANNA)


@pytest.mark.parametrize("name", ["", "x" * 81, "Friends"])
def test_a_list_needs_a_name_of_its_own(world, name):
    contacts.create_list(world.account, "Friends", actor="test")
    contacts.create_list(world.other, "Friends", actor="test")
    with pytest.raises(contacts.Refused):
        contacts.create_list(world.account, name, actor="test")


def test_a_stranger_reaches_nothing(world):
    to, job = begin(world)
    work()
    assert contacts.find_list(world.other, to.id) is None
    assert contacts.find(world.other, ANNA) is None
    assert contacts.latest_import(world.other, to) is None
    assert jobs.find(world.other, job.id) is None
    assert contacts.delete(world.other, [ANNA], actor="x") == 0
    assert contacts.take_off(world.other, to, [ANNA]) == 0
    contacts.delete_list(world.other, to.id, actor="x")
    contacts.rename_list(world.other, to.id, "Mine", actor="x")
    assert contacts.find_list(world.account, to.id).name == "Friends"
    assert contacts.size(to) == 3
