"""Fuzzing of the parsers: `make fuzz SECONDS=600` with atheris, a small budget of hypothesis in the tests."""
