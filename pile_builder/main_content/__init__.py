"""Main content of web pages: blocks of text, features, trees, a readable layout. docs/extraction.md says how it works."""

from pile_builder.main_content.extract import Block, Extracted, explain, extract

__all__ = ["Block", "Extracted", "explain", "extract"]
