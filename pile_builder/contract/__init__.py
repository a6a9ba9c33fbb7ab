"""The parts of `pile_builder.source_contract`: what is checked of a source plugin, and how it is read for that."""
