"""The quality classifier: training it, judging it on held-out text, and keeping documents by its score."""
