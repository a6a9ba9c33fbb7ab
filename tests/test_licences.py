"""Licence policies: SPDX expressions under allow and deny, and what becomes of the unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.audit.explain import explain_document
from pile_builder.errors import ManifestError
from pile_builder.licence_groups import GROUPS
from pile_builder.licences import Policy, Standing, canonical, evaluate, spdx_expression
from pile_builder.manifest import check_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.selection import Licences, Select
from pile_builder.storage import Store
from pile_builder.verdicts import tests as rule_tests

PERMISSIVE = Policy.of(["permissive", "public-domain"], [])
NOT_COPYLEFT = Policy.of([], ["copyleft", "non-commercial"])


def test_groups_hold_canonical_names_once() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert len(names) == len(set(names))
    assert [canonical(name) for name in names] == names


@pytest.mark.parametrize(
    ("group", "members"),
    [
        (
            "permissive",
            "MIT Apache-2.0 BSD-2-Clause BSD-3-Clause BSD-4-Clause ISC Zlib BSL-1.0 0BSD MIT-0 PSF-2.0 curl",
        ),
        ("permissive", "Ruby Artistic-2.0 MIT-feh BSD-3-Clause-Sun OLDAP-2.0 bzip2-1.0.5 CC-BY-3.0-US ODC-By-1.0"),
        ("public-domain", "CC0-1.0 CC-PDDC Unlicense PDDL-1.0 WTFPL blessing SAX-PD-2.0 LZMA-SDK-9.22"),
        ("copyleft", "GPL-2.0-only GPL-3.0-or-later AGPL-3.0-only LGPL-2.1-only MPL-2.0 EPL-2.0 CDDL-1.0 EUPL-1.2"),
        (
            "copyleft",
            "OSL-3.0 RPL-1.5 LPPL-1.3a Vim OFL-1.1 SSPL-1.0 CC-BY-SA-4.0 ODbL-1.0 NPL-1.1 copyleft-next-0.3.1",
        ),
        ("non-commercial", "CC-BY-NC-4.0 CC-BY-NC-SA-2.0-DE CC-BY-NC-ND-3.0-IGO PolyForm-Noncommercial-1.0.0"),
        # Blue Oak's rating Lead, and what the sources disagree on; source-available, and no derivatives.
        ("", "HPND IJG Fair EFL-2.0 Artistic-1.0 NASA-1.3 LPPL-1.3c BSD-3-Clause-No-Nuclear-Warranty"),
        ("", "BUSL-1.1 Elastic-2.0 PolyForm-Small-Business-1.0.0 CC-BY-ND-4.0"),
    ],
)
def test_who_is_in_which_group(group: str, members: str) -> None:
    for name in members.split():
        assert canonical(name) == name
        assert [own for own, names in GROUPS.items() if name in names] == [group][: bool(group)]


@pytest.mark.parametrize(
    ("licence", "permissive", "not_copyleft"),
    [
        ("MIT", "ALLOWED", "ALLOWED"),
        ("mit", "ALLOWED", "ALLOWED"),
        ("GPL-3.0", "DENIED", "DENIED"),
        ("GPL-2.0+", "DENIED", "DENIED"),
        ("GPL-2.0-with-classpath-exception", "DENIED", "DENIED"),
        ("MIT OR GPL-3.0-only", "ALLOWED", "ALLOWED"),
        ("MIT AND GPL-3.0-only", "DENIED", "DENIED"),
        ("GPL-2.0-only AND MIT OR Apache-2.0", "ALLOWED", "ALLOWED"),
        ("GPL-2.0-only AND (MIT OR Apache-2.0)", "DENIED", "DENIED"),
        ("Apache-2.0 WITH LLVM-exception", "ALLOWED", "ALLOWED"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "DENIED", "DENIED"),
        ("MIT WITH Odd-exception", "UNKNOWN", "UNKNOWN"),
        ("CC-BY-ND-4.0", "DENIED", "ALLOWED"),
        ("LicenseRef-PublicDomain-US", "ALLOWED", "ALLOWED"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "DENIED", "ALLOWED"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "DENIED", "DENIED"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "ALLOWED", "ALLOWED"),
        ("NOASSERTION", "UNKNOWN", "UNKNOWN"),
        ("", "UNKNOWN", "UNKNOWN"),
        (None, "UNKNOWN", "UNKNOWN"),
        ("LicenseRef-ours", "UNKNOWN", "UNKNOWN"),
        ("MIT OR LicenseRef-ours", "ALLOWED", "ALLOWED"),
        ("MIT AND LicenseRef-ours", "UNKNOWN", "UNKNOWN"),
        ("GPL-3.0-only AND LicenseRef-ours", "DENIED", "DENIED"),
        ("MIT AND", "UNKNOWN", "UNKNOWN"),
        ("(MIT", "UNKNOWN", "UNKNOWN"),
        ("MIT)", "UNKNOWN", "UNKNOWN"),
        ("MIT Apache-2.0", "UNKNOWN", "UNKNOWN"),
        ("see the file LICENSE", "UNKNOWN", "UNKNOWN"),
        ("(" * 900 + "MIT" + ")" * 90, "UNKNOWN", "UNKNOWN"),
    ],
)
def test_standing(licence: str | None, permissive: str, not_copyleft: str) -> None:
    assert PERMISSIVE.standing(licence).name == permissive
    assert NOT_COPYLEFT.standing(licence).name == not_copyleft


def test_names_of_a_pair_and_of_ones_own_can_be_listed() -> None:
    policy = Policy.of(["gpl-2.0-only with classpath-exception-2.0", "LicenseRef-ours"], ["MIT"])
    assert policy.standing("GPL-2.0-only WITH Classpath-exception-2.0") == Standing.ALLOWED
    assert policy.standing("GPL-2.0-only") == Standing.DENIED
    assert policy.standing("LicenseRef-ours") == Standing.ALLOWED
    assert Policy.of(["permissive"], ["MIT"]).standing("MIT") == Standing.DENIED


def test_known_urls() -> None:
    assert spdx_expression("https://creativecommons.org/licenses/by/4.0/") == "CC-BY-4.0"
    assert spdx_expression("http://creativecommons.org/licenses/by-sa/3.0/us/") == "CC-BY-SA-3.0"
    assert spdx_expression("https://example.org/terms") == "https://example.org/terms"


EXPRESSIONS = st.recursive(
    st.sampled_from(["D", "U", "A"]),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR", "or", "And"]), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(EXPRESSIONS, st.text(alphabet="()AORND MIT", max_size=30))
def test_evaluation_is_least_and_greatest(tree: Any, noise: str) -> None:
    values = {"D": Standing.DENIED, "U": Standing.UNKNOWN, "A": Standing.ALLOWED}

    def text(node: Any) -> str:
        return node if isinstance(node, str) else f"({text(node[0])} {node[1]} {text(node[2])})"

    def value(node: Any) -> Standing:
        if isinstance(node, str):
            return values[node]
        return (min if node[1].upper() == "AND" else max)(value(node[0]), value(node[2]))

    assert evaluate(text(tree), values.__getitem__) == value(tree)
    assert evaluate(noise, lambda _: Standing.ALLOWED) in (Standing.UNKNOWN, Standing.ALLOWED)


def error_of(licences: dict[str, Any]) -> str:
    with pytest.raises(ManifestError) as caught:
        check_manifest(
            {"name": "m", "sources": {"books": {"inputs": ["a"]}}, "select": {"licences": licences}}, "m", {}
        )
    return str(caught.value)


def test_manifest_errors_name_the_nearest_word() -> None:
    assert "did you mean 'Apache-2.0'?" in error_of({"allow": ["Apache-2"], "unknown": "drop"})
    assert "did you mean 'permissive'?" in error_of({"deny": ["permisive"], "unknown": "drop"})
    assert "select.licences.unknown: required" in error_of({"allow": ["MIT"]})
    assert "give allow or deny" in error_of({"unknown": "keep"})


def test_the_rule_judges_each_licence_of_a_block() -> None:
    select = Select(language=None, licences=Licences(allow=("permissive",), unknown="drop"))
    column = pa.array(["MIT", None, "MIT OR GPL-3.0-only", "GPL-3.0-only", "MIT"])
    (test,) = rule_tests({"licence": column}, select, "github", 1)
    assert test.name == "licence"
    assert test.fails.tolist() == [False, True, False, True, False]
    assert test.detail is not None
    assert test.detail.to_pylist()[1] == "unknown"
    assert Licences(allow=("MIT",), unknown="keep").keeps(None)


def test_a_build_keeps_what_the_policy_allows(tmp_path: Path) -> None:
    samples = Path(__file__).parents[1] / "samples"
    data = {
        "name": "licensed",
        "root": str(samples),
        "sources": {"github": {"inputs": ["github/*.tar.gz"]}},
        "select": {"language": None, "licences": {"allow": ["BSD-3-Clause"], "unknown": "drop"}},
        "mix": {"validation": 0, "test": 0},
    }
    summary = build(check_manifest(data, "m.yaml", {}), str(tmp_path), RunOptions(workers=1))
    source = summary["sources"]["github"]
    assert source["dropped"]["select.licence"] > 0
    assert source["kept"] > 0
    stories = explain_document(Store(str(tmp_path)), "github/ropewalk/src/rope.c")
    (told,) = stories[0]["rules"]
    assert (told["rule"], told["detail"], told["pass"]) == ("licence", "BSD-3-Clause", True)
