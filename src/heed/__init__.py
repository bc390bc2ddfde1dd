"""Heed: a self-hosted SMS platform that honours every opt-out."""
