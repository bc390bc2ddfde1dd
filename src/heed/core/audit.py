"""The audit trail of what staff and programs did, beside the ledger."""

from __future__ import annotations

from heed.core.models import Audit


def note(account_id: int | None, actor: str, action: str, subject: str, **detail: object) -> None:
    """Write who did what to what. Call it inside the transaction of the act."""
    Audit.objects.create(account_id=account_id, actor=actor[:120], action=action, subject=subject[:120], detail=detail)
