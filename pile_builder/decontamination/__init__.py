"""Decontamination: eval sets, the index of their n-grams, and what a match does to a document."""
