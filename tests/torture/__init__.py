"""Builds a small corpus again and again, each time with a fault at a chosen step, and checks what comes of it."""
