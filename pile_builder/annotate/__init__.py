"""Annotations: functions from a batch of text to row-aligned columns."""
