"""What lies at the upstreams of sources: whether it is there and unchanged, and copies of it."""
