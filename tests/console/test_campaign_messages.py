"""A campaign's own messages: by state, page by page, as a file, and for nobody of another account."""

from __future__ import annotations

import pytest
from people import BEN, signed_in
from reading import said
from working import ready, work_all

from heed.console import ids
from heed.core import consent, running
from heed.core.consent import Cause
from heed.core.feeding import Feeder
from heed.core.models import Job, Source

MANY = "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 560))


@pytest.fixture
def there(world):
    campaign = ready(world, MANY, text="Sale. Reply STOP to leave")
    consent.opt_out(world.account.id, 0, BEN, Cause(Source.WEB_FORM))
    running.start(world.account, campaign.id, actor="anna")
    feeder = Feeder()
    while feeder.feed():
        continue
    return f"/campaigns/{ids.public(ids.CAMPAIGN, campaign.id)}/messages/"


def test_its_messages_by_page_and_state(owner, there, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        page = owner.get(there)
    assert len(page.context["lines"]) == 50
    later = owner.get(f"{there}?{page.context['next']}")
    assert len(later.context["lines"]) == 10
    stopped = owner.get(there, {"state": "suppressed"})
    assert [line.message.recipient for line in stopped.context["lines"]] == [BEN]
    assert "Not sent: opted out of the account" in said(stopped)
    assert "No message fits" in said(owner.get(there, {"state": "failed"}))
    for wrong in ({"state": "nonsense"}, {"after": "nonsense"}):
        assert owner.get(there, wrong).status_code == 404


def test_viewers_export_them(world, there):
    viewer = signed_in(world.viewer)
    job = viewer.post(there + "export/", {"format": "csv"})["Location"]
    work_all()
    saved = b"".join(viewer.get(job + "file/").streaming_content).decode()
    assert saved.count("\n") == 61
    assert viewer.post(there + "export/", {"format": "exe"})["Location"] == there
    assert viewer.get(there + "export/").status_code == 405


def test_a_stranger_meets_nothing_of_it(world, there):
    stranger = signed_in(world.stranger)
    assert stranger.get(there).status_code == 404
    assert stranger.post(there + "export/", {"format": "csv"}).status_code == 404
    assert not Job.objects.filter(kind="export.campaign").exists()
