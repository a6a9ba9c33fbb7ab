"""Build a Pile-like training corpus from raw dumps, reproducibly."""

__version__ = "0.1.0"
