"""Annotation sets that others have to know by name."""

SPAN_SETS = ("lines", "privacy")
"""Sets with a column `spans` that rewrites the text."""
SAMPLE = "sample"
"""The set that has rows of a few documents only, see `annotate.sample`."""
WITHOUT_SIGNALS = ("sketch", SAMPLE)
"""Sets that no rule looks at."""
