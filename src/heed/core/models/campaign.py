"""Campaigns, and their drafts: who is to get one, in the order that they are sent in."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from heed.rules.states import CampaignState

ACTIVE = (CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED)


class Campaign(models.Model):
    """One text to many people. Its people come from a list or an upload, and are drafts once they have been read.

    ``zones`` holds ``[zone, last]`` pairs: drafts of zone n up to the recipient ``last`` have become messages.
    ``revision`` moves with what the counts depend on; ``counts`` (audience.Counts) are of ``counted_at``.
    """

    account = models.ForeignKey("core.Account", models.PROTECT, db_index=False)
    sender = models.ForeignKey("core.Sender", models.PROTECT, null=True, db_index=False)
    name = models.CharField(max_length=80)
    text = models.TextField(blank=True)
    state = models.CharField(
        max_length=9, choices=[(state.value, state.value) for state in CampaignState], default=CampaignState.DRAFT.value
    )
    problem = models.CharField(max_length=300, blank=True)  # why it paused itself, or could not be built
    contact_list = models.ForeignKey("core.ContactList", models.SET_NULL, null=True)
    upload = models.ForeignKey("core.StoredFile", models.SET_NULL, null=True, related_name="+")
    rejects = models.ForeignKey("core.StoredFile", models.SET_NULL, null=True, related_name="+")
    mapping = models.JSONField(null=True)
    revision = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)  # drafts
    fed = models.BigIntegerField(default=0)  # of them, how many are messages now
    zones = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    counted_at = models.DateTimeField(null=True)
    start_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    opens = models.PositiveSmallIntegerField(null=True)  # the window, in the recipient's local hours
    closes = models.PositiveSmallIntegerField(null=True)
    pulse = models.JSONField(default=dict)  # its outcomes when they were last looked at, to pause when many are refused
    actor = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="campaign_account"),
            models.Index(
                fields=["id"], condition=Q(state__in=[state.value for state in ACTIVE]), name="campaign_active"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignDraft(models.Model):
    """One recipient of a campaign, with the values of its merge fields as JSON. Made by the SQL in core/sql.

    ``zone`` is the place of the recipient's time zone in the campaign's list. The key is the order of sending, and lets
    nobody in twice: a recipient has one zone.
    """

    pk = models.CompositePrimaryKey("campaign_id", "zone", "recipient")
    campaign_id = models.BigIntegerField()
    zone = models.IntegerField()
    recipient = models.BigIntegerField()
    fields = models.TextField()

    class Meta:
        managed = False
        db_table = "core_campaigndraft"

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.recipient}"
