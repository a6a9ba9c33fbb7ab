"""Documents of a finished build, drawn at random and labelled by people who read its language."""
