"""Templates: kept, changed and deleted. A message, campaign or request takes a copy, so that no change reaches it."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from heed.core import audit, database, outbound, refused
from heed.core.models import Account, MessageTemplate
from heed.rules.texts import line

MOST = 500  # that an account keeps, so that every one can be offered where somebody writes


class Refused(refused.Refused):
    """This can't be done with this template."""


def create(account: Account, name: str, text: str, *, actor: str) -> MessageTemplate:
    """Keep ``text`` under ``name``, which no other template of the account has. Raises Refused."""
    name, text = _checked(name, text)
    try:
        with transaction.atomic():
            Account.objects.select_for_update().get(pk=account.pk)
            if MessageTemplate.objects.filter(account=account).count() >= MOST:
                raise Refused(f"An account keeps at most {MOST} templates. Delete one first.", code="too_many")
            now = database.now()
            made = MessageTemplate.objects.create(account=account, name=name, text=text, created_at=now, changed_at=now)
            audit.note(account.id, actor, "template.create", name)
    except IntegrityError as error:
        raise _taken() from error
    return made


def change(account: Account, template_id: int, name: str, text: str, *, actor: str) -> MessageTemplate:
    """Write another name and text over it. Raises Refused."""
    name, text = _checked(name, text)
    try:
        with transaction.atomic():
            kept = MessageTemplate.objects.select_for_update().filter(account=account, id=template_id).first()
            if kept is None:
                raise Refused("There is no such template.", code="not_found")
            kept.name, kept.text, kept.changed_at = name, text, database.now()
            kept.save(update_fields=["name", "text", "changed_at"])
            audit.note(account.id, actor, "template.change", name)
    except IntegrityError as error:
        raise _taken() from error
    return kept


def delete(account: Account, template_id: int, *, actor: str) -> None:
    with transaction.atomic():
        for gone in MessageTemplate.objects.filter(account=account, id=template_id):
            gone.delete()
            audit.note(account.id, actor, "template.delete", gone.name)


def of(account: Account) -> QuerySet[MessageTemplate]:
    """The account's templates by name, ``MOST`` at most."""
    return MessageTemplate.objects.filter(account=account).order_by("name")


def find(account: Account, template_id: int) -> MessageTemplate | None:
    return MessageTemplate.objects.filter(account=account, id=template_id).first()


def _checked(raw_name: str, raw_text: str) -> tuple[str, str]:
    name = line(raw_name)
    if not 1 <= len(name) <= 80:
        raise Refused("A template's name has 1 to 80 characters.", field="name")
    try:
        text = outbound.check_template(raw_text)
    except outbound.Refused as error:
        raise Refused(str(error), code=error.code, field="text") from error
    if not text:
        raise Refused("Write the template's text.", code="empty", field="text")
    return name, text


def _taken() -> Refused:
    return Refused("There is a template with this name.", code="taken", field="name")
