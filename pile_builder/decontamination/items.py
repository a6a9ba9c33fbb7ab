"""What is protected: the items of eval sets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvalItem:
    """One question of an eval set.

    Attributes:
        eval: name of the set.
        id: unique in its set, stable for the same input: the set's own identifier, or the row number.
        question: what a model is shown.
        answer: what it should say; empty if the set has none apart from the question.
    """

    eval: str
    id: str
    question: str
    answer: str = ""
