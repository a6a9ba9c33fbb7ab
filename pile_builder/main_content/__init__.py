"""Main content of web pages: blocks of text, their features, trees, a readable layout (docs/extraction.md)."""

from pile_builder.main_content.extractor import Block, Extracted, explain, extract

__all__ = ["Block", "Extracted", "explain", "extract"]
