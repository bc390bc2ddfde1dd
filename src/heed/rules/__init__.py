"""The rules: pure functions that decide. No Django, no clock, no random, no network, nothing of ours."""
