"""The tables. They hold constraints and no behaviour; the verbs stand in heed.core."""

from __future__ import annotations

from heed.core.models.account import Account, ApiKey, Invitation, Member, Role, SignInLink, User
from heed.core.models.audit import Audit
from heed.core.models.campaign import Campaign, CampaignDraft
from heed.core.models.carrier import Connection, Reconciliation, SandboxDelivery, SandboxFailure
from heed.core.models.consent import Consent, LedgerEntry, Source
from heed.core.models.contact import Contact, ContactList, ListMember
from heed.core.models.esme import Esme, EsmeAlphabet, SubmittedPart
from heed.core.models.event import Event
from heed.core.models.file import FileChunk, FilePurpose, StoredFile
from heed.core.models.inbound import Inbound, InboundKey, LongText, Mention
from heed.core.models.job import Job, JobState
from heed.core.models.message import HelpAnswer, Message, Purpose
from heed.core.models.outcome import Bookmark, OptOutCause, OutcomeCount, OutcomeDelta
from heed.core.models.process import IdempotencyKey, Lease
from heed.core.models.receipt import MessagePart, ParkedReceipt
from heed.core.models.review import Decision, Review
from heed.core.models.sender import Keyword, Sender, SenderKind
from heed.core.models.template import MessageTemplate
from heed.core.models.webhook import (
    Callback,
    CallbackKinds,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointStyle,
    Subscription,
)

__all__ = [
    "Account",
    "ApiKey",
    "Audit",
    "Bookmark",
    "Callback",
    "CallbackKinds",
    "Campaign",
    "CampaignDraft",
    "Connection",
    "Consent",
    "Contact",
    "ContactList",
    "Decision",
    "Delivery",
    "DeliveryState",
    "Endpoint",
    "EndpointStyle",
    "Esme",
    "EsmeAlphabet",
    "Event",
    "FileChunk",
    "FilePurpose",
    "HelpAnswer",
    "IdempotencyKey",
    "Inbound",
    "InboundKey",
    "Invitation",
    "Job",
    "JobState",
    "Keyword",
    "Lease",
    "LedgerEntry",
    "ListMember",
    "LongText",
    "Member",
    "Mention",
    "Message",
    "MessagePart",
    "MessageTemplate",
    "OptOutCause",
    "OutcomeCount",
    "OutcomeDelta",
    "ParkedReceipt",
    "Purpose",
    "Reconciliation",
    "Review",
    "Role",
    "SandboxDelivery",
    "SandboxFailure",
    "Sender",
    "SenderKind",
    "SignInLink",
    "Source",
    "StoredFile",
    "SubmittedPart",
    "Subscription",
    "User",
]
