"""The endpoints of /v1."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from heed.api import account, check, messages, numbers, optouts, reviews, senders, sms, templates, webhooks
from heed.api.base import api
from heed.api.door import door
from heed.api.errors import unknown

for noun in (account, numbers, senders, sms, check, messages, optouts, reviews, templates, webhooks):
    api.add_router("", noun.router)

app_name = api.urls_namespace
_endpoints = [one for one in api.urls[0] if isinstance(one, URLPattern)]
urlpatterns = [
    *(URLPattern(one.pattern, door(one.callback), one.default_args, one.name) for one in _endpoints),
    re_path("", door(unknown)),
]
