"""Deduplication: links between documents, their components, and who survives."""
