"""The ledger and its index. Both tables are made by the SQL in core/sql and never touched by the schema editor."""

from __future__ import annotations

from django.db import models

from heed.rules.consent import Act, State


class Source(models.TextChoices):
    KEYWORD = "keyword", "Keyword"
    FREE_KEYWORD = "free_keyword", "Free keyword"
    REQUEST = "request", "Own words"
    WEB_FORM = "web_form", "Web form"
    API = "api", "API"
    CONSOLE = "console", "Console"
    COMMAND = "command", "Command line"
    IMPORT = "import", "Import"
    PROVIDER = "provider", "Carrier"
    REVIEW = "review", "Review"
    DEADLINE = "deadline", "Review deadline"

    @property
    def is_the_person(self) -> bool:
        """Whether the person asked for it themselves."""
        return self in _THE_PERSON

    @property
    def is_staff(self) -> bool:
        return self in _STAFF


_THE_PERSON = frozenset(
    {
        Source.KEYWORD,
        Source.FREE_KEYWORD,
        Source.REQUEST,
        Source.WEB_FORM,
        Source.PROVIDER,
        Source.REVIEW,
        Source.DEADLINE,
    }
)
_STAFF = frozenset({Source.API, Source.CONSOLE, Source.COMMAND})


class LedgerEntry(models.Model):
    """One act on one person, with everything that a replay needs. The database refuses update and delete.

    ``sender_id`` 0 is all senders of the account. ``through_id`` is the sender that it was received on, 0 if none.
    ``account_level`` is the number's switch when a START was read. ``effective_at`` is the time that the rules count it
    as of. The evidence is the inbound text, by reference and by SHA-256 of its salt and its bytes.
    """

    id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    recipient = models.BigIntegerField()
    sender_id = models.BigIntegerField()
    act = models.CharField(max_length=8, choices=[(act.value, act.value) for act in Act])
    source = models.CharField(max_length=16, choices=Source.choices)
    never = models.BooleanField()
    account_level = models.BooleanField()
    through_id = models.BigIntegerField()
    inbound_id = models.BigIntegerField(null=True)
    evidence = models.CharField(max_length=64)
    rule = models.CharField(max_length=40)
    word = models.CharField(max_length=80)
    policy = models.CharField(max_length=20)
    actor = models.CharField(max_length=120)
    note = models.CharField(max_length=500)
    carrier_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    effective_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "core_ledgerentry"

    def __str__(self) -> str:
        return f"{self.id}: {self.act}"


class Consent(models.Model):
    """The ledger's index: how a person stands towards one sender (0: all senders). Written only with an entry.

    ``entry_id`` is the entry that made the state. The other columns are those of rules.consent.Row.
    """

    pk = models.CompositePrimaryKey("account_id", "recipient", "sender_id")
    account_id = models.BigIntegerField()
    recipient = models.BigIntegerField()
    sender_id = models.BigIntegerField()
    state = models.CharField(max_length=4, choices=[(state.value, state.value) for state in State])
    held = models.IntegerField()
    since = models.DateTimeField(null=True)
    last_out_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    never = models.BooleanField()
    entry_id = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "core_consent"

    def __str__(self) -> str:
        return f"{self.account_id}/{self.recipient}/{self.sender_id}: {self.state}"
