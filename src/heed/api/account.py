"""The account of a key."""

from __future__ import annotations

from typing import Any  # JSON of answers

from django.http import HttpRequest
from ninja import Field, Router
from pydantic import BaseModel

from heed.api.base import both
from heed.api.keys import account_of
from heed.core import accounts, senders
from heed.core.status_callbacks import sid

router = Router(tags=["Account"])


class AccountShown(BaseModel):
    name: str = Field(examples=["Acme"])
    slug: str = Field(examples=["acme"])
    account_sid: str = Field(
        description="Signs in at /2010-04-01, with a key as password", examples=["AC0f3c9a4be1d2756880c1b5e2a7d94f36"]
    )
    country: str = Field(description="ISO 3166; national numbers are read in it", examples=["GB"])
    free_keyword: str = Field(description="Opts its texter out of the account", examples=["bcdfgSTOP"])
    free_keyword_number: str | None = Field(description="Where it is texted to", examples=["+447700900499"])
    opt_out_link: str = Field(description="The public form", examples=["https://heed.example/hnUkc"])


@both(router.get, "/account", AccountShown, summary="The account of this key")
def account(request: HttpRequest) -> Any:
    mine = account_of(request)
    shared = senders.shared_number()
    return {
        "name": mine.name,
        "slug": mine.slug,
        "account_sid": sid("AC", mine.id),
        "country": mine.country,
        "free_keyword": accounts.free_keyword(mine),
        "free_keyword_number": shared.address if shared else None,
        "opt_out_link": accounts.opt_out_link(mine),
    }
