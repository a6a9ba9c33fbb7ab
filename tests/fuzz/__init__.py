"""Fuzzing: `make fuzz SECONDS=600` with atheris, a small budget of hypothesis in the tests; README.md has what it found."""
