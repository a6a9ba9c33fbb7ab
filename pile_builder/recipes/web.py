"""Recipes for web pages and prose: Gopher, C4 in three readings, FineWeb, DCLM."""

from __future__ import annotations

from pile_builder.recipes.rule import Recipe, rules_of

_GOPHER = "Gopher, arXiv 2112.11446, section A1.1"
_TABLE_A1 = "Gopher, arXiv 2112.11446, table A1"
_C4 = "C4, arXiv 1910.10683, section 2.2; datatrove 0.10.1 c4_filters.py"
_TFDS = "tensorflow-datasets text/c4_utils.py"
_PAPER = "C4, JMLR 21 (2020) 140, section 2.2"
_FINEWEB = "FineWeb, arXiv 2406.17557, section 3.6"
_DCLM = "DCLM, baselines_configs/dclm_baseline_refinedweb.yaml"
_DCLM_MODIFIERS = "DCLM, modifiers.py url_removal_modifier"
_DCLM_REPETITION = "DCLM, content_filters.py massive_web_repetition_filters"

WEB_RECIPES = (
    Recipe(
        "gopher_quality_v1",
        "datatrove 0.10.1 GopherQualityFilter, defaults",
        rules_of(
            "gopher_quality",
            _GOPHER,
            ("min_words", "words", "below", 50),
            ("max_words", "words", "above", 100_000),
            ("min_mean_word_length", "mean_word_length", "below", 3),
            ("max_mean_word_length", "mean_word_length", "above", 10),
            ("max_hash_ratio", "hash_ratio", "above", 0.1),
            ("max_ellipsis_ratio", "ellipsis_ratio", "above", 0.1),
            ("max_bullet_lines", "bullet_lines", "above", 0.9),
            ("max_ellipsis_lines", "ellipsis_lines", "above", 0.3),
            ("min_alphabetic_words", "alphabetic_words", "below", 0.8),
            ("min_stop_words", "stop_words", "below", 2),
        ),
        groups=("gopher_quality",),
    ),
    Recipe(
        "gopher_repetition_v1",
        "datatrove 0.10.1 GopherRepetitionFilter, defaults",
        rules_of(
            "gopher_repetition",
            _TABLE_A1,
            ("empty", "characters", "below", 1),
            ("max_dup_paragraphs", "dup_paragraphs", "above", 0.3),
            ("max_dup_paragraph_chars", "dup_paragraph_chars", "above", 0.2),
            ("max_dup_lines", "dup_lines", "above", 0.3),
            ("max_dup_line_chars", "dup_line_chars", "above", 0.2),
            ("max_top_2_gram_chars", "top_2_gram_chars", "above", 0.2),
            ("max_top_3_gram_chars", "top_3_gram_chars", "above", 0.18),
            ("max_top_4_gram_chars", "top_4_gram_chars", "above", 0.16),
            ("max_dup_5_gram_chars", "dup_5_gram_chars", "above", 0.15),
            ("max_dup_6_gram_chars", "dup_6_gram_chars", "above", 0.14),
            ("max_dup_7_gram_chars", "dup_7_gram_chars", "above", 0.13),
            ("max_dup_8_gram_chars", "dup_8_gram_chars", "above", 0.12),
            ("max_dup_9_gram_chars", "dup_9_gram_chars", "above", 0.11),
            ("max_dup_10_gram_chars", "dup_10_gram_chars", "above", 0.1),
        ),
        groups=("gopher_repetition",),
    ),
    Recipe(
        "c4_fineweb_v1",
        "datatrove 0.10.1 C4QualityFilter as FineWeb sets it (filter_no_terminal_punct=False)",
        rules_of(
            "c4_fineweb",
            _C4,
            ("lorem_ipsum", "lorem_ipsum", "above", 0),
            ("curly_bracket", "curly_bracket", "above", 0),
            ("min_sentences", "sentences", "below", 5),
        ),
        edit="c4_fineweb",
    ),
    Recipe(
        "c4_tfds_v1",
        "tensorflow-datasets C4 (is_valid_length, clean_page without the list of bad words)",
        rules_of(
            "c4_tfds",
            _TFDS,
            ("max_characters", "characters", "above", 190_000),
            ("lorem_ipsum", "lorem_ipsum", "above", 0),
            ("curly_bracket", "curly_bracket", "above", 0),
            ("min_sentences", "sentences", "below", 3),
        ),
        edit="c4_tfds",
    ),
    Recipe(
        "c4_paper_v1",
        "C4 as the JMLR paper describes it, without its list of bad words and its removal of repeated passages",
        rules_of(
            "c4_paper",
            _PAPER,
            ("lorem_ipsum", "lorem_ipsum", "above", 0),
            ("curly_bracket", "curly_bracket", "above", 0),
            ("min_sentences", "sentences", "below", 5),
        ),
        edit="c4_paper",
    ),
    Recipe(
        "fineweb_v1",
        "datatrove 0.10.1 FineWebQualityFilter, defaults",
        rules_of(
            "fineweb",
            _FINEWEB,
            ("empty", "lines", "below", 1),
            ("min_punctuated_lines", "punctuated_lines", "below", 0.12),
            ("max_short_lines", "short_lines", "above", 0.67),
            ("max_dup_line_chars", "dup_line_chars", "above", 0.01),
            ("max_newline_ratio", "newline_ratio", "above", 0.3),
        ),
        groups=("fineweb",),
    ),
    Recipe(
        "dclm_urls_v1",
        "DCLM-Baseline's removal of URLs and of line feeds behind two others, in every page",
        rules_of("dclm_urls", _DCLM_MODIFIERS, ("empty", "characters_left", "below", 1)),
        edit="dclm_urls",
    ),
    Recipe(
        "dclm_v1",
        "DCLM-Baseline's heuristics; dclm_urls_v1 goes before them, dclm_lines_v1 behind",
        (
            *rules_of(
                "dclm",
                _DCLM,
                ("min_words", "alphanumeric_words", "below", 50),
                ("max_words", "alphanumeric_words", "above", 100_000),
                ("min_mean_word_length", "mean_word_length", "below", 3),
                ("max_mean_word_length", "mean_word_length", "above", 10),
                ("max_symbol_ratio", "symbol_ratio", "above", 0.1),
                ("max_bullet_lines", "bullet_lines", "above", 0.9),
                ("max_ellipsis_lines", "ellipsis_lines", "above", 0.3),
                ("max_non_alphabetic_words", "non_alphabetic_words", "above", 0.2),
                ("min_stop_words", "stop_words", "below", 2),
            ),
            *rules_of(
                "dclm",
                _DCLM_REPETITION,
                ("max_repeated_lines", "repeated_lines", "above", 0.3),
                ("max_repeated_paragraphs", "repeated_paragraphs", "above", 0.3),
                ("max_repeated_line_chars", "repeated_line_chars", "above", 0.2),
                ("max_repeated_paragraph_chars", "repeated_paragraph_chars", "above", 0.2),
                ("max_top_2_gram_chars", "top_2_gram_chars", "above", 0.2),
                ("max_top_3_gram_chars", "top_3_gram_chars", "above", 0.18),
                ("max_top_4_gram_chars", "top_4_gram_chars", "above", 0.16),
                ("max_repeated_5_gram_chars", "repeated_5_gram_chars", "above", 0.15),
                ("max_repeated_6_gram_chars", "repeated_6_gram_chars", "above", 0.14),
                ("max_repeated_7_gram_chars", "repeated_7_gram_chars", "above", 0.13),
                ("max_repeated_8_gram_chars", "repeated_8_gram_chars", "above", 0.12),
                ("max_repeated_9_gram_chars", "repeated_9_gram_chars", "above", 0.11),
                ("max_repeated_10_gram_chars", "repeated_10_gram_chars", "above", 0.1),
            ),
        ),
        groups=("dclm",),
    ),
    Recipe(
        "dclm_lines_v1",
        "DCLM-Baseline's line modifiers (RefinedWeb's), and the drop of pages that lose too many words to them",
        rules_of(
            "dclm_lines",
            _DCLM,
            ("empty", "words", "below", 1),
            ("max_removed_words", "removed_words", "above", 0.05),
        ),
        edit="dclm_lines",
    ),
)
