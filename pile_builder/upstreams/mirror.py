"""`pile fetch`: what a manifest's sources read from elsewhere, copied to a folder or a store of one's own.

Each file is downloaded to a part file on this machine, checked, and only then put at its name in the mirror. The mirror
keeps the names that files have below the manifest's root, so that documents keep their keys.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pile_builder.errors import ManifestError, StoreError
from pile_builder.hashing import fingerprint
from pile_builder.input_files import InputFile, file_system, is_remote, open_input, resolve
from pile_builder.manifest import Manifest
from pile_builder.masking import public_url
from pile_builder.remote import machine_folder
from pile_builder.store_errors import full_disk_explained
from pile_builder.upstreams.download import Download

MANIFEST = "manifest.yaml"
"""Name in the mirror of the manifest that builds from it."""
_PART = ".writing-"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A remote input: its name in the mirror, where it lies, its size (0 if unknown), whether the mirror has it."""

    name: str
    file: InputFile
    is_there: bool


def wanted_files(manifest: Manifest, to: str) -> list[Wanted]:
    """Every remote input of a manifest's sources, sorted by name.

    Args:
        manifest: whose sources.
        to: path or URL of the mirror.

    Raises:
        ManifestError: inputs cannot be listed, or two of them would have one name.
    """
    found: dict[str, InputFile] = {}
    for plugin in manifest.plugins.values():
        listed = [*plugin.input_files(), *(file for split in plugin.splits() for file in split.files)]
        listed += plugin.list_files()
        listed += [file for files in plugin.side_tables().values() for file in files]
        for file in listed:
            if not is_remote(file.url):
                continue
            name = _safe(file.name)
            if name in found and found[name].url != file.url:
                urls = f"{public_url(found[name].url)} and {public_url(file.url)}"
                msg = f"{urls}: both are called {name!r}; give `root`, a URL above both, to tell them apart"
                raise ManifestError(msg)
            found[name] = file
    return [Wanted(name, found[name], _is_there(f"{to.rstrip('/')}/{name}", found[name])) for name in sorted(found)]


def fetch(wanted: Iterable[Wanted], to: str, download: Download, sums: Mapping[str, str], parallel: int = 2) -> int:
    """Bring files to the mirror; says how many. What is there already is left alone.

    Args:
        wanted: the files.
        to: path or URL of the mirror.
        download: how.
        sums: published checksums by file name (the whole name or its last part).
        parallel: files at once.

    Raises:
        StoreError: a file cannot be brought; the others were.
    """
    missing = [one for one in wanted if not one.is_there]
    failed: list[str] = []
    with ThreadPoolExecutor(parallel) as threads:
        for one, task in [(one, threads.submit(_fetch, one, to, download, sums)) for one in missing]:
            try:
                task.result()
            except (StoreError, OSError) as error:
                failed.append(str(error) if isinstance(error, StoreError) else f"{one.name}: {error}")
    if failed:
        msg = f"{len(failed)} of {len(missing)} files could not be fetched:\n    " + "\n    ".join(failed[:10])
        raise StoreError(msg)
    return len(missing)


def read_sums(lists: Sequence[str]) -> dict[str, str]:
    """Checksums of lists as sha256sum and md5sum write them (`DIGEST  NAME`), by name.

    Raises:
        ManifestError: a line is none of these.
    """
    sums: dict[str, str] = {}
    for place in lists:
        with open_input(InputFile(place, place, 0)) as stream:
            lines = stream.read(64 << 20).decode("utf-8", "replace").splitlines()
        for line in lines:
            digest, _, name = line.strip().partition(" ")
            if not line.strip() or line.startswith("#"):
                continue
            if not name or len(digest) not in (32, 40, 64, 128):
                msg = f"{place}: expected lines `DIGEST  NAME` as sha256sum writes them, got {line[:80]!r}"
                raise ManifestError(msg)
            sums[name.strip().removeprefix("*").removeprefix("./")] = digest
    return sums


def write_manifest(manifest: Manifest, to: str) -> None:
    """Put a manifest into the mirror whose inputs are the mirror's."""
    data = {**manifest.given, "root": "."}
    if manifest.decontaminate:
        data["decontaminate"] = {**data["decontaminate"], "evals": list(manifest.decontaminate.evals)}
    data["sources"] = {name: _entry(manifest, name, given) for name, given in manifest.given["sources"].items()}
    _put_bytes(yaml.safe_dump(data, sort_keys=False, allow_unicode=True).encode(), f"{to.rstrip('/')}/{MANIFEST}")


def _entry(manifest: Manifest, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A source's entry over the mirror."""
    checked = manifest.sources[name]
    entry = {key: value for key, value in given.items() if key != "root"}
    entry["inputs"] = [_mirrored(one, checked.root or manifest.root) for one in checked.inputs]
    if is_remote(str(getattr(manifest.plugins[name].config, "prefix", ""))):
        # What lists of paths name lies below the mirror as the lists spell it.
        entry["options"] = {**(given.get("options") or {}), "prefix": ""}
    return entry


def _mirrored(given: str, root: str) -> str:
    """An input as the mirror's manifest names it: as files are named, see `input_files.relative_name`."""
    where = resolve(given, root)
    if not is_remote(where):
        return where if Path(where).is_absolute() else str(Path(where).absolute())
    where = public_url(where)
    if is_remote(root) and where.startswith(f"{root.rstrip('/')}/"):
        return where[len(root.rstrip("/")) + 1 :]
    top = where
    for sign in "*?[":
        top = top.split(sign, 1)[0]
    return where[len(top.rstrip("/").rpartition("/")[0]) + 1 :]


def _fetch(one: Wanted, to: str, download: Download, sums: Mapping[str, str]) -> None:
    target = f"{to.rstrip('/')}/{one.name}"
    if is_remote(to):
        part = machine_folder() / "fetch" / fingerprint([one.file.url])
    else:
        path = Path(target)
        part = path.with_name(f"{_PART}{path.name}")
    part.parent.mkdir(parents=True, exist_ok=True)
    checksum = sums.get(one.name) or sums.get(one.name.rpartition("/")[2], "")
    with full_disk_explained(str(part)):
        if one.file.url.startswith(("http://", "https://")):
            download.to_part(one.file.url, part, checksum)
        else:
            _copy(one.file, part, download)
    if is_remote(to):
        fs, path_there = file_system(target)
        fs.put_file(str(part), path_there)
        part.unlink()
    else:
        part.replace(target)


def _copy(file: InputFile, part: Path, download: Download) -> None:
    """Copy an object of a store, whose own library asks again where a connection ends; goes on with a part."""
    with open_input(file) as stored, part.open("ab") as out:
        stored.seek(min(out.tell(), file.size))
        while chunk := stored.read(_COPY_BYTES):
            download.limiter.take(len(chunk))
            out.write(chunk)
            download.advance(len(chunk))
    if file.size and part.stat().st_size != file.size:
        size = part.stat().st_size
        part.unlink()
        msg = f"{public_url(file.url)}: expected {file.size:,} bytes, {size:,} came; run the command again"
        raise StoreError(msg)


def _put_bytes(data: bytes, target: str) -> None:
    if is_remote(target):
        fs, path = file_system(target)
        fs.pipe_file(path, data)
        return
    path_here = Path(target)
    path_here.parent.mkdir(parents=True, exist_ok=True)
    temporary = path_here.with_name(f"{_PART}{path_here.name}")
    temporary.write_bytes(data)
    shutil.move(temporary, path_here)


def _is_there(target: str, file: InputFile) -> bool:
    fs, path = file_system(target)
    return bool(fs.isfile(path)) and (not file.size or int(fs.size(path) or 0) == file.size)


def _safe(name: str) -> str:
    """A name that stays below the mirror.

    Raises:
        ManifestError: it does not.
    """
    if any(part in ("", ".", "..") for part in PurePosixPath(name).parts) or name.startswith("/") or "\\" in name:
        msg = f"expected an input whose name lies below the root, got {name!r}"
        raise ManifestError(msg)
    return name


def total_size(wanted: Iterable[Wanted]) -> dict[str, Any]:
    """Files and bytes that are wanted and that are missing."""
    listed = list(wanted)
    missing = [one for one in listed if not one.is_there]
    return {
        "files": len(listed),
        "bytes": sum(one.file.size for one in listed),
        "missing_files": len(missing),
        "missing_bytes": sum(one.file.size for one in missing),
        "unknown": sum(not one.file.size for one in missing),
    }
