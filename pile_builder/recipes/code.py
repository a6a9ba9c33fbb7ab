"""Recipes for source code: BigCode, the Pile's GitHub component, RedPajama."""

from __future__ import annotations

from pile_builder.recipes.rule import Recipe, rules_of

_BIGCODE = "BigCode, arXiv 2301.03988 and The Stack's line filters"
_PILE_GITHUB = "The Pile's GitHub component (EleutherAI github-downloader)"
_REDPAJAMA = "RedPajama-Data rp_v1, data_prep/github/github_run_filter.py"

_PILE_RULES = rules_of(
    "code",
    _PILE_GITHUB,
    ("max_digits", "digits", "above", 0.8),
    ("max_chars_per_newline", "chars_per_newline", "above", 200),
)

CODE_RECIPES = (
    Recipe(
        "code_v1",
        "BigCode's line filters and the Pile's GitHub filters",
        (
            *rules_of(
                "code",
                _BIGCODE,
                ("max_line_length", "longest_line", "above", 1000),
                ("max_mean_line_length", "mean_line_length", "above", 100),
                ("min_alphanumeric", "alphanumeric", "below", 0.25),
            ),
            *_PILE_RULES,
        ),
        groups=("code",),
    ),
    Recipe("pile_github_v1", "the Pile's GitHub filters", _PILE_RULES, groups=("code",)),
    Recipe(
        "redpajama_code_v1",
        "RedPajama v1's GitHub filters without its list of extensions and its removal of licence comments",
        (
            *rules_of("code", _REDPAJAMA, ("max_line_length", "longest_line", "above", 1000)),
            *rules_of("redpajama_code", _REDPAJAMA, ("max_mean_line_length", "mean_line_length", "above", 100)),
            *rules_of("code", _REDPAJAMA, ("min_alphanumeric", "alphanumeric", "below", 0.25)),
            *rules_of("redpajama_code", _REDPAJAMA, ("min_alphabetic_per_token", "alphabetic_per_token", "below", 1.5)),
        ),
        groups=("code", "redpajama_code"),
    ),
)
