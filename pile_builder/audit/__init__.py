"""Audit: what a corpus holds, counted from its verdicts and commit records."""
