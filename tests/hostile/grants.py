"""Tables of grants and opinions, zips of them, exercises: open quotes, long numbers, archives that lie."""

import bz2
import gzip
import json
import zipfile
from collections.abc import Callable

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, TAR_END, tar_member, tar_of, zip_of
from tests.hostile.tables import BIDI, TEXT
from tests.hostile.well_formed import TIME, exercises, grants, opinions

READERS = {
    "nih_exporter": Reader({"PRJABS_good.csv": grants(("8000001", STORY))}),
    "freelaw": Reader({"opinions-good.csv": opinions({"id": "9"})}),
    "dm_mathematics": Reader({"train-easy/good.txt": exercises(40)}),
}
GRANTS: dict[str, tuple[bytes | Callable[[], bytes], int, str]] = {
    "empty": (b"", 0, "damaged"),
    "nul": (grants(("8100001", STORY + "\0")), 1, ""),
    "nuls": (bytes(5_000), 0, "damaged"),
    "head-return": (b"APPLICATION_ID\rX,ABSTRACT_TEXT\n", 0, "damaged"),
    "head-flood": (b"x," * 500_000 + b"\n", 0, "damaged"),
    "number-huge": (grants(("9" * 5_000, STORY)), 0, "damaged"),
    "number-64-bit": (grants(("9" * 30, STORY)), 0, "damaged"),
    "number-negative": (grants(("-5", STORY), ("1.5", STORY), ("", STORY)), 0, "damaged*3"),
    "open-quote": (
        b'APPLICATION_ID,ABSTRACT_TEXT\n8100011,"' + TEXT + b"\n" + grants(("8100012", STORY))[29:],
        1,
        "damaged",
    ),
    "open-quote-end": (grants(("8100021", STORY))[:-2], 0, "truncated"),
    "quotes-flood": (b'APPLICATION_ID,ABSTRACT_TEXT\n8100031,"' + b'""' * 60_000 + b'"\n', 0, "no_abstract"),
    "field-1m": (grants(("8100041", "x " * 500_000)), 0, "too_large"),
    "line-10m": (lambda: grants(("8100051", "x " * (5 << 20)), ("8100052", STORY)), 1, "too_large"),
    "fields-100k": (b"APPLICATION_ID,ABSTRACT_TEXT\n8100061" + b"," * 100_000 + b"\n", 0, "damaged"),
    "same-numbers": (grants(*[("8100071", STORY)] * 200), 1, ""),
    "headers-flood": (grants(("8100081", "DESCRIPTION: " * 5_000 + STORY)), 1, ""),
    "dots-flood": (grants(("8100091", "? " * 50_000 + STORY)), 1, ""),
    "unreadable-flood": (grants(("8100101", "[unreadable] " * 8_000 + STORY)), 1, ""),
    "bidi": (grants(("8100111", BIDI[:20_000] + STORY)), 1, ""),
    "surrogate": (grants(("8100121", "\ud800" + STORY)), 1, ""),
    "latin-1": (grants(("8100131", STORY)).replace(b"ferry", b"f\xe9\x81rry"), 1, ""),
    "utf-16": (grants(("8100141", STORY)).decode().encode("utf-16"), 0, "damaged"),
}


def nameless(data: bytes) -> bytes:
    """A zip whose only member `x` is called nothing."""
    directory = data.rindex(b"PK\x01\x02")
    made = data[: directory + 28] + bytes(2) + data[directory + 30 : directory + 46] + data[directory + 47 :]
    end = made.rindex(b"PK\x05\x06")
    size = int.from_bytes(made[end + 12 : end + 16], "little") - 1
    return made[: end + 12] + size.to_bytes(4, "little") + made[end + 16 :]


def overlapping(member: bytes, times: int) -> bytes:
    """A zip whose directory has one member so many times."""
    packed = zip_of({"PRJABS.csv": member})
    directory, end = packed.rindex(b"PK\x01\x02"), packed.rindex(b"PK\x05\x06")
    entry = packed[directory:end]
    counts = times.to_bytes(2, "little") * 2 + (len(entry) * times).to_bytes(4, "little")
    return packed[:directory] + entry * times + packed[end : end + 8] + counts + packed[end + 16 :]


def _patched(data: bytes, mark: bytes, at: int, new: bytes) -> bytes:
    place = data.rindex(mark) + at
    return data[:place] + new + data[place + len(new) :]


ZIPPED = zip_of({"RePORTER_PRJABS.csv": grants(("8200001", STORY))})
ZIPS = {
    "cut": (ZIPPED[:-30], "truncated"),
    "cut-half": (ZIPPED[: len(ZIPPED) // 2], "truncated"),
    "no-zip": (b"PK, no zip", "damaged"),
    "nameless": (nameless(zip_of({"x": b"y"})), "damaged"),
    "overlapping": (lambda: overlapping(grants(("8200011", " ".join(["word"] * 4_000_000))), 900), "bomb"),
    "bomb": (lambda: zip_of({"PRJABS.csv": bytes(300 << 20)}), "bomb"),
    "ratio-lie": (_patched(ZIPPED, b"PK\x01\x02", 24, b"\xff\xff\xff\x7f"), "bomb"),
    "offset": (_patched(ZIPPED, b"PK\x01\x02", 42, b"\xf0\xff\xff\x7f"), "damaged"),
    "directory-offset": (_patched(ZIPPED, b"PK\x05\x06", 16, b"\xff\xff\xff\x00"), "damaged"),
    "method": (_patched(ZIPPED, b"PK\x01\x02", 10, b"\x63\x00"), "damaged"),
    "password": (_patched(ZIPPED, b"PK\x01\x02", 8, b"\x01\x00"), "encrypted"),
    "names": (lambda: zip_of({"../../../evil.csv": b"x", "/tmp/evil.csv": b"y", "a\0b.csv": b"z"}), "damaged"),
    "stored-noise": (zip_of({"a.csv": b"\xff" * 5_000}, zipfile.ZIP_STORED), "damaged"),
}
HEAD = "id,date_created,plain_text,html,cluster_id\n"
OPINIONS: dict[str, tuple[bytes | Callable[[], bytes], int, str, str]] = {
    "opinions-empty.csv": (b"", 0, "damaged", ""),
    "opinions-nuls.csv": (bytes(5_000), 0, "damaged", ""),
    "opinions-head.csv": (b"id,date_created" + b",x" * 400_000 + b"\n", 0, "", ""),
    "opinions-quotes.csv": (opinions(f'"11","{TIME}","{"x" * 100}"y","","1"'), 0, "damaged", ""),
    "opinions-backslashes.csv": (opinions({"id": "21", "plain_text": "\\" * 200_000 + STORY}), 1, "", ""),
    "opinions-open.csv": (opinions(f'"31","{TIME}","{STORY}', {"id": "32"}), 1, "damaged", ""),
    "opinions-fields.csv": (opinions(f'"41","{TIME}"' + ',"x"' * 50_000), 0, "damaged", ""),
    "opinions-number.csv": (
        opinions({"id": "9" * 12}, {"id": "5" * 5_000, "cluster_id": "7" * 5_000}),
        0,
        "damaged",
        "",
    ),
    "opinions-cluster.csv": (
        opinions({"id": "51", "cluster_id": "9" * 5_000}, {"id": "52", "cluster_id": "../../x"}),
        2,
        "",
        "",
    ),
    "opinions-same.csv": (opinions(*[{"id": "61"}] * 100), 100, "", ""),
    "opinions-not-utf-8.csv": (opinions({"id": "71"}).replace(b"ferry", b"f\xffrry"), 0, "undecodable", ""),
    "opinions-html-deep.csv": (
        opinions({"id": "81", "plain_text": "", "html": "<div>" * 50_000 + STORY}),
        0,
        "no_text",
        "",
    ),
    "opinions-html-empty-elements.csv": (opinions({"id": "101", "html": "<p/>" * 100_000 + STORY}), 1, "", ""),
    "opinions-entity.csv": (
        opinions({"id": "111", "html": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>&a;" + STORY}),
        1,
        "",
        "",
    ),
    "opinions-marks.csv": (
        opinions({"id": "121", "html": f"<p>{'<footnotemark>' * 200}{'[1 U.S. 1]' * 20_000}{STORY}"}),
        1,
        "",
        "",
    ),
    "opinions-numbers-down.csv": (
        opinions({"id": "131", "plain_text": "\n".join(f" {n} x" for n in range(100_000))}),
        1,
        "",
        "",
    ),
    "opinions-form-feeds.csv": (opinions({"id": "141", "plain_text": "\f" * 200_000 + STORY}), 1, "", ""),
    "opinions-bidi.csv": (opinions({"id": "151", "plain_text": BIDI + STORY}), 1, "", ""),
    "opinions-cut.csv.bz2": (bz2.compress(opinions({"id": "161"}))[:-20], 0, "truncated", ""),
    "opinions-bomb.csv.gz": (lambda: gzip.compress(opinions({"id": "171"}) + bytes(200 << 20)), 0, "bomb", ""),
    "cases/deep.json": (b"[" * 200_000, 0, "damaged", ""),
    "cases/number.json": (b"5", 0, "", "other_json"),
    "cases/digits.json": (b'{"id": ' + b"9" * 6_000 + b', "html": "x"}', 0, "damaged", ""),
    "cases/kinds.json": (
        json.dumps({"id": [1], "casebody": 5, "citations": 5, "court": "x", "name": {"a": 1}}).encode(),
        0,
        "no_text",
        "",
    ),
    "cases/opinions.json": (
        json.dumps({"id": 1, "casebody": {"opinions": 5, "head_matter": [STORY]}, "citations": [5, "x"]}).encode(),
        1,
        "",
        "",
    ),
    "cases/numbers.json": (
        json.dumps({"id": 2, "casebody": {"head_matter": STORY}, "decision_date": 10**60, "name": 1e308}).encode(),
        1,
        "",
        "",
    ),
    "cases/surrogate.json": (
        b'{"id": 3, "casebody": {"head_matter": "\\ud800 ' + TEXT + b'"}, "name": "\\udfff"}',
        1,
        "",
        "",
    ),
    "cases/infinite.json": (
        b'{"id": 4, "casebody": {"head_matter": "' + TEXT + b'"}, "decision_date": NaN, "docket_number": 1e999}',
        1,
        "",
        "",
    ),
    "volume-nameless.zip": (nameless(zip_of({"x": b"y"})), 0, "", "other_file"),
    "volume-cut.zip": (zip_of({"a.json": b"{}"})[:-10], 0, "truncated", ""),
    "volume-bomb.zip": (lambda: zip_of({"a.json": bytes(300 << 20)}), 0, "too_large", ""),
    "volume-names.zip": (
        lambda: zip_of({"../../../evil.json": b'{"id": 5, "html": "' + TEXT + b'"}', "/tmp/evil.py": b"x"}),
        1,
        "",
        "other_file",
    ),
    "court.tar.gz": (
        gzip.compress(tar_of({"../../evil.json": b'{"id": 6, "html": "' + TEXT + b'"}', "x.tar.gz": b"no tar"})),
        1,
        "damaged",
        "",
    ),
    "all.tar": (
        tar_of({"a.tar.gz": gzip.compress(tar_of({"b.tar": b"x", "1.json": b'{"id": 7, "html": "' + TEXT + b'"}'}))}),
        1,
        "",
        "other_file",
    ),
}
MATHEMATICS = {
    "empty": (b"", 0, ""),
    "nuls": (b"\0\n" * 10_000, 0, "broken_lines*3"),
    "not-utf-8": (b"\xff\n" * 3_000, 0, "undecodable"),
    "line-100k": (b"x" * 100_000 + b"\n1\n", 0, "too_large"),
    "blank": (b"\n" * 20_000, 0, "no_text*3"),
    "unanswered": (exercises(30) + b"What is 1?\n", 1, "unanswered"),
    "one-character": (b"x\n" * 40_000, 0, "broken_lines*10"),
}
CASES = [
    *(Case("nih_exporter", f"PRJABS-{what}.csv", *rest) for what, rest in GRANTS.items()),
    *(Case("nih_exporter", f"PRJABS-zip-{what}.zip", content, 0, rule) for what, (content, rule) in ZIPS.items()),
    *(Case("freelaw", name, *rest) for name, rest in OPINIONS.items()),
    *(Case("dm_mathematics", f"train-hard/{what}.txt", *rest) for what, rest in MATHEMATICS.items()),
    Case(
        "dm_mathematics",
        "names.tar",
        lambda: tar_of(
            {"../../train-easy/../evil.txt": b"x", "/tmp/train-easy/evil.txt": exercises(9), "interpolate/a.txt": b""}
        ),
        1,
        "",
        "other_file test_set",
    ),
    Case("dm_mathematics", "same.tar", lambda: tar_member(b"train-easy/a.txt", exercises(9)) * 5 + TAR_END, 5),
    Case("dm_mathematics", "cut.tar", tar_of({"train-easy/b.txt": exercises()})[:2_000], 0, "truncated"),
]
