"""The commands of `pile` that have files of their own, one a capability; `pile_builder.cli` puts them together."""
