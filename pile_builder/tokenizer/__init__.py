"""Tokenizers: any definition of the field's two libraries to token ids, exactly and as fast as it can be honoured."""

from pile_builder.tokenizer.specs import SPEC_FORMS
from pile_builder.tokenizer.tokenizer import Tokenizer, load_tokenizer, open_tokenizer

__all__ = ["SPEC_FORMS", "Tokenizer", "load_tokenizer", "open_tokenizer"]
