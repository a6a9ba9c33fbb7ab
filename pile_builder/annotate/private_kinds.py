"""The kinds of private text that spans may replace."""

from typing import Literal

Kind = Literal["email", "ip", "phone", "secret"]
KINDS: tuple[Kind, ...] = ("email", "ip", "phone", "secret")
"""Names of the kinds, in the order in which `text.privacy` numbers them."""
