"""Statements by hand, one file for each database where they differ."""

from __future__ import annotations

from pathlib import Path


def script(name: str, vendor: str) -> str:
    """The statements of ``<name>.<vendor>.sql`` beside this module."""
    return (Path(__file__).parent / f"{name}.{vendor}.sql").read_text()
