"""Token streams in the containers that trainers read: one interface, one module a format."""
