"""Mixing: how much of each source, and where every row group goes."""
