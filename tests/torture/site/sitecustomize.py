"""Python runs this at its start in every process of a tortured build."""

from tests.torture.steps import install_from_environment

install_from_environment()
