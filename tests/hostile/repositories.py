"""Repositories of git that bring commands, lead elsewhere, never end, or are not what they say.

Objects are written here byte for byte, as git itself refuses to make most of them.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.cases import Case

CODE = b"print('a file that is all right')\n"
HOOKS = ("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction")
EVIL = "touch /tmp/evil.py"
CONFIG = f"""[core]
\trepositoryformatversion = 0
\tbare = false
\tfsmonitor = {EVIL}
\tpager = {EVIL}
\tsshCommand = {EVIL}
\teditor = {EVIL}
\thooksPath = hooks
\tgitProxy = {EVIL}
\talternateRefsCommand = {EVIL}
\tworktree = /
\tattributesFile = /etc/passwd
\texcludesFile = /etc/passwd
[alias]
\tls-tree = !{EVIL}
\tcat-file = !{EVIL}
[filter "evil"]
\tclean = {EVIL}
\tsmudge = {EVIL}
\tprocess = {EVIL}
[diff "evil"]
\ttextconv = {EVIL}
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = ext::sh -c {EVIL.replace(" ", "% ")}
\tpromisor = true
\tuploadpack = {EVIL}
"""


class Repository:
    """A repository that is written object by object."""

    def __init__(self, folder: Path) -> None:
        self.git = folder / ".git"
        for name in ("objects/info", "refs/heads", "hooks"):
            (self.git / name).mkdir(parents=True)
        (self.git / "HEAD").write_text("ref: refs/heads/main\n")
        (self.git / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")

    def put(self, kind: str, content: bytes, stored: bytes | None = None) -> str:
        """Write an object, whose content may be another than its name says; returns its name."""
        whole = b"%s %d\0" % (kind.encode(), len(content)) + content
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.git / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole) if stored is None else stored)
        return name

    def tree(self, *entries: tuple[str, bytes, str]) -> str:
        """Write a tree of (mode, name, object)."""
        return self.put("tree", b"".join(b"%s %s\0" % (m.encode(), n) + bytes.fromhex(o) for m, n, o in entries))

    def commit(self, tree: str) -> None:
        """Make a tree the one of HEAD."""
        who = "n <n@example.org> 0 +0000"
        name = self.put("commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\nfiles\n".encode())
        (self.git / "refs/heads/main").write_text(f"{name}\n")

    def files(self, *names: bytes, mode: str = "100644", content: bytes = CODE) -> None:
        """Commit files of one content."""
        blob = self.put("blob", content)
        self.commit(self.tree(*((mode, name, blob) for name in sorted(names))))


def _commands(folder: Path) -> None:
    made = Repository(folder)
    made.files(b".gitattributes", b"a.py", content=b"*.py filter=evil diff=evil export-subst ident\n")
    (made.git / "config").write_text(CONFIG)
    for name in HOOKS:
        hook = made.git / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{EVIL}\n")
        hook.chmod(0o755)


def _links(folder: Path) -> None:
    made = Repository(folder)
    blob = made.put("blob", b"/etc/passwd")
    tree = made.tree(
        ("100644", b"a.py", made.put("blob", CODE)), ("120000", b"evil.py", blob), ("160000", b"module", "1" * 40)
    )
    made.commit(tree)


def _names(folder: Path) -> None:
    names = (
        b"..\\evil.py",
        b"\xff\xfe.py",
        b"a\nb.py",
        b"\xe2\x80\xae.py",
        b"<script>.py",
        b"-rf.py",
        b"x" * 3_000 + b".py",
    )
    Repository(folder).files(*names)


def _paths(folder: Path) -> None:
    made = Repository(folder)
    blob = made.put("blob", CODE)
    inner = made.tree(("100644", b"evil.py", blob))
    made.commit(made.tree(("40000", b"..", made.tree(("40000", b"..", inner))), ("100644", b"/tmp/evil.py", blob)))


def _same_names(folder: Path) -> None:
    made = Repository(folder)
    made.commit(made.tree(*[("100644", b"a.py", made.put("blob", CODE))] * 50))


def _deep(folder: Path) -> None:
    made = Repository(folder)
    tree = made.tree(("100644", b"a.py", made.put("blob", CODE)))
    for _ in range(6_000):
        tree = made.tree(("40000", b"d", tree))
    made.commit(tree)


def _folders_bomb(folder: Path) -> None:
    """Ten folders in each of ten folders, twenty times, and no file."""
    made = Repository(folder)
    tree = made.tree()
    for _ in range(20):
        tree = made.tree(*(("40000", b"d%d" % n, tree) for n in range(10)))
    made.commit(tree)


def _missing(folder: Path) -> None:
    made = Repository(folder)
    made.commit(made.tree(("100644", b"a.py", made.put("blob", CODE)), ("100644", b"b.py", "2" * 40)))


def _lying(folder: Path) -> None:
    made = Repository(folder)
    other = made.put("blob", CODE + b"#", zlib.compress(b"blob 99999999999\0" + CODE))
    noise = made.put("blob", CODE + b"##", b"\xff" * 400)
    made.commit(
        made.tree(("100644", b"a.py", made.put("blob", CODE)), ("100644", b"b.py", other), ("100644", b"c.py", noise))
    )


def _bomb(folder: Path) -> None:
    made = Repository(folder)
    zeros = made.put("blob", bytes(100 << 20))
    made.commit(made.tree(("100644", b"a.py", made.put("blob", CODE)), ("100644", b"b.py", zeros)))


def _tree_itself(folder: Path) -> None:
    made = Repository(folder)
    made.commit(made.put("blob", CODE))


def _tree_noise(folder: Path) -> None:
    made = Repository(folder)
    made.commit(made.put("tree", b"\xff" * 500))


def _head(text: str) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        made = Repository(folder)
        made.files(b"a.py")
        (made.git / "HEAD").write_text(text)

    return fill


def _alternates(folder: Path) -> None:
    made = Repository(folder)
    made.files(b"a.py")
    own = made.git / "objects"
    (own / "info/alternates").write_text(f"{own}\n../objects\n/nonexistent\n/dev/zero\n" * 50)


def _packs(folder: Path) -> None:
    made = Repository(folder)
    made.files(b"a.py")
    pack = made.git / "objects/pack"
    pack.mkdir()
    (pack / f"pack-{'3' * 40}.pack").write_bytes(b"PACK\0\0\0\2\xff\xff\xff\xff" + bytes(1000))
    (pack / f"pack-{'3' * 40}.idx").write_bytes(b"\xfftOc\0\0\0\2" + b"\xff" * 1_100)
    (pack / "multi-pack-index").write_bytes(b"MIDX" + b"\xff" * 900)
    (made.git / "objects/info/commit-graph").write_bytes(b"CGPH" + b"\xff" * 900)


def _include(folder: Path) -> None:
    made = Repository(folder)
    made.files(b"a.py")
    (made.git / "config").write_text(f"{CONFIG}[include]\n\tpath = /etc/passwd\n\tpath = ../../../../etc/passwd\n")


def _broken_config(folder: Path) -> None:
    made = Repository(folder)
    made.files(b"a.py")
    (made.git / "config").write_bytes(b"[core\n\xff\0")


FOLDERS: Mapping[str, tuple[Callable[[Path], None], int, str, str]] = {
    "commands": (_commands, 2, "", ""),
    "include": (_include, 0, "damaged", ""),
    "links": (_links, 1, "", "link submodule"),
    "names": (_names, 7, "", ""),
    "paths": (_paths, 2, "", ""),
    "same-names": (_same_names, 1, "", "repeated_member*49"),
    "deep": (_deep, 1, "", ""),
    "folders-bomb": (_folders_bomb, 0, "bomb", ""),
    "missing": (_missing, 1, "damaged", ""),
    "lying": (_lying, 1, "damaged too_long", ""),
    "bomb": (_bomb, 1, "too_long", ""),
    "tree-itself": (_tree_itself, 0, "damaged", ""),
    "tree-noise": (_tree_noise, 0, "damaged", ""),
    "head-path": (_head("ref: ../../../../etc/passwd\n"), 0, "damaged", ""),
    "head-option": (_head("ref: --upload-pack=touch /tmp/evil.py\n"), 0, "damaged", ""),
    "head-noise": (_head("\0" * 5_000), 0, "damaged", ""),
    "alternates": (_alternates, 1, "", ""),
    "packs": (_packs, 0, "damaged", ""),
    "broken-config": (_broken_config, 0, "damaged", ""),
}
CASES = [
    Case("github", f"git-{what}", fill, documents, rejects, skipped, is_folder=True)
    for what, (fill, documents, rejects, skipped) in FOLDERS.items()
]
