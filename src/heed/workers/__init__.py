"""Processes: the dispatcher, the worker, and the command line."""
