"""The endpoints of /v1."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from heed.api import numbers, optouts, sending
from heed.api.base import api

api.add_router("", sending.router)
api.add_router("", numbers.router)
api.add_router("", optouts.router)

urlpatterns: list[URLPattern | URLResolver] = [path("", api.urls)]
