"""Every URL of the product on one page, but for the carriers' hooks, which heed.wsgi gives to heed.hooks.calls.

The short opt-out links come last: they may be any five letters.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from heed.health import healthz
from heed.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("v1/", include("heed.api.urls")),
    path("2010-04-01/", include("heed.api.twilio")),
    path("", include("heed.console.urls")),
    path("", include("heed.public.urls")),
]
