"""What settle counts of a block's content: lengths, bytes, languages, years, licences, domains, private and bad words.

Everything adds up over blocks. Names of which there may be many are cut to the most frequent of each block; `below` is
then the largest count that was left out, so that a name's true count is at most the sum of `below` over blocks more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.bad_words import COUNT as BAD_WORDS
from pile_builder.annotate.privacy import PREFIX
from pile_builder.audit.scales import SCALES
from pile_builder.domains import url_host
from pile_builder.licences import spdx_expression

COUNTED_SINCE = 4
"""Version of settle since which it counts all this."""
NAMES = 256
"""Names of a kind that a block's record keeps."""
MERGED_NAMES = 1 << 16
"""Names that a sum over blocks keeps at most."""
NAME_CHARACTERS = 200
_YEAR = re.compile(r"(?<!\d)((?:1\d|20)\d\d)(?:\d{4})?(?!\d)")
"""A year, or eight digits that begin with one."""


def count_content(
    text_bytes: NDArray[np.int64],
    sizes: NDArray[np.int64],
    rules: NDArray[np.object_],
    metas: Iterator[str],
    columns: Mapping[str, pa.Array],
    gone: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Count a block of n documents.

    Args:
        text_bytes: UTF-8 bytes of each text as extracted, int64[n].
        sizes: bytes that each would be written as, spans applied, int64[n].
        rules: `phase.rule` of what dropped it, or None, object[n].
        metas: metadata of each, a JSON object.
        columns: sidecars of the block, by column.
        gone: rows that are taken down: bytes balance with them, but nothing describes them. None if there are none.

    Returns:
        `bytes`: extracted, kept, dropped by rule (as extracted), and `edited`, what spans took away from kept
        documents less what they put in; `largest` kept document; `lengths`, `languages` of extracted and kept
        documents; `years`, `licences`, `domains` of kept ones; `private` by kind and `bad_words`: kept documents with
        a match, and matches, empty where nobody looked for any.
    """
    decided = np.array([rule is None for rule in rules], np.bool_)
    kept = decided.copy()
    kept[[] if gone is None else gone] = False
    scale = SCALES["bytes"]
    return {
        "bytes": {
            "extracted": int(text_bytes.sum()),
            "kept": int(sizes[decided].sum()),
            "edited": int((text_bytes - sizes)[decided].sum()),
            "dropped": _bytes_by_rule(rules, text_bytes),
        },
        "largest": int(sizes[kept].max(initial=0)),
        "lengths": {
            "extracted": scale.count(text_bytes.astype(np.float64)),
            "kept": scale.count(sizes[kept].astype(np.float64)),
        },
        "languages": _languages(columns.get("language"), kept),
        **_described(metas, kept),
        "private": _private(columns, kept),
        "bad_words": _with_matches(columns[BAD_WORDS], kept) if BAD_WORDS in columns else {},
    }


def most_frequent(names: Counter[str], limit: int = NAMES) -> dict[str, Any]:
    """The `limit` most frequent names, and the largest count left out."""
    ordered = sorted(names.items(), key=lambda one: (-one[1], one[0]))
    return {"counts": dict(ordered[:limit]), "below": ordered[limit][1] if len(ordered) > limit else 0}


def add_content(total: dict[str, Any], block: Mapping[str, Any]) -> None:
    """Add a block's counts to a total that began as `empty_content`; names that grow too many are cut again."""
    total["largest"] = max(total["largest"], block["largest"])
    _add(total, {name: value for name, value in block.items() if name != "largest"})
    for name in _FIELDS:
        if len(total[name]["counts"]) > MERGED_NAMES:
            cut = most_frequent(Counter(total[name]["counts"]), MERGED_NAMES // 2)
            total[name] = {"counts": cut["counts"], "below": total[name]["below"] + cut["below"]}


def _add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def empty_content() -> dict[str, Any]:
    """The counts of no document."""
    nothing = np.zeros(0, np.int64)
    return count_content(nothing, nothing, np.zeros(0, object), iter(()), {})


def year_of(date: Any) -> str:
    """The first year from 1000 to 2099 that a date names, in any format; empty if it names none."""
    found = _YEAR.search(date) if isinstance(date, str) else None
    return found[1] if found else ""


def domain_of(url: Any) -> str:
    """The host of a URL in lower case, without port and a leading `www.`; empty if there is none."""
    return url_host(url).removeprefix("www.")[:NAME_CHARACTERS]


def licence_of(licence: Any) -> str:
    """A licence as SPDX says it, as far as it is known; empty if none is given."""
    return spdx_expression(licence)[:NAME_CHARACTERS] if isinstance(licence, str) else ""


_FIELDS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "years": ("date", year_of),
    "licences": ("license", licence_of),
    "domains": ("url", domain_of),
}
"""Of which field of a document's metadata each distribution is."""


def _described(metas: Iterator[str], kept: NDArray[np.bool_]) -> dict[str, Any]:
    found: dict[str, Counter[str]] = {name: Counter() for name in _FIELDS}
    for meta, is_kept in zip(metas, kept.tolist(), strict=True):
        if is_kept:
            values = orjson.loads(meta)
            for name, (field, read) in _FIELDS.items():
                found[name][read(values.get(field))] += 1
    return {name: most_frequent(counts) for name, counts in found.items()}


def _bytes_by_rule(rules: NDArray[np.object_], text_bytes: NDArray[np.int64]) -> dict[str, int]:
    dropped: Counter[str] = Counter()
    for rule, size in zip(rules.tolist(), text_bytes.tolist(), strict=True):
        if rule is not None:
            dropped[rule] += size
    return dict(sorted(dropped.items()))


def _languages(labels: pa.Array | None, kept: NDArray[np.bool_]) -> dict[str, dict[str, int]]:
    if labels is None:
        return {"extracted": {}, "kept": {}}
    return {"extracted": _labels(labels), "kept": _labels(labels.filter(pa.array(kept)))}


def _labels(labels: pa.Array) -> dict[str, int]:
    counted = labels.value_counts()
    return dict(sorted(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)))


def _private(columns: Mapping[str, pa.Array], kept: NDArray[np.bool_]) -> dict[str, dict[str, int]]:
    """By kind, and with `any` for all kinds together."""
    counts = {name.removeprefix(PREFIX): columns[name] for name in columns if name.startswith(PREFIX)}
    found = {name: _with_matches(column, kept) for name, column in counts.items()}
    if counts:
        every = sum(column.to_numpy(zero_copy_only=False).astype(np.int64) for column in counts.values())
        found["any"] = _with_matches(pa.array(every), kept)
    return found


def _with_matches(column: pa.Array, kept: NDArray[np.bool_]) -> dict[str, int]:
    values = column.to_numpy(zero_copy_only=False)[kept]
    return {"documents": int((values > 0).sum()), "matches": int(values.sum())}
