"""Which kinds of carrier there are. Their modules are read when one is used: nobody pays for thirteen carriers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from heed.providers.base import Provider

_MODULES: dict[str, str] = {  # kind: module and class
    "sandbox": "heed.providers.sandbox:Sandbox",
    "messagebird": "heed.providers.messagebird:MessageBird",
    "plivo": "heed.providers.plivo:Plivo",
    "sinch": "heed.providers.sinch:Sinch",
    "telnyx": "heed.providers.telnyx:Telnyx",
    "twilio": "heed.providers.twilio:Twilio",
    "vonage": "heed.providers.vonage:Vonage",
    "kannel": "heed.providers.kannel:Kannel",
    "aws": "heed.providers.aws:Aws",
    "infobip": "heed.providers.infobip:Infobip",
    "generic": "heed.providers.generic:Generic",
    "smpp": "heed.providers.smpp.provider:Smpp",
}


class UnknownKind(ValueError):
    """There is no such kind of carrier."""


def kinds() -> tuple[str, ...]:
    return tuple(_MODULES)


def provider_class(kind: str) -> type[Provider]:
    """The adapter of ``kind``. Raises UnknownKind."""
    try:
        module, _, name = _MODULES[kind].partition(":")
    except KeyError:
        raise UnknownKind(f"There is no kind of carrier “{kind}”. Choose one: {', '.join(_MODULES)}.") from None
    found: type[Provider] = getattr(import_module(module), name)
    return found


def classes() -> Iterator[type[Provider]]:
    return (provider_class(kind) for kind in _MODULES)
