"""Planning: what a build would give and cost before it runs, and what other thresholds would change after it."""
