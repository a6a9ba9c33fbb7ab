"""Source plugins, one module each."""
