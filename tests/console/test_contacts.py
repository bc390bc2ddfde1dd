"""Contacts in the console: lists, import with progress and rejects, search, deleting without lifting an opt-out."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from people import ANNA, BEN, signed_in
from reading import said
from working import CSV, upload, work_all

from heed.console import ids
from heed.core import consent, contacts, gate, uploads
from heed.core.consent import Cause
from heed.core.models import Contact, ContactList, Source, StoredFile


@pytest.fixture
def friends(world):
    made = contacts.create_list(world.account, "Friends", actor="test")
    for number, name in ((ANNA, "Anna"), (BEN, "Ben")):
        contacts.save(world.account, f"+{number}", {"First name": name}, made, actor="test")
    return made


def address(of, *rest):
    return "/".join(["/contacts/lists", ids.public(ids.LIST, of.id), *rest, ""])


def uploaded(client, of, data=CSV, name="people.csv"):
    return client.post(address(of, "import"), {"file": SimpleUploadedFile(name, data.encode())})


def test_from_a_file_to_a_list(world, owner):
    assert "No contacts yet" in said(owner.get("/contacts/"))
    there = owner.post("/contacts/lists/", {"name": "Customers"})["Location"]
    made = ContactList.objects.get()
    assert there == address(made)
    assert "Nobody stands in this list yet" in said(owner.get(there))
    columns = uploaded(owner, made)["Location"]
    assert "About 7 rows" in said(owner.get(columns))
    owner.post(columns, {"phone": "0", "country": "GB", "header": "1", "field_1": "First Name"})
    assert "Importing people.csv" in said(owner.get(there))
    asking = {"HX-Request": "true"}
    assert "<h1" not in owner.get(there, headers=asking).content.decode()
    work_all()
    assert owner.get(there, headers=asking)["HX-Refresh"] == "true"
    words = said(owner.get(there))
    for figure in ("Customers 4", "New in this list 4", "In it already 1", "Invalid 1", "firstname Dora"):
        assert figure in words
    rejects = b"".join(owner.get(address(made, "rejects")).streaming_content).decode()
    assert "nobody,X,This is not a phone number." in rejects


def test_search(world, owner, friends):
    assert "Anna" in said(owner.get("/contacts/", {"q": "07700 900501"}))
    words = said(owner.get(address(friends), {"q": "ben"}))
    assert ("+44 7700 900502" in words, "+44 7700 900501" in words) == (True, False)
    assert "No contact fits" in said(owner.get("/contacts/", {"q": "Zed\0"}))


def test_deleting_lifts_no_opt_out(world, owner, friends):
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    page = owner.post("/contacts/remove/", {"contact": [str(ANNA)], "do": "delete"}, follow=True)
    assert "1 contact is deleted. Whoever opted out stays opted out." in said(page)
    assert list(Contact.objects.values_list("recipient", flat=True)) == [BEN]
    assert ANNA in gate.may_send(world.account.id, world.number.id, [ANNA])
    asked = {"contact": [str(BEN)], "do": "take_off", "list": ids.public(ids.LIST, friends.id)}
    assert "1 contact is off this list." in said(owner.post("/contacts/remove/", asked, follow=True))
    assert Contact.objects.get().recipient == BEN
    owner.post(address(friends, "change"), {"do": "delete"})
    assert (ContactList.objects.exists(), Contact.objects.exists()) == (False, True)


@pytest.mark.parametrize("chosen", [[], ["x"], ["9" * 5000]])
def test_nobody_selected(world, owner, friends, chosen):
    page = owner.post("/contacts/remove/", {"contact": chosen, "do": "delete"}, follow=True)
    assert "Select contacts first." in said(page)
    assert Contact.objects.count() == 2


def test_names_of_lists(world, owner, friends):
    for name, words in (("", "1 to 80 characters"), ("Friends", "There is a list with this name.")):
        page = owner.post("/contacts/lists/", {"name": name})
        assert (page.status_code, words in said(page)) == (422, True)
    contacts.create_list(world.account, "Others", actor="test")
    page = owner.post(address(friends, "change"), {"name": "Others"})
    assert (page.status_code, "There is a list with this name." in said(page)) == (422, True)
    owner.post(address(friends, "change"), {"name": "Old friends"})
    assert "Old friends" in said(owner.get("/contacts/"))


def test_a_file_or_columns_that_can_t_be(world, owner, friends):
    page = owner.post(address(friends, "import"))
    assert (page.status_code, "Choose a file." in said(page)) == (422, True)
    there = uploaded(owner, friends)["Location"]
    page = owner.post(there, {"phone": "9", "country": "GB"})
    assert (page.status_code, "Say which column holds the phone numbers." in said(page)) == (422, True)
    assert contacts.latest_import(world.account, friends) is None


def test_viewers_read_and_change_nothing(world, friends):
    viewer = signed_in(world.viewer)
    words = said(viewer.get(address(friends)))
    assert ("Anna" in words, "Delete" in words, "Import people" in words) == (True, False, False)
    refused = [
        viewer.post("/contacts/lists/", {"name": "X"}),
        viewer.post(address(friends, "change"), {"do": "delete"}),
        viewer.post("/contacts/remove/", {"contact": [str(ANNA)]}),
        uploaded(viewer, friends),
    ]
    assert {page.status_code for page in refused} == {403}
    assert (Contact.objects.count(), ContactList.objects.count(), StoredFile.objects.count()) == (2, 1, 0)


def test_a_marketer_keeps_lists(world, friends):
    teammate = signed_in(world.teammate)
    assert uploaded(teammate, friends).status_code == 302
    assert teammate.post("/contacts/lists/", {"name": "Mine"}).status_code == 302


def test_a_stranger_meets_nothing_of_it(world, friends):
    file = upload(world.account)
    contacts.import_upload(world.account, friends, file, uploads.mapping_of(file), actor="test")
    work_all()
    stranger = signed_in(world.stranger)
    file_id = ids.public(ids.FILE, file.id)
    pages = [stranger.get(address(friends)), stranger.get(address(friends, "rejects")), uploaded(stranger, friends)]
    pages += [
        stranger.post(address(friends, "change"), {"do": "delete"}),
        stranger.get(address(friends, "import", file_id)),
    ]
    theirs = contacts.create_list(world.other, "Theirs", actor="test")
    pages += [stranger.get(address(theirs, "import", file_id))]
    pages += [stranger.post("/contacts/remove/", {"contact": [str(ANNA)], "list": ids.public(ids.LIST, friends.id)})]
    assert {page.status_code for page in pages} == {404}
    stranger.post("/contacts/remove/", {"contact": [str(ANNA)], "do": "delete"})
    assert "Friends" not in said(stranger.get("/contacts/"))
    assert Contact.objects.filter(account=world.account, recipient=ANNA).exists()


def test_others_sign_in_first_and_looking_changes_nothing(world, owner, client, friends):
    for there in ("/contacts/", address(friends)):
        assert client.get(there)["Location"] == f"/sign-in/?next={there}"
    for there in ("/contacts/remove/", "/contacts/lists/", address(friends, "change"), address(friends, "import")):
        assert owner.get(there).status_code == 405


def test_lists_are_paged_and_bounded(world, owner, friends, django_assert_max_num_queries):
    file = upload(world.account, "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 620)))
    contacts.import_upload(world.account, friends, file, uploads.mapping_of(file), actor="test")
    work_all()
    with django_assert_max_num_queries(14):
        page = owner.get(address(friends))
    older = page.content.decode().split('href="?before=')[1].split('"')[0]
    assert said(owner.get(address(friends), {"before": older})) != said(page)
    assert owner.get("/contacts/", {"before": "nonsense"}).status_code == 404
