"""Benchmarks: ours against a floor, measured alternately in one run. ``./heed bench [NAME] [--json]``."""
