"""Presets: what published corpora selected by, under one name, with what of it is not done here.

`select: {preset: NAME}` fills in the fields of a manifest's `select` that are not given beside it. A preset that needs
something of the user's own, a word list or a model, says so until it is given or left out by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ENGLISH = {"keep": ("en",), "min_score": 0.65}


@dataclass(frozen=True)
class Need:
    """Something that a preset needs and that is not shipped.

    Attributes:
        name: what `without` calls it.
        what: it is, for people.
        fields: of which any gives it: `select.NAME`, or `options.NAME` of the source.
    """

    name: str
    what: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Preset:
    """How a published corpus selected its documents.

    Attributes:
        name: as manifests say it.
        description: what it is for.
        source: paper or program that it follows.
        recipes: in order.
        language: fields of `select.language`, or None where every language is kept.
        needs: what the user has to give.
        left_out: what the source also did, and this does not.
        licences: fields of `select.licences`, or None where any licence is kept.
        bad_words_mode: how a list of bad words is used where `select.bad_words` does not say.
    """

    name: str
    description: str
    source: str
    recipes: tuple[str, ...] = ()
    language: Mapping[str, Any] | None = None
    needs: tuple[Need, ...] = ()
    left_out: str = ""
    licences: Mapping[str, Any] | None = None
    bad_words_mode: str = "document"


_QUALITY = Need("quality", "a quality classifier's model", ("select.quality",))
_BAD_WORDS = Need("bad_words", "a list of bad words (C4: LDNOOBW, English)", ("select.bad_words",))
_URL_LISTS = Need("url_lists", "block lists of domains or URLs", ("options.domain_blocklist", "options.url_blocklist"))

_ALL = (
    Preset(
        "pile-2020",
        "Pile-CC: English pages that the quality classifier keeps",
        "The Pile, arXiv 2101.00027, sections 2.1 and C; pile-cc-filtering",
        language=_ENGLISH,
        needs=(_QUALITY,),
        left_out="pycld2 named the language, of the HTML's bytes, without a least score; lid.176 at 0.65 stands in",
    ),
    Preset(
        "pile-2020-github",
        "the Pile's GitHub component",
        "EleutherAI github-downloader, download_repo_text.py",
        recipes=("pile_github_v1",),
        left_out="paths, extensions and media types are the source's; files of 100,000 characters and more, and 84 % "
        "of the others, were dropped at random",
    ),
    Preset(
        "gopher",
        "MassiveWeb: Gopher's quality and repetition filters",
        "Gopher, arXiv 2112.11446, section A1.1, as datatrove 0.10.1 counts",
        recipes=("gopher_quality_v1", "gopher_repetition_v1"),
        language=_ENGLISH,
        left_out="Google's SafeSearch; the paper does not name its language filter, lid.176 at 0.65 stands in",
    ),
    Preset(
        "c4-tfds",
        "C4 as the program makes it: lines of 5 words, pages of 3 sentences",
        "tensorflow-datasets text/c4_utils.py and c4.py",
        recipes=("c4_tfds_v1",),
        language=_ENGLISH,
        needs=(_BAD_WORDS,),
        left_out="langdetect at 0.99 names the language (lid.176 at 0.65 stands in); a line that several pages share "
        "is kept in one of them; `without: [bad_words]` gives C4's variant noblocklist",
        bad_words_mode="line",
    ),
    Preset(
        "c4-paper",
        "C4 as the paper says: lines of 3 words, pages of 5 sentences",
        "C4, JMLR 21 (2020) 140, section 2.2 (later versions of arXiv 1910.10683 say 5 words and 3 sentences)",
        recipes=("c4_paper_v1",),
        language=_ENGLISH,
        needs=(_BAD_WORDS,),
        left_out="langdetect at 0.99 names the language (lid.176 at 0.65 stands in); passages of three sentences that "
        "occurred before are dropped",
    ),
    Preset(
        "fineweb",
        "FineWeb's filters",
        "FineWeb, arXiv 2406.17557, section 3; datatrove 0.10.1 examples/fineweb.py",
        recipes=("gopher_repetition_v1", "gopher_quality_v1", "c4_fineweb_v1", "fineweb_v1"),
        language=_ENGLISH,
        left_out="UT1's lists and words in URLs (the source's options domain_blocklist and url_blocklist); masking of "
        "e-mail and IP addresses",
    ),
    Preset(
        "dclm",
        "DCLM-Baseline: RefinedWeb's heuristics, then a quality classifier's best tenth",
        "DCLM, arXiv 2406.11794, section 4; baselines_configs/dclm_baseline_refinedweb.yaml",
        recipes=("dclm_urls_v1", "dclm_v1", "dclm_lines_v1"),
        language=_ENGLISH,
        needs=(_URL_LISTS, _QUALITY),
        left_out="language and quality are judged on the text as ingested, DCLM's without URLs and after all filters; "
        "URLs go from every page, the program's host names only from pages that begin with the letters of a top-level "
        "domain; n-grams are of words v1, not of uniseg's",
    ),
    Preset(
        "redpajama-code",
        "RedPajama v1's GitHub component",
        "RedPajama-Data, branch rp_v1, data_prep/github",
        recipes=("redpajama_code_v1",),
        left_out="the list of extensions; comments of copyright are cut; tokens are words v1, not Pythia's",
        licences={"allow": ("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"), "unknown": "drop"},
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
"""Every preset by its name."""


def lay_over(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `select` as given, and those of the preset that it names where it gives none."""
    name = given.get("preset")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        return dict(given)
    fields: dict[str, Any] = {"language": preset.language, "recipes": preset.recipes, "licences": preset.licences}
    if isinstance(given.get("bad_words"), Mapping):
        fields["bad_words"] = {"mode": preset.bad_words_mode, **given["bad_words"]}
        given = {key: value for key, value in given.items() if key != "bad_words"}
    return {**fields, **given}


def unmet_needs(preset: Preset, without: tuple[str, ...], given: Mapping[str, Any]) -> list[Need]:
    """What a preset needs that is neither left out nor given.

    Args:
        preset: whose needs.
        without: names of needs that are left out on purpose.
        given: values by field name as `Need.fields` has them; an empty one counts as not given.
    """
    return [
        need for need in preset.needs if need.name not in without and not any(given.get(one) for one in need.fields)
    ]
