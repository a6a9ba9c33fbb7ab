"""Side-by-side measurements against datatrove, and of what the design promises. See README.md."""
