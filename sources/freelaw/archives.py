"""Archives of court opinions: CourtListener's tars of JSON files, volumes of the Caselaw Access Project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Raw, Reject, Skipped
from pile_builder.sources import bounded_json
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.zip_archive import zip_members
from pile_builder.streams import MAX_RECORD_BYTES, decompressed, read_all

OPINION, CASE = "application/json", "application/vnd.case-law+json"
TAR = re.compile(r"\.(?:tar|tar\.\w+|tgz)$")

MAX_MEMBERS = 100_000
"""Most members of a volume's zip."""

_VOLUME_FILES = re.compile(r"Metadata\.json$")


def read_tar(stream: BinaryIO, name: str, court: str = "") -> Iterator[Raw | Reject | Skipped]:
    """Stream the JSON files of a court's tar, or those of the courts' tars in a tar.

    Raises:
        InputError: `truncated`, `damaged` or `bomb`; what was yielded before stands.
    """
    is_inner = bool(court)
    court = court or name.rsplit("/", 1)[-1].split(".")[0]
    for member in tar_members(stream, name):
        if isinstance(member, str):
            yield Skipped(member)
            continue
        base = member.name.rsplit("/", 1)[-1]
        if TAR.search(base) and not is_inner:
            inner = cast("BinaryIO", decompressed(member.content, f"{name}/{member.name}"))
            try:
                yield from read_tar(inner, f"{name}/{member.name}", base.split(".")[0])
            except InputError as error:
                yield Reject(error.rule, error.detail, key=f"{name}/{member.name}")
        elif not base.endswith(".json"):
            yield Skipped("other_file")
        elif member.size > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{member.size:,} bytes", key=f"opinion/{base[:-5]}")
        else:
            yield Raw(f"opinion/{base[:-5]}", read_all(member.content), OPINION, {"court": court})


def read_volume(file: InputFile) -> Iterator[Raw | Reject | Skipped]:
    """Stream the cases of a volume's zip.

    Raises:
        InputError: `truncated`, `damaged` or `bomb`.
    """
    with open_input(file) as stored:
        for member in zip_members(stored, file.name):
            if isinstance(member, str) or not member.name.endswith(".json"):
                yield Skipped(member if isinstance(member, str) else "other_file")
                continue
            key = f"{file.name}/{member.name}"
            try:
                yield from read_json(key, member.read())
            except InputError as error:
                yield Reject(error.rule, error.detail, key=key)


def read_json(name: str, payload: bytes) -> Iterator[Raw | Reject | Skipped]:
    """Yield the case or the opinion in a JSON file; a key comes from inside it where there is one."""
    if _VOLUME_FILES.search(name):
        yield Skipped("volume_metadata")
        return
    try:
        found = json_object(payload)
    except InputError as error:
        yield Reject(error.rule, error.detail, key=name)
        return
    number = str(found.get("id") or name.rsplit("/", 1)[-1].removesuffix(".json"))
    if "casebody" in found:
        yield Raw(f"case/{number}", payload, CASE)
    elif "plain_text" in found or "html" in found:
        yield Raw(f"opinion/{number}", payload, OPINION)
    else:
        yield Skipped("other_json")


def json_object(payload: bytes) -> Mapping[str, Any]:
    """The object that a JSON file holds; empty if it holds something else.

    Raises:
        InputError: `damaged`: no JSON.
    """
    try:
        found = bounded_json.loads(payload)
    except ValueError as error:
        raise InputError("damaged", f"expected JSON: {error}") from error
    return found if isinstance(found, dict) else {}
