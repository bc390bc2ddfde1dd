"""Contacts: whom an account knows, and the lists that they stand in. No opt-out hangs on them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class ContactList(models.Model):
    account = models.ForeignKey("core.Account", models.PROTECT, db_index=False)
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "name"], name="list_once")]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A recipient with merge fields (key → text). ``words`` is what a search looks in: the values, folded."""

    account = models.ForeignKey("core.Account", models.PROTECT, db_index=False)
    recipient = models.BigIntegerField()
    fields = models.JSONField(default=dict)
    words = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-id"], name="contact_account")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "recipient"], name="contact_once")]

    def __str__(self) -> str:
        return str(self.id)


class ListMember(models.Model):
    contact_list = models.ForeignKey(ContactList, models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["contact_list", "contact"], name="list_member_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.contact_list_id}"
