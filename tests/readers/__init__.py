"""A package, so that its modules can be named like those of tests/export."""
