"""Fuzzing: `make fuzz SECONDS=600` with atheris, a small budget of hypothesis in the tests; findings in README.md."""
