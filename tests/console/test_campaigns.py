"""Campaigns in the console: written, their people chosen, reviewed, started, held, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.utils.formats import date_format
from people import ANNA, BEN, CLEO, FIRST_NUMBER, signed_in
from reading import fields, said
from working import CSV, TEXT, ready, work_all

from heed.console import ids
from heed.core import accounts, audience, campaigns, consent, contacts, running
from heed.core.consent import Cause
from heed.core.feeding import Feeder
from heed.core.models import Audit, Campaign, Message, Source, StoredFile
from heed.rules import numbers
from heed.rules.timing import Window

TOMORROW = timezone.now() + timedelta(days=1)
FROM = numbers.show(FIRST_NUMBER)
TYPED = {"name": "Sale", "from": FROM, "text": TEXT, "starts": "now"}


def address(campaign, *rest):
    return "/".join(["/campaigns", ids.public(ids.CAMPAIGN, campaign.id), *rest, ""])


def again(campaign):
    return Campaign.objects.get(id=campaign.id)


def written(owner, **changes):
    """A draft, and where it leads to."""
    done = owner.post("/campaigns/new/", TYPED | {"do": "next"} | changes)
    assert done.status_code == 302, said(done)
    return Campaign.objects.latest("id"), done["Location"]


def uploaded(owner, campaign, data=CSV, name="people.csv"):
    file = SimpleUploadedFile(name, data.encode() if isinstance(data, str) else data)
    return owner.post(address(campaign, "recipients"), {"by": "file", "file": file})


def do(client, campaign, verb, **data):
    return client.post(address(campaign, "do", verb), data)


def leave(world, recipient, sender_id=0):
    consent.opt_out(world.account.id, sender_id, recipient, Cause(Source.WEB_FORM))


def test_a_text_without_a_way_out_starts_only_with_an_administrators_reason(world, owner):
    campaign = ready(world, "phone\n07700900501\n+33612345678\n+12025550123\n", text="Sale today!")
    assert audience.countries(campaign) == {"GB", "FR", "US"}
    words = said(owner.get(address(campaign)))
    assert "rules of France, United Kingdom demand a way out" in words
    marketer = signed_in(world.teammate)
    page = marketer.get(address(campaign))
    assert 'name="reason"' not in page.content.decode()
    for client, reason in ((marketer, "I want to"), (owner, ""), (owner, " ")):
        do(client, campaign, "start", expect="3", reason=reason)
        assert again(campaign).state == "ready"
    assert "must say how to opt out" in said(owner.get(address(campaign)))
    do(owner, campaign, "start", expect="3", reason="Members’ meeting")
    assert again(campaign).state == "running"
    [kept] = Audit.objects.filter(action="send.without_exit")
    assert (kept.subject, kept.detail) == ("Sale", {"reason": "Members’ meeting", "countries": ["FR", "GB"]})


@pytest.mark.parametrize("text", ["Hi ${name|there}. STOP ends this", "Sale! ${opt_out_link}"])
def test_a_way_out_may_stand_among_merge_fields(world, owner, text):
    campaign = ready(world, "phone,name\n07700900501,Anna\n", text=text)
    assert "demand a way out" not in said(owner.get(address(campaign)))
    do(owner, campaign, "start", expect="1")
    assert again(campaign).state == "running"


def test_only_those_who_are_sent_to_count(world, owner):
    leave(world, ANNA)
    campaign = ready(world, "phone\n07700900501\n+12025550123\n", text="Sale today!")
    do(owner, campaign, "start", expect="1")
    assert again(campaign).state == "running"


def test_from_a_csv_to_its_start(world, owner):
    assert "No campaigns yet" in said(owner.get("/campaigns/"))
    leave(world, ANNA)
    leave(world, BEN, world.number.id)
    campaign, there = written(owner)
    assert there == address(campaign, "recipients")
    there = uploaded(owner, campaign)["Location"]
    page = owner.get(there)
    assert "About 7 rows" in said(page)
    assert "No column is called" not in said(page)
    sent = owner.post(there, {"phone": "0", "country": "GB", "header": "1", "field_1": "First Name"})
    assert sent["Location"] == address(campaign)
    assert "Waiting for its turn" in said(owner.get(address(campaign)))
    work_all()
    words = said(owner.get(address(campaign)))
    for figure in (
        "To send 2", "Opted out of the account 1", "Opted out of this sender 1", "In review 0", "Duplicates 1", "Invalid 1",
        "Parts 2", "Of 6 rows.", "Send to 2 people", "Hi there, sale today.", "Hi Dora, sale today.",
    ):  # fmt: skip
        assert figure in words
    rejects = owner.get(address(campaign, "rejects"))
    assert b"".join(rejects.streaming_content).decode().splitlines() == [
        "Mobile,First Name,reason",
        "nobody,X,This is not a phone number.",
    ]
    assert do(owner, campaign, "start", expect="2")["Location"] == address(campaign)
    assert again(campaign).state == "running"
    assert "0 of 4 people done" in said(owner.get(address(campaign)))
    assert "Sale Sending 0 %" in said(owner.get("/campaigns/"))


# Who may


PAGES = ("", "edit", "recipients")


def test_viewers_read_and_do_nothing(world):
    campaign = ready(world)
    viewer = signed_in(world.viewer)
    words = said(viewer.get(address(campaign)))
    assert "To send 4" in words
    assert "Send to" not in words
    assert "Create SMS campaign" not in said(viewer.get("/campaigns/"))
    assert viewer.get(address(campaign, "rejects")).status_code == 200
    refused = [viewer.get(address(campaign, name)) for name in ("edit", "recipients")]
    refused += [
        viewer.post("/campaigns/new/", TYPED),
        viewer.post("/campaigns/count/", TYPED),
        viewer.get("/campaigns/new/"),
    ]
    refused += [do(viewer, campaign, verb, expect="4") for verb in ("start", "delete", "duplicate")]
    refused += [viewer.post(address(campaign, "test"), {"to": "07700900501"})]
    assert {page.status_code for page in refused} == {403}
    assert (again(campaign).state, Campaign.objects.count(), Message.objects.count()) == ("ready", 1, 0)


def test_a_marketer_runs_a_campaign(world):
    teammate = signed_in(world.teammate)
    campaign, _ = written(teammate)
    teammate.post(address(campaign, "recipients"), {"by": "numbers", "numbers": "07700900501"})
    work_all()
    do(teammate, campaign, "start", expect="1")
    assert again(campaign).state == "running"


def test_a_stranger_meets_nothing_of_it(world, owner):
    campaign = ready(world)
    draft, _ = written(owner)
    there = uploaded(owner, draft)["Location"]
    stranger = signed_in(world.stranger)
    pages = [stranger.get(address(campaign, *([name] if name else []))) for name in (*PAGES, "rejects")]
    pages += [
        stranger.post(address(campaign, name), TYPED | {"to": "07700900501"}) for name in ("edit", "recipients", "test")
    ]
    pages += [do(stranger, campaign, verb, expect="4") for verb in ("start", "delete", "duplicate", "pause", "cancel")]
    pages += [stranger.get(there), stranger.post(there, {"phone": "0", "country": "GB"})]
    assert {page.status_code for page in pages} == {404}
    assert "Sale" not in said(stranger.get("/campaigns/"))
    theirs = campaigns.create(world.other, campaigns.Plan("Theirs", world.other_number, "Hello"), actor="test")
    file = ids.public(ids.FILE, StoredFile.objects.filter(purpose="upload").latest("id").id)
    assert stranger.get(address(theirs, "recipients", file)).status_code == 404
    ours = contacts.create_list(world.account, "Ours", actor="test")
    chosen = {"by": "list", "list": ids.public(ids.LIST, ours.id)}
    assert stranger.post(address(theirs, "recipients"), chosen).status_code == 422
    assert again(theirs).state == "draft"
    assert "Pick a sender that is in use." in said(stranger.post("/campaigns/new/", TYPED | {"do": "next"}))
    assert (again(campaign).state, Campaign.objects.filter(account=world.account).count()) == ("ready", 2)


def test_others_sign_in_first(world, client):
    campaign = ready(world)
    for there in ("/campaigns/", "/campaigns/new/", address(campaign)):
        assert client.get(there)["Location"] == f"/sign-in/?next={there}"
    assert do(client, campaign, "start", expect="4").status_code == 401
    assert again(campaign).state == "ready"


def test_looking_changes_nothing(world, owner):
    campaign = ready(world)
    for verb in ("start", "cancel", "delete", "duplicate"):
        assert owner.get(address(campaign, "do", verb)).status_code == 405
    assert owner.get(address(campaign, "test")).status_code == 405
    assert owner.get("/campaigns/count/").status_code == 405
    assert again(campaign).state == "ready"


# Writing


def test_a_draft_is_kept_without_text_and_sender(world, owner):
    done = owner.post("/campaigns/new/", {"name": "Later", "do": "save"})
    campaign = Campaign.objects.get()
    assert done["Location"] == address(campaign)
    assert "It still needs a sender and a message." in said(owner.get(address(campaign)))
    assert owner.get(address(campaign, "recipients"))["Location"] == address(campaign, "edit")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "A campaign's name has 1 to 80 characters."),
        ({"name": "x" * 81}, "A campaign's name has 1 to 80 characters."),
        ({"from": ""}, "Pick a sender."),
        ({"from": "+447700900099"}, "Pick a sender that is in use."),
        ({"text": "  "}, "Write a message."),
        ({"text": "x" * 1600}, "parts"),
        ({"starts": "at", "start_at": ""}, "Say when it starts."),
        ({"starts": "at", "start_at": "tomorrow"}, "Give a day and a time"),
        ({"starts": "at", "start_at": "2026-13-45T09:00"}, "Give a day and a time"),
        ({"starts": "at", "start_at": "2001-01-01T09:00"}, "This moment has passed."),
        ({"valid_until": "31/12/2099"}, "Give a day and a time"),
        ({"valid_until": "2001-01-01T09:00"}, "The campaign must be valid until after it starts."),
        ({"window": "1", "opens": "9", "closes": "9"}, "A window that closes when it opens is never open."),
        ({"window": "1", "opens": "99", "closes": "9"}, "A window is from"),
        ({"window": "1", "opens": "x", "closes": "9"}, "Pick two hours."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(world, owner, changes, words):
    page = owner.post("/campaigns/new/", TYPED | {"do": "next", "text": "Hello \0 ${x}"} | changes)
    assert page.status_code == 422
    assert words in said(page)
    assert 'aria-invalid="true"' in page.content.decode()
    if "text" not in changes:
        assert fields(page)["text"] == "Hello ␀ ${x}"
    assert not Campaign.objects.exists()


def test_times_are_the_account_s(world, owner):
    type(world.account).objects.filter(id=world.account.id).update(time_zone="America/New_York")
    campaign, _ = written(owner, starts="at", start_at="2099-07-01T09:30", window="1", opens="8", closes="21")
    assert campaign.start_at.isoformat() == "2099-07-01T13:30:00+00:00"
    assert campaigns.window_of(campaign) == Window(8, 21)
    page = owner.get(address(campaign, "edit")).content.decode()
    assert 'value="2099-07-01T09:30"' in page
    assert "America/New_York" in page
    owner.post(address(campaign, "edit"), TYPED | {"do": "save", "starts": "at", "start_at": "2099-07-01T09:30"})
    assert (again(campaign).start_at, again(campaign).opens) == (campaign.start_at, None)


def test_saving_what_is_unchanged_writes_nothing(world, owner):
    campaign = ready(world)
    done = owner.post(address(campaign, "edit"), TYPED | {"do": "next"})
    assert done["Location"] == address(campaign)
    assert again(campaign).state == "ready"
    owner.post(address(campaign, "edit"), TYPED | {"do": "next", "text": "Other text"})
    assert again(campaign).state == "building"


def test_the_message_box_offers_a_personal_link_and_counts_what_arrives(world, owner):
    part = owner.post("/campaigns/count/", {"from": FROM, "text": "Hi ${firstname|there} ${opt_out_link}"})
    words = said(part)
    assert "By personal link To opt out: ${opt_out_link}" in words
    assert f"Hi there {accounts.opt_out_link(world.account)}/" in words
    assert "nowhere how to opt out" not in words
    assert "nowhere how to opt out" in said(owner.post("/campaigns/count/", {"from": FROM, "text": "Hi"}))
    assert "By reply" not in said(owner.post("/campaigns/count/", {"from": "ACME", "text": "Hi"}))
    page = owner.post("/campaigns/new/", TYPED | {"text": "Hi", "line": "To opt out: ${opt_out_link}"})
    assert fields(page)["text"] == "Hi\nTo opt out: ${opt_out_link}"


# Choosing


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"by": "numbers", "numbers": " ,; "}, "Give at least one phone number."),
        ({"by": "list", "list": ""}, "Pick a list."),
        ({"by": "file"}, "Choose a file."),
        ({"by": "again"}, "Choose the recipients."),
        ({}, "Choose the recipients."),
    ],
)
def test_nobody_chosen(world, owner, chosen, words):
    contacts.create_list(world.account, "Friends", actor="test")
    campaign, there = written(owner)
    page = owner.post(there, chosen)
    assert (page.status_code, again(campaign).state) == (422, "draft")
    assert words in said(page)


@pytest.mark.parametrize("data", [b"\n\n", b"PK\x03\x04 no spreadsheet"])
def test_a_file_that_is_no_table_is_refused(world, owner, data):
    campaign, _ = written(owner)
    page = uploaded(owner, campaign, data, "people.xlsx")
    assert page.status_code == 422
    assert 'id="file-error"' in page.content.decode()
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": ""}, "Say which column holds the phone numbers."),
        ({"phone": "77"}, "Say which column holds the phone numbers."),
        ({"country": "Britain"}, "Give the country as two letters"),
        ({"field_1": "First", "field_2": "first"}, "fill the same merge field"),
    ],
)
def test_columns_that_can_t_be(world, owner, changes, words):
    campaign, _ = written(owner)
    there = uploaded(owner, campaign, "a,b,c\n07700900501,Anna,Berg\n")["Location"]
    page = owner.post(there, {"phone": "0", "country": "GB", "header": "1"} | changes)
    assert page.status_code == 422
    assert words in said(page)
    assert again(campaign).state == "draft"


def test_a_field_that_no_column_fills_is_said_before_it_counts(world, owner):
    campaign, _ = written(owner, text="Hi ${firstname}, ${town|here}. ${opt_out_link}")
    words = said(owner.get(uploaded(owner, campaign, "phone,name\n07700900501,Anna\n")["Location"]))
    assert "No column is called “firstname”" in words
    assert "nobody can be sent to" in words
    assert "everybody gets what stands there otherwise" in words
    assert "“opt_out_link”" not in words


def test_a_list(world, owner):
    friends = contacts.create_list(world.account, "Friends", actor="test")
    contacts.save(world.account, "07700900501", {"First Name": "Anna"}, friends, actor="test")
    campaign, there = written(owner)
    owner.post(there, {"by": "list", "list": ids.public(ids.LIST, friends.id)})
    work_all()
    assert "Send to 1 person" in said(owner.get(address(campaign)))
    assert "Chosen so far: the list Friends" in said(owner.get(there))


# Reviewing and running


def test_who_has_no_value_is_named_with_the_way_out(world, owner):
    campaign = ready(world, text="Hi ${firstname}. STOP to leave")
    words = said(owner.get(address(campaign)))
    assert "Without a value 1" in words
    assert "Give the field a default" in words


def test_a_count_that_changed_starts_nothing(world, owner):
    campaign = ready(world)
    for expect in ("3", "", "9" * 5000, "x"):
        page = owner.post(address(campaign, "do", "start"), {"expect": expect}, follow=True)
        assert "The number of people has changed." in said(page)
    assert again(campaign).state == "ready"


def test_a_test_goes_to_one_s_own_number(world, owner):
    campaign = ready(world)
    page = owner.post(address(campaign, "test"), {"to": "07700 900777"}, follow=True)
    assert "A test is on its way to +44 7700 900777." in said(page)
    assert Message.objects.get().text == "Hi Anna, sale today. Reply STOP to leave."
    assert "not a phone number" in said(owner.post(address(campaign, "test"), {"to": "me"}, follow=True))
    leave(world, CLEO)
    assert "has opted out" in said(owner.post(address(campaign, "test"), {"to": str(CLEO)}, follow=True))


def test_pause_resume_cancel_and_duplicate(world, owner):
    campaign = ready(world)
    do(owner, campaign, "start", expect="4")
    assert Feeder().feed() == 4
    do(owner, campaign, "pause")
    words = said(owner.get(address(campaign)))
    assert "Nothing more leaves until you resume it." in words
    assert "It paused itself" not in words
    do(owner, campaign, "resume")
    assert again(campaign).state == "running"
    words = said(do(owner, campaign, "cancel"))
    assert "Cancel “Sale”?" in words
    assert "4 people who have not been sent to yet are not sent to." in words
    assert again(campaign).state == "running"
    do(owner, campaign, "cancel", sure="1")
    assert "This can't be done" in said(owner.post(address(campaign, "do", "pause"), follow=True))
    words = said(owner.get(address(campaign)))
    assert "Cancelled 4" in words
    assert "Pause" not in words
    there = do(owner, campaign, "duplicate")["Location"]
    assert "Sale (copy)" in said(owner.get(there))
    copy = Campaign.objects.latest("id")
    owner.post(there, TYPED | {"name": "Again", "do": "next"})
    assert "Chosen so far: people.csv" in said(owner.get(address(copy, "recipients")))
    owner.post(address(copy, "recipients"), {"by": "again"})
    work_all()
    assert "Send to 4 people" in said(owner.get(address(copy)))


def test_it_says_why_it_paused_itself(world, owner):
    campaign = ready(world)
    do(owner, campaign, "start", expect="4")
    Campaign.objects.update(state="paused", problem="The carrier refused 60 of the last 100 messages: 30007.")
    assert "It paused itself. The carrier refused 60 of the last 100 messages: 30007." in said(
        owner.get(address(campaign))
    )


def test_a_scheduled_one_is_taken_back_and_deleted(world, owner):
    campaign = ready(world, start_at=TOMORROW)
    assert "Schedule for 4 people" in said(owner.get(address(campaign)))
    do(owner, campaign, "start", expect="4")
    assert f"It starts by itself at {date_format(timezone.localtime(TOMORROW), 'j M Y, H:i')}" in said(
        owner.get(address(campaign))
    )
    assert owner.get(address(campaign, "edit"))["Location"] == address(campaign)
    do(owner, campaign, "unschedule")
    assert again(campaign).state == "ready"
    assert "Delete “Sale”?" in said(do(owner, campaign, "delete"))
    assert do(owner, campaign, "delete", sure="1")["Location"] == "/campaigns/"
    assert not Campaign.objects.exists()


def test_a_running_one_is_not_changed_nor_deleted(world, owner):
    campaign = ready(world)
    do(owner, campaign, "start", expect="4")
    assert owner.post(address(campaign, "edit"), TYPED | {"text": "Other"})["Location"] == address(campaign)
    assert owner.post(address(campaign, "recipients"), {"by": "again"})["Location"] == address(campaign)
    do(owner, campaign, "delete", sure="1")
    assert again(campaign).text == TEXT
    assert do(owner, campaign, "explode").status_code == 404


def test_the_page_asks_again_while_it_moves(world, owner):
    campaign = ready(world)
    asking = {"HX-Request": "true"}
    do(owner, campaign, "start", expect="4")
    part = owner.get(address(campaign), {"seen": "running"}, headers=asking)
    assert "<h1" not in part.content.decode()
    assert "0 of 4 people done" in said(part)
    changed = owner.get(address(campaign), {"seen": "ready"}, headers=asking)
    assert changed["HX-Refresh"] == "true"
    running.cancel(world.account, campaign.id, actor="test")
    assert "hx-get" in owner.get(address(campaign)).content.decode()  # receipts come in after the end
    Campaign.objects.update(finished_at=timezone.now() - timedelta(hours=1))
    assert "hx-get" not in owner.get(address(campaign)).content.decode()


def test_the_list_is_paged_and_bounded(world, owner, django_assert_max_num_queries):
    for number in range(60):
        campaigns.create(world.account, campaigns.Plan(f"No {number}", world.number), actor="test")
    with django_assert_max_num_queries(12):
        page = owner.get("/campaigns/")
    assert ("No 59" in said(page), "No 9 " in said(page)) == (True, False)
    older = page.content.decode().split('href="?before=')[1].split('"')[0]
    assert "No 9 " in said(owner.get("/campaigns/", {"before": older}))
    assert owner.get("/campaigns/", {"before": "nonsense"}).status_code == 404


def test_a_page_asks_a_bounded_number_of_queries(world, owner, django_assert_max_num_queries):
    campaign = ready(world, "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 900)))
    with django_assert_max_num_queries(30):
        owner.get(address(campaign))
    do(owner, campaign, "start", expect="400")
    Feeder().feed()
    with django_assert_max_num_queries(15):
        owner.get(address(campaign))
