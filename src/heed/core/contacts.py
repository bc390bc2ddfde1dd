"""Contacts and their lists: by hand, by import, searched and deleted. Deleting one removes no opt-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from heed.core import audit, database, jobs, people, refused, uploads
from heed.core.models import Account, Contact, ContactList, Job, ListMember, StoredFile
from heed.core.pace import Pace
from heed.core.people import Named
from heed.rules import columns, numbers
from heed.rules.texts import clean, line

IMPORT = "contacts.import"
CHUNK = 1000
MOST_FIELDS, MOST_VALUE, MOST_WORDS = 100, 500, 1000
DELETED_AT_ONCE = 500


class Refused(refused.Refused):
    """This can't be done."""


# Lists


def create_list(account: Account, name: str, *, actor: str) -> ContactList:
    name = _name(name)
    try:
        with transaction.atomic():
            made = ContactList.objects.create(account=account, name=name)
            audit.note(account.id, actor, "list.create", name)
    except IntegrityError as error:
        raise Refused("There is a list with this name.", field="name") from error
    return made


def rename_list(account: Account, list_id: int, name: str, *, actor: str) -> None:
    name = _name(name)
    try:
        with transaction.atomic():
            if ContactList.objects.filter(account=account, id=list_id).update(name=name):
                audit.note(account.id, actor, "list.rename", name)
    except IntegrityError as error:
        raise Refused("There is a list with this name.", field="name") from error


def delete_list(account: Account, list_id: int, *, actor: str) -> None:
    """Delete the list; its contacts stay. Members go a chunk a transaction."""
    for gone in ContactList.objects.filter(account=account, id=list_id):
        jobs.cancel(account, IMPORT, gone.id)
        members = ListMember.objects.filter(contact_list=gone).order_by("contact_id")
        while ids := list(members.values_list("id", flat=True)[:DELETED_AT_ONCE]):
            ListMember.objects.filter(id__in=ids).delete()
        with transaction.atomic():
            gone.delete()
            audit.note(account.id, actor, "list.delete", gone.name)


def lists(account: Account) -> QuerySet[ContactList]:
    return ContactList.objects.filter(account=account).order_by("name")


def find_list(account: Account, list_id: int) -> ContactList | None:
    return lists(account).filter(id=list_id).first()


def size(contact_list: ContactList, most: int = 10_000) -> int:
    """How many stand in the list, counted to ``most`` + 1."""
    return ListMember.objects.filter(contact_list=contact_list)[: most + 1].count()


def _name(raw: str) -> str:
    name = line(raw)
    if not 1 <= len(name) <= 80:
        raise Refused("A list's name has 1 to 80 characters.", field="name")
    return name


# Contacts


def save(
    account: Account, raw: str, fields: Mapping[str, str], contact_list: ContactList | None = None, *, actor: str
) -> Contact:
    """Add a contact by hand, or give the one with this number these fields and no others. Raises Refused."""
    try:
        recipient = numbers.parse(raw, account.country)
    except numbers.BadNumber as error:
        raise Refused(str(error), field="number") from error
    kept = _fields(fields)
    with transaction.atomic():
        contact, is_new = Contact.objects.update_or_create(
            account=account,
            recipient=recipient,
            defaults={"fields": kept, "words": _words(kept), "updated_at": database.now()},
        )
        if contact_list is not None:
            ListMember.objects.get_or_create(contact_list=contact_list, contact=contact)
        audit.note(account.id, actor, "contact.add" if is_new else "contact.change", numbers.show(recipient))
    return contact


def delete(account: Account, recipients: Sequence[int], *, actor: str) -> int:
    """Delete these contacts; how many. Their opt-outs, messages and texts stay (invariant 5)."""
    with transaction.atomic():
        found = Contact.objects.filter(account=account, recipient__in=recipients)
        known = sorted(found.values_list("recipient", flat=True))
        for recipient in known:
            audit.note(account.id, actor, "contact.delete", numbers.show(recipient))
        found.delete()
    return len(known)


def put_on(account: Account, contact_list: ContactList, contact: Contact) -> None:
    """Put a contact into a list, once."""
    if (contact_list.account_id, contact.account_id) != (account.id, account.id):
        raise Refused("This is another account's.")
    ListMember.objects.get_or_create(contact_list=contact_list, contact=contact)


def take_off(account: Account, contact_list: ContactList, recipients: Sequence[int]) -> int:
    """Take these contacts off the list; how many stood in it."""
    members = ListMember.objects.filter(contact_list=contact_list, contact__account=account)
    return members.filter(contact__recipient__in=recipients).delete()[0]


def find(account: Account, recipient: int) -> Contact | None:
    return Contact.objects.filter(account=account, recipient=recipient).first()


def search(
    account: Account, query: str = "", contact_list: ContactList | None = None, *, before: int = 0, limit: int = 50
) -> list[Contact]:
    """Contacts, newest first, at most ``limit``, with ids below ``before``: by a number in any spelling, or by words."""
    found = Contact.objects.filter(account=account).order_by("-id")
    if contact_list is not None:
        found = found.filter(listmember__contact_list=contact_list)
    if before:
        found = found.filter(id__lt=before)
    if query := clean(query).strip():
        found = found.filter(_asked(query, account.country))
    return list(found[:limit])


def _asked(query: str, country: str) -> Q:
    try:
        return Q(recipient=numbers.parse_cell(query, country))
    except numbers.BadNumber:
        asked = Q()
        for word in query.casefold().split()[:5]:
            asked &= Q(words__contains=word)
        return asked


def _fields(given: Mapping[str, str]) -> dict[str, str]:
    kept = {columns.key(name): clean(value).strip()[:MOST_VALUE] for name, value in given.items()}
    if len(kept) > MOST_FIELDS:
        raise Refused(f"A contact has at most {MOST_FIELDS} fields.", field="fields")
    return {name: value for name, value in kept.items() if name and value}


def _words(fields: Mapping[str, str]) -> str:
    return " ".join(fields.values()).casefold()[:MOST_WORDS]


# Import


def import_upload(
    account: Account, contact_list: ContactList, file: StoredFile, mapping: uploads.Mapping, *, actor: str
) -> Job:
    """Begin to import an upload into the list, in the background. Raises uploads.Refused.

    A value that a row gives replaces what a contact had under that name; an empty one leaves it.
    """
    mapping = uploads.check(file, mapping)
    with transaction.atomic():
        audit.note(account.id, actor, "contacts.import", file.name, list=contact_list.name)
        lines = uploads.look(file).lines
        return jobs.start(
            account, IMPORT, contact_list.id, actor=actor, upload=file, total=lines, mapping=mapping.to_json()
        )


def latest_import(account: Account, contact_list: ContactList) -> Job | None:
    """Its ``counts``: rows, added (new to the list), already (in the list, or named twice), invalid."""
    return jobs.latest(account, IMPORT, contact_list.id)


def run_import(job: Job, keep_on: jobs.KeepOn) -> None:
    """Do ``job`` from where it stands to its end, or until ``keep_on`` says no."""
    source, header = people.of_upload(job)
    if people.work_through(job, keep_on, source, header, Pace(CHUNK), lambda chunk: partial(_import, job, chunk)):
        jobs.step(job, partial(jobs.finish, job))


def _import(job: Job, chunk: Sequence[Named]) -> dict[str, int]:
    """Write ``chunk``, in order of recipient: the contacts, merged with what they were, then their places in the list."""
    if not ContactList.objects.filter(id=job.subject_id).exists():
        raise jobs.Failed("The list is gone.")
    recipients = [recipient for recipient, _ in chunk]
    known = Contact.objects.filter(account_id=job.account_id, recipient__in=recipients).select_for_update()
    found: dict[int, dict[str, str]] = {recipient: {} for recipient in recipients}
    found |= known.order_by("recipient").values_list("recipient", "fields")
    for recipient, fields in chunk:
        found[recipient] = found[recipient] | {key: value for key, value in fields.items() if value}
    moment = database.to_column(database.now())
    values = [
        (job.account_id, recipient, database.to_json_column(fields), _words(fields), moment, moment)
        for recipient, fields in found.items()
    ]
    ids = database.insert("core_contact", _COLUMNS, values, _MERGED)
    places = [(job.subject_id, id_) for (id_,) in ids]
    place = "ON CONFLICT (contact_list_id, contact_id) DO NOTHING RETURNING id"
    added = len(database.insert("core_listmember", ("contact_list_id", "contact_id"), places, place))
    return {"added": added, "already": len(chunk) - added}


_COLUMNS = ("account_id", "recipient", "fields", "words", "created_at", "updated_at")
_MERGED = (
    "ON CONFLICT (account_id, recipient) DO UPDATE SET fields = excluded.fields, words = excluded.words, "
    "updated_at = excluded.updated_at RETURNING id"
)
