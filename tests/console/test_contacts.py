"""Contacts in the console: lists, import with progress and rejects, search, deleting without lifting an opt-out."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from people import ANNA, BEN, CLEO, signed_in
from reading import fields, said
from working import CSV, upload, work_all

from heed.console import ids
from heed.core import consent, contacts, gate, inbound, uploads
from heed.core.consent import Cause
from heed.core.models import Contact, ContactList, Source, StoredFile
from heed.rules.values import InboundText


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
    asked = {"contact": [str(ANNA)], "do": "delete"}
    page = owner.post("/contacts/remove/", asked)
    assert "Delete the contact +44 7700 900501?" in said(page)
    assert (fields(page)["contact"], Contact.objects.count()) == (str(ANNA), 2)
    page = owner.post("/contacts/remove/", asked | {"sure": "1"}, follow=True)
    assert "1 contact is deleted. Whoever opted out stays opted out." in said(page)
    assert list(Contact.objects.values_list("recipient", flat=True)) == [BEN]
    assert ANNA in gate.may_send(world.account.id, world.number.id, [ANNA])
    asked = {"contact": [str(BEN)], "do": "take_off", "list": ids.public(ids.LIST, friends.id)}
    assert "1 contact is off this list." in said(owner.post("/contacts/remove/", asked, follow=True))
    assert Contact.objects.get().recipient == BEN
    assert "Its contacts (0) stay" in said(owner.post(address(friends, "change"), {"do": "delete"}))
    owner.post(address(friends, "change"), {"do": "delete", "sure": "1"})
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
    stranger.post("/contacts/remove/", {"contact": [str(ANNA)], "do": "delete", "sure": "1"})
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


# By hand


def typed(**fields):
    return {"field": list(fields), "value": list(fields.values())}


def test_one_is_added_by_hand_to_a_list(world, owner, friends):
    form = owner.get("/contacts/add/", {"list": ids.public(ids.LIST, friends.id), "number": "07700 900503"})
    assert form.context["number"] == "07700 900503"
    asked = {"number": "07700 900503", "list": ids.public(ids.LIST, friends.id)}
    page = owner.post("/contacts/add/", asked | {"field": ["First name", ""], "value": ["Cleo", ""]}, follow=True)
    assert page.redirect_chain[-1][0] == f"/contacts/{CLEO}/"
    assert "The contact is added." in said(page)
    assert contacts.find(world.account, CLEO).fields == {"firstname": "Cleo"}
    assert "+44 7700 900503" in said(owner.get(address(friends)))


@pytest.mark.parametrize(
    ("number", "why"),
    [("nobody", "not a phone number"), ("", "No phone number"), ("+447700900501", "This number is a contact already.")],
)
def test_what_can_not_be_added_is_said_and_writes_over_nobody(world, owner, friends, number, why):
    page = owner.post("/contacts/add/", {"number": number} | typed(Name="Eve"))
    assert page.status_code == 422
    assert why in said(page)
    assert 'value="Eve"' in page.content.decode()
    assert contacts.find(world.account, ANNA).fields == {"firstname": "Anna"}
    assert Contact.objects.count() == 2


def test_a_contact_is_changed_put_into_lists_and_taken_off(world, owner, friends):
    here = f"/contacts/{ANNA}/"
    owner.post(f"{here}change/", typed(firstname="Ann", City="Leeds"))
    assert contacts.find(world.account, ANNA).fields == {"firstname": "Ann", "city": "Leeds"}
    vip = contacts.create_list(world.account, "VIP", actor="test")
    assert "is in “VIP” now" in said(owner.post(f"{here}lists/", {"add": ids.public(ids.LIST, vip.id)}, follow=True))
    assert [name for _, name in owner.get(here).context["lists"]] == ["Friends", "VIP"]
    owner.post(f"{here}lists/", {"take_off": ids.public(ids.LIST, friends.id)})
    assert [name for _, name in owner.get(here).context["lists"]] == ["VIP"]


def test_too_many_fields_are_refused_and_stay_typed(world, owner, friends, monkeypatch):
    monkeypatch.setattr(contacts, "MOST_FIELDS", 1)
    page = owner.post(f"/contacts/{ANNA}/change/", typed(A="1", B="2"))
    assert (page.status_code, "at most 1 fields" in said(page)) == (422, True)
    assert contacts.find(world.account, ANNA).fields == {"firstname": "Anna"}


def test_its_page_has_what_went_both_ways_and_the_consent(world, owner, friends, django_assert_max_num_queries):
    assert "May be written to" in said(owner.get(f"/contacts/{ANNA}/"))
    raw = InboundText("", f"+{ANNA}", world.number.address, "STOP")
    inbound.receive(world.link, [raw])
    with django_assert_max_num_queries(25):
        words = said(owner.get(f"/contacts/{ANNA}/"))
    assert "Opted out +447700900001 by texting STOP to +447700900001" in words
    assert "1 entry in their history" in words
    assert "They wrote: STOP" in words


def test_one_deleted_on_its_page_keeps_the_opt_out(world, owner, friends):
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    owner.post("/contacts/remove/", {"contact": str(ANNA), "do": "delete", "sure": "1"})
    assert owner.get(f"/contacts/{ANNA}/").status_code == 404
    owner.post("/contacts/add/", {"number": f"+{ANNA}"})
    assert ANNA in gate.may_send(world.account.id, world.number.id, [ANNA])
    assert "Opted out Account on the web form" in said(owner.get(f"/contacts/{ANNA}/"))


def test_who_may_touch_a_contact(world, friends):
    lists = contacts.create_list(world.other, "Theirs", actor="test")
    for path in (f"/contacts/{ANNA}/change/", f"/contacts/{ANNA}/lists/", "/contacts/add/"):
        assert signed_in(world.viewer).post(path, typed(A="1")).status_code == 403
    assert "Anna" in said(signed_in(world.viewer).get(f"/contacts/{ANNA}/"))
    stranger = signed_in(world.stranger)
    assert stranger.get(f"/contacts/{ANNA}/").status_code == 404
    assert stranger.post(f"/contacts/{ANNA}/change/", typed(A="1")).status_code == 404
    assert stranger.post("/contacts/add/", {"number": f"+{ANNA}"}).status_code == 302  # a contact of their own
    assert contacts.find(world.account, ANNA).fields == {"firstname": "Anna"}
    owner, theirs = signed_in(world.owner), ids.public(ids.LIST, lists.id)
    assert owner.post(f"/contacts/{ANNA}/lists/", {"add": theirs}).status_code == 404
