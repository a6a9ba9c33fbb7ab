"""Repositories, archives and trees: what is read of them, and that nothing in them runs or leads elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sysconfig
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pile_builder.errors import ManifestError
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.github import Github
from pile_builder.sources.github import licences as licences

SAMPLES = Path(__file__).parents[2] / "samples"
CODE = b"def double(x):\n    return 2 * x\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def github(root: Path, *inputs: str) -> Github:
    return Github(Github.Config(inputs=inputs or (".",), root=str(root)))


def records(source: Github) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def documents(source: Github) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for record in records(source):
        if isinstance(record, Raw):
            document = source.extract(record)
            assert record.key not in found
            if isinstance(document, Document):
                found[record.key] = document
    return found


def rules(found: Sequence[Raw | Reject | Skipped]) -> list[str]:
    return [one.rule for one in found if isinstance(one, Reject)]


def git(path: Path, *arguments: str) -> str:
    identity = {"GIT_CONFIG_GLOBAL": "/dev/null", "PATH": os.environ["PATH"], "HOME": str(path)}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {
            f"GIT_{who}_NAME": "n",
            f"GIT_{who}_EMAIL": "n@example.org",
            f"GIT_{who}_DATE": "2024-01-01T00:00:00Z",
        }
    done = subprocess.run(
        ["git", "-C", str(path), *arguments], capture_output=True, text=True, check=True, env=identity
    )
    return done.stdout.strip()


def repository(path: Path, files: dict[str, bytes], origin: str = "") -> Path:
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    git(path, "add", "-A", "--force")
    git(path, "commit", "-q", "-m", "files")
    if origin:
        git(path, "remote", "add", "origin", origin)
    return path


def tar(files: Sequence[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_samples() -> None:
    source = github(SAMPLES, "github")
    found = documents(source)
    assert len(found) == 26
    listing = "\n".join(f"{key} {hashlib.sha256(one.text.encode()).hexdigest()}" for key, one in sorted(found.items()))
    assert hashlib.sha256(listing.encode()).hexdigest()[:16] == "11880a1972e8d9db"
    assert found["github/tideboard/tideboard/cli.py"].meta == {
        "path": "tideboard/cli.py",
        "repository": "github/tideboard",
        "license": "MIT",
        "programming_language": "Python",
    }
    assert found["github/ropewalk/src/rope.c"].meta["license"] == "BSD-3-Clause"
    assert "Ordnung der Zeichen für die Suche" in found["github/ropewalk/src/collate.c"].text
    assert found["github/ropewalk/scripts/release.sh"].text == found["github/tideboard/scripts/release.sh"].text
    assert "github/tideboard/.github/workflows/test.yml" in found
    skipped = Counter(one.kind for one in records(source) if isinstance(one, Skipped))
    assert skipped == {"licence_file": 2, "picture": 2, "vendored": 2, "minified": 2, "data": 1, "lock_file": 1}
    assert documents(source) == found


@needs_git
def test_head_is_read_and_nothing_else(tmp_path: Path) -> None:
    attributes = b"hidden.py export-ignore\nid.py export-subst ident\n*.py text eol=crlf\n"
    files = {"src/a.py": CODE, "hidden.py": CODE, "id.py": b"v = '$Format:%H$ $Id$'\n", ".gitattributes": attributes}
    clone = repository(tmp_path / "clones" / "one", files, "https://user:secret@github.com/Owner/Name.git")
    (clone / "src" / "link.py").symlink_to("a.py")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "link")
    (clone / "src" / "a.py").write_bytes(b"dirty = True\n")
    (clone / "untracked.py").write_bytes(CODE)
    source = github(tmp_path, "clones")
    [split] = source.splits()
    commit = git(clone, "rev-parse", "HEAD")
    assert split.files[0].version == f"git:{commit}" and split.files[0].name == "clones/one"
    found = documents(source)
    assert set(found) == {f"Owner/Name/{name}" for name in (*files,)}
    assert found["Owner/Name/src/a.py"].text == CODE.decode()
    assert found["Owner/Name/id.py"].text == "v = '$Format:%H$ $Id$'\n"
    assert found["Owner/Name/src/a.py"].meta["url"] == f"https://github.com/Owner/Name/blob/{commit}/src/a.py"
    assert "secret" not in str(found) and str(tmp_path) not in str(found)
    assert Skipped("link") in list(records(source))


@needs_git
def test_repository_brings_nothing_to_run(tmp_path: Path) -> None:
    clone = repository(tmp_path / "one", {"a.py": CODE, ".gitattributes": b"*.py filter=evil diff=evil\n"})
    marker = tmp_path / "was-run"
    for name in (
        "core.fsmonitor",
        "core.pager",
        "filter.evil.smudge",
        "filter.evil.clean",
        "core.sshCommand",
        "alias.ls-tree",
    ):
        git(clone, "config", name, f"touch {marker}")
    git(clone, "config", "core.hooksPath", str(tmp_path))
    (tmp_path / "post-checkout").write_text(f"#!/bin/sh\ntouch {marker}\n")
    (tmp_path / "post-checkout").chmod(0o755)
    assert [one.text for one in documents(github(tmp_path, "one")).values()][-1] == CODE.decode()
    assert not marker.exists()


def test_names_of_a_tree_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_bytes(CODE)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/tree/caf\xe9.py")).write_bytes(CODE)
    found = github(tmp_path, "tree")
    items = [item for split in found.splits() for item in found.read(split)]
    assert Skipped("undecodable_name") in items and [item.key for item in items if isinstance(item, Raw)] == [
        "tree/a.py"
    ]


@needs_git
def test_repository_leads_nowhere_else(tmp_path: Path) -> None:
    private = repository(tmp_path / "private", {"secret.py": CODE}) / ".git"
    (tmp_path / "all" / "file").mkdir(parents=True)
    (tmp_path / "all" / "file" / ".git").write_text(f"gitdir: {private}\n")
    (tmp_path / "all" / "link").mkdir()
    (tmp_path / "all" / "link" / ".git").symlink_to(private)
    (repository(tmp_path / "all" / "common", {"a.py": CODE}) / ".git" / "commondir").write_text(str(private))
    parts = repository(tmp_path / "all" / "parts", {"a.py": CODE}) / ".git"
    for name in ("objects", "refs"):
        shutil.rmtree(parts / name)
        (parts / name).symlink_to(private / name)
    found = github(tmp_path, "all")
    assert [split.name for split in found.splits()] == ["all/common", "all/file", "all/link", "all/parts"]
    items = [item for split in found.splits() for item in found.read(split)]
    assert rules(items) == ["damaged"] * 4 and len(items) == 4


@needs_git
def test_collections(tmp_path: Path) -> None:
    files = {"a.py": CODE}
    repository(tmp_path / "all" / "owner" / "one", files)
    repository(tmp_path / "all" / "two", files, "git@gitlab.com:group/sub/two.git")
    git(tmp_path, "clone", "-q", "--bare", "all/two", "all/three.git")
    git(tmp_path / "all" / "three.git", "remote", "set-url", "origin", "git@gitlab.com:group/sub/two.git")
    (tmp_path / "all" / "plain" / "deep").mkdir(parents=True)
    (tmp_path / "all" / "plain" / "deep" / "a.py").write_bytes(CODE)
    (tmp_path / "all" / "four.tgz").write_bytes(gzip.compress(tar([("four-main/a.py", CODE)])))
    (tmp_path / "all" / "notes.txt").write_bytes(b"loose")
    (tmp_path / "all" / "unborn").mkdir()
    git(tmp_path / "all" / "unborn", "init", "-q")
    source = github(tmp_path, "all")
    splits = list(source.splits())
    assert [split.name for split in splits] == sorted(split.name for split in splits)
    assert set(documents(source)) == {
        "all/owner/one/a.py",
        "group/sub/two/a.py",
        "group/sub/two@all/two/a.py",
        "all/plain/deep/a.py",
        "all/four/a.py",
    }
    assert rules(list(records(source))) == ["damaged"]
    again = github(tmp_path, "all/two", "all/four.tgz", "all/*", "all/plain", "all/owner/*")
    assert set(documents(again)) == set(documents(source))


@needs_git
def test_damaged_repository(tmp_path: Path) -> None:
    clone = repository(tmp_path / "one", {"a.py": CODE, "b.py": CODE + b"#\n"})
    blob = git(clone, "rev-parse", "HEAD:a.py")
    (clone / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    found = list(records(github(tmp_path, "one")))
    assert "damaged" in rules(found)


def test_inputs_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="found nothing"):
        list(github(tmp_path, "absent").splits())
    with pytest.raises(ManifestError, match="matches nothing"):
        list(github(tmp_path, "absent*").splits())
    (tmp_path / "a.py").write_bytes(CODE)
    with pytest.raises(ManifestError, match="expected a folder or an archive"):
        list(github(tmp_path, "a.py").splits())
    for name in ("x/same", "y/same"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.py").write_bytes(CODE)
    with pytest.raises(ManifestError, match="two inputs are called 'same'"):
        list(Github(Github.Config(inputs=(str(tmp_path / "x/same"), str(tmp_path / "y/same")))).splits())


def test_archives_with_and_without_a_top_folder(tmp_path: Path) -> None:
    both = [("src/a.py", CODE), ("a.py", CODE), ("LICENSE", b"SPDX-License-Identifier: Apache-2.0\n")]
    (tmp_path / "flat.tar.gz").write_bytes(gzip.compress(tar(both)))
    (tmp_path / "top.tar").write_bytes(tar([(f"./top-1.0/{name}", content) for name, content in both]))
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        for name, content in both:
            archive.writestr(f"top-main/{name}", content)
        link = zipfile.ZipInfo("top-main/link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "a.py")
    found = documents(github(tmp_path))
    assert set(found) == {f"{name}/{path}" for name in ("flat", "top", "zipped") for path in ("src/a.py", "a.py")}
    assert {one.meta["license"] for one in found.values()} == {"Apache-2.0"}


def test_hostile_archives(tmp_path: Path) -> None:
    good = tar([(f"top/{number}.py", CODE * 400) for number in range(20)])
    (tmp_path / "cut.tar").write_bytes(good[: len(good) // 2 + 700])
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(good)[:-30])
    (tmp_path / "noise.tar.gz").write_bytes(b"not an archive" * 100)
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    names = [("../../etc/passwd.py", CODE), ("top/a.py", CODE), ("top/a.py", CODE + b"#"), ("/srv/b.py", CODE)]
    (tmp_path / "names.tar").write_bytes(tar([*names, ("top/big.py", b"x" * 500_000)]))
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(tar([("top/zeros.py", bytes(60 << 20))])))
    by_input = {split.name: list(github(tmp_path).read(split)) for split in github(tmp_path).splits()}
    assert rules(by_input["cut.tar"]) == ["truncated"] and len(by_input["cut.tar"]) > 5
    assert rules(by_input["cut.tar.gz"]) == ["truncated"] and len(by_input["cut.tar.gz"]) > 5
    assert rules(by_input["noise.tar.gz"]) == ["damaged"]
    assert rules(by_input["empty.zip"]) == ["damaged"]
    assert rules(by_input["cut.zip"]) == ["truncated"]
    assert "too_long" in rules(by_input["bomb.tar.gz"])
    keys = [one.key for one in by_input["names.tar"] if isinstance(one, Raw)]
    assert keys == ["names/../../etc/passwd.py", "names/top/a.py", "names//srv/b.py"]
    assert Skipped("repeated_member") in by_input["names.tar"] and rules(by_input["names.tar"]) == ["too_long"]


def test_hostile_zip_members(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("locked.py", "lying.py", "good.py"):
            archive.writestr(f"top/{name}", CODE * 50)
    content = bytearray(out.getvalue())
    first = content.index(b"PK\x01\x02")
    content[first + 8] |= 1
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 24 : second + 28] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    found = list(records(github(tmp_path)))
    assert set(rules(found)) <= {"encrypted", "damaged", "too_large"} and "encrypted" in rules(found)
    assert [one.key for one in found if isinstance(one, Raw)][-1] == "a/good.py"


def test_real_tree() -> None:
    library = Path(sysconfig.get_path("stdlib")) / "json"
    source = github(library.parent, "json")
    found = documents(source)
    assert found["json/decoder.py"].text == (library / "decoder.py").read_text(encoding="utf-8")
    assert {one.meta["programming_language"] for one in found.values()} == {"Python"}
