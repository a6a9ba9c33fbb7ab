"""Bounded streams over hostile, damaged and ordinary input."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile, list_files
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import gunzip, open_text_bytes, read_all

TEXT = b"a line of text\n" * 1000
PACKED = {
    "plain": TEXT,
    "gz": gzip.compress(TEXT[:7000]) + gzip.compress(TEXT[7000:]),
    "bz2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "zst": zstandard.compress(TEXT[:7000]) + zstandard.compress(TEXT[7000:]),
}


def read(path: Path) -> bytes:
    with open_text_bytes(InputFile(path.name, str(path), path.stat().st_size)) as stream:
        return stream.read()


@pytest.mark.parametrize("kind", PACKED)
def test_decompresses_by_magic_bytes(tmp_path: Path, kind: str):
    path = tmp_path / "no-suffix"
    path.write_bytes(PACKED[kind])
    assert read(path) == TEXT


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_truncation_is_noticed(tmp_path: Path, kind: str):
    path = tmp_path / "cut"
    path.write_bytes(PACKED[kind][:-20])
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.rule in ("truncated", "damaged")


def test_bomb_and_size_are_bounded():
    with pytest.raises(InputError) as caught:
        gunzip(gzip.compress(bytes(80 << 20)), limit=100 << 20)
    assert caught.value.rule == "bomb"
    with pytest.raises(InputError) as caught:
        read_all(io.BytesIO(TEXT), limit=100)
    assert caught.value.rule == "too_large"


def test_tar_names_are_data_and_links_are_kinds():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("../../etc/passwd")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"data"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    found = []
    for member in tar_members(io.BytesIO(packed.getvalue()), "t.tar"):
        found.append(member if isinstance(member, str) else (member.name, member.content.read()))
    assert found == [("../../etc/passwd", b"data"), "link", "directory"]
    with pytest.raises(InputError) as caught:
        for member in tar_members(io.BytesIO(packed.getvalue()[:514]), "t.tar"):
            if not isinstance(member, str):
                member.content.read()
    assert caught.value.rule == "truncated"


def test_names_do_not_depend_on_where_the_root_lies(tmp_path: Path):
    for place in ("here", "there"):
        folder = tmp_path / place / "books" / "deep"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("a")
    here, there = ([file.name for file in list_files("books", str(tmp_path / place))] for place in ("here", "there"))
    assert here == there == ["books/deep/a.txt"]
    assert [file.name for file in list_files(str(tmp_path / "here" / "books"), "")] == ["books/deep/a.txt"]
    with pytest.raises(ManifestError, match="empty directory"):
        (tmp_path / "void").mkdir()
        list_files("void", str(tmp_path))


def test_a_name_that_is_no_text_is_an_error(tmp_path: Path):
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/caf\xe9.txt")).write_bytes(b"x")
    with pytest.raises(ManifestError, match=r"UTF-8, got b'.*caf\\xe9\.txt'; rename it"):
        list_files("in", str(tmp_path))
