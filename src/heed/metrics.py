"""Figures for Prometheus, at /metrics: whoever has the token may read them; without one set there is no such page."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from heed.core import gauges
from heed.core.gauges import Gauge

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of the whole installation. The address asked from says nothing: a proxy here calls from loopback."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Set HEED_METRICS_TOKEN to have figures here.\n", status=404, content_type="text/plain")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        refused = HttpResponse("Give HEED_METRICS_TOKEN as a bearer token.\n", status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    return HttpResponse(exposition(gauges.read()), content_type=CONTENT_TYPE)


def exposition(found: Iterable[Gauge]) -> str:
    """``found`` in Prometheus' text format."""
    return "".join(f"{line}\n" for one in found for line in _lines(one))


def _lines(one: Gauge) -> Iterator[str]:
    yield f"# HELP heed_{one.name} {one.help}"
    yield f"# TYPE heed_{one.name} gauge"
    for labels, value in one.values:
        if value is not None:
            inside = ",".join(f'{name}="{_escaped(label)}"' for name, label in labels.items())
            yield f"heed_{one.name}{f'{{{inside}}}' if inside else ''} {value}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
