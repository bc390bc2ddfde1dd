"""Imports and exports in the console: opt-outs in and out as files, with progress, rejects, and nothing for strangers."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from people import ANNA, BEN, CLEO, signed_in
from reading import said
from working import work_all

from heed.console import ids
from heed.core import consent, opt_out_files
from heed.core.consent import Cause
from heed.core.models import Consent, Job, Source, StoredFile
from heed.rules.consent import ALL_SENDERS

FILE = "Mobile;Note\n07700900501;by letter\n07700900502;\nnobody;x\n"
ASKING = {"HX-Request": "true"}


def uploaded(client, data=FILE, name="left.csv"):
    return client.post("/opt-outs/import/", {"file": SimpleUploadedFile(name, data.encode())})


def started(client, there, **changes):
    return client.post(there, {"phone": "0", "country": "GB", "header": "1", "scope": "account"} | changes)


def saved(page):
    return b"".join(page.streaming_content).decode()


def test_from_a_file_to_opt_outs(world, owner):
    assert "phone_number" in said(owner.get("/opt-outs/import/"))
    columns = uploaded(owner)["Location"]
    words = said(owner.get(columns))
    for told in ("About 4 rows", "Read besides the number: Note.", "07700900501"):
        assert told in words
    there = started(owner, columns)["Location"]
    assert "Waiting" in said(owner.get(there))
    assert "<h1" not in owner.get(there, headers=ASKING).content.decode()
    work_all()
    assert owner.get(there, headers=ASKING)["HX-Refresh"] == "true"
    words = said(owner.get(there))
    for figure in ("Done", "Opted out now 2", "Opted out before 0", "Texted START since 0", "Invalid 1"):
        assert figure in words
    assert "nobody,x,This is not a phone number." in saved(owner.get(there + "rejects/"))
    assert Consent.objects.filter(account_id=world.account.id, state="out").count() == 2
    words = said(owner.get("/jobs/"))
    assert "Import of opt-outs Done left.csv Rejects" in words
    assert "Rows of “left.csv” that could not be used: 1 See which" in said(owner.get("/"))


def test_the_list_goes_out_as_it_is_filtered(world, owner):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.IMPORT))
    consent.opt_out(world.account.id, ALL_SENDERS, BEN, Cause(Source.WEB_FORM))
    for asked, people in (({}, [ANNA, BEN]), ({"source": "import"}, [ANNA])):
        there = owner.post("/opt-outs/export/", {"format": "csv", **asked})["Location"]
        assert "rows so far" in said(owner.get(there))
        work_all()
        page = owner.get(there)
        assert f"{len(people)} row" in said(page)
        done = owner.get(there + "file/")
        assert done["Content-Disposition"].startswith('attachment; filename="opt-outs-acme-')
        rows = list(csv.DictReader(io.StringIO(saved(done))))
        assert [int(row["phone_number"]) for row in rows] == people
    sheet = owner.post("/opt-outs/export/", {"format": "xlsx"})["Location"]
    work_all()
    assert "spreadsheetml" in owner.get(sheet + "file/")["Content-Type"]


@pytest.mark.parametrize("asked", [{}, {"format": "exe"}, {"format": "csv", "number": "x"}])
def test_an_export_that_can_t_be(owner, asked):
    assert owner.post("/opt-outs/export/", asked)["Location"] == "/opt-outs/"
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": "7"}, "Say which column holds the phone numbers."),
        ({"phone": ""}, "Say which column holds the phone numbers."),
        ({"country": "XX"}, "Give the country as two letters"),
        ({"scope": "NOWHERE\0"}, "The account has no sender"),
    ],
)
def test_columns_that_can_t_be(world, owner, changes, words):
    page = started(owner, uploaded(owner)["Location"], **changes)
    assert (page.status_code, words in said(page)) == (422, True)
    assert not Job.objects.exists()


def test_a_file_that_is_none(owner):
    page = owner.post("/opt-outs/import/")
    assert (page.status_code, "Choose a file." in said(page)) == (422, True)
    assert uploaded(owner, "").status_code == 422


def test_a_cancelled_one_says_so(world, owner):
    there = owner.post("/opt-outs/export/", {"format": "csv"})["Location"]
    assert "It is cancelled. What it had done stays." in said(owner.post(there + "cancel/", {"sure": "1"}, follow=True))
    assert "It had ended already." in said(owner.post(there + "cancel/", {"sure": "1"}, follow=True))
    assert owner.get(there + "file/").status_code == 404
    assert owner.get(there + "rejects/").status_code == 404


def test_one_that_failed_says_why(world, owner):
    there = started(owner, uploaded(owner)["Location"])["Location"]
    StoredFile.objects.all().delete()
    work_all()
    assert "The file that was uploaded is gone." in said(owner.get(there))
    assert "could not be finished: The file that was uploaded is gone." in said(owner.get("/"))


# Who may


def test_viewers_export_and_import_nothing(world):
    viewer = signed_in(world.viewer)
    consent.opt_out(world.account.id, ALL_SENDERS, CLEO, Cause(Source.WEB_FORM))
    there = viewer.post("/opt-outs/export/", {"format": "csv"})["Location"]
    assert viewer.post(there + "cancel/", {"sure": "1"}).status_code == 302
    assert viewer.get("/opt-outs/import/").status_code == 403
    assert uploaded(viewer).status_code == 403
    theirs = started(signed_in(world.teammate), uploaded(signed_in(world.teammate))["Location"])["Location"]
    assert viewer.get(theirs).status_code == 200
    assert viewer.post(theirs + "cancel/").status_code == 403


def test_a_stranger_meets_nothing_of_it(world, owner):
    columns = uploaded(owner)["Location"]
    there = started(owner, columns)["Location"]
    work_all()
    stranger = signed_in(world.stranger)
    pages = [stranger.get(there + rest) for rest in ("", "file/", "rejects/")]
    pages += [stranger.post(there + "cancel/"), stranger.get(columns), started(stranger, columns)]
    assert {page.status_code for page in pages} == {404}
    assert "left.csv" not in said(stranger.get("/jobs/"))


def test_others_sign_in_first_and_looking_changes_nothing(world, owner, client):
    assert client.get("/jobs/")["Location"] == "/sign-in/?next=/jobs/"
    assert client.get("/opt-outs/import/")["Location"] == "/sign-in/?next=/opt-outs/import/"
    assert owner.get("/opt-outs/export/").status_code == 405
    there = owner.post("/opt-outs/export/", {"format": "csv"})["Location"]
    assert owner.get(there + "cancel/").status_code == 405
    assert owner.get("/jobs/job_nonsense/").status_code == 404


def test_a_campaigns_own_work_is_not_listed(world, owner):
    job = Job.objects.create(account=world.account, kind="campaign.build", subject_id=1)
    assert owner.get(f"/jobs/{ids.public(ids.JOB, job.id)}/").status_code == 404
    assert "Nothing was imported or exported yet" in said(owner.get("/jobs/"))


def test_the_list_of_them_is_bounded(world, owner, django_assert_max_num_queries):
    for number in range(60):
        Job.objects.create(account=world.account, kind=opt_out_files.IMPORT, subject_id=number, state="done")
    with django_assert_max_num_queries(10):
        page = owner.get("/jobs/")
    assert len(page.context["lines"]) == 50
    assert len(owner.get(f"/jobs/?{page.context['older']}").context["lines"]) == 10
