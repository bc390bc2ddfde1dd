"""The record: tables and verbs. The only code that writes."""
