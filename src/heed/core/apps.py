from __future__ import annotations

from django.apps import AppConfig


class Core(AppConfig):
    name = "heed.core"
    label = "core"
