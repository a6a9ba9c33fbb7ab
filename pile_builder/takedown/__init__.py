"""Documents that must go: the list of them, what it is looked up by, and their copies. No Beam, no text."""
