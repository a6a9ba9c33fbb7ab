"""Nothing that was read is ever run, unpickled or rendered: the product's own calls, looked at one by one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("pile_builder", "sources", "pipelines") for path in (ROOT / folder).rglob("*.py"))

FORBIDDEN = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "pty.spawn", "runpy.run_path"),
        *(
            "pickle.load",
            "pickle.loads",
            "pickle.Unpickler",
            "marshal.loads",
            "shelve.open",
            "joblib.load",
            "torch.load",
        ),
        *("yaml.unsafe_load", "yaml.full_load", "tempfile.mktemp", "xml.etree.ElementTree.parse", "jsonpickle.decode"),
        *("shutil.unpack_archive", "importlib.import_module", "ctypes.CDLL", "jinja2.Template", "builtins.eval"),
    }
)
METHODS = frozenset({"extractall", "extract_all", "unpack_archive"})
"""Methods that write an archive's members under their names, or make a template of text."""

ALLOWED = {
    ("pile_builder/allocator.py", "ctypes.CDLL(None)"): "the C library that Python itself runs on",
    ("pile_builder/forkserver.py", "ctypes.CDLL(None)"): "the C library that Python itself runs on",
    ("pipelines/stored.py", "pickle.loads(data)"): "what the driver pickled, checked against the digest in its name",
    ("pile_builder/decontamination/eval_templates.py", "SandboxedEnvironment"): "writes text that is matched, no page",
}
PROGRAMS = {
    "sources/github/git.py": "git alone, by a list of arguments, with hooks, transports and other configuration off",
    "pipelines/runners/attended.py": "job servers and worker pools, by a list of arguments from a runner profile",
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, by the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keywords(call: ast.Call) -> dict[str, str]:
    return {each.arg: ast.unparse(each.value) for each in call.keywords if each.arg}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_takes_data_for_code(path: Path):
    name = str(path.relative_to(ROOT))
    for called, call in calls(path):
        given = keywords(call)
        where = f"{name}:{call.lineno}: {called}"
        assert called not in FORBIDDEN or (name, ast.unparse(call)) in ALLOWED, where
        assert called.rpartition(".")[2] not in METHODS, where
        assert given.get("shell", "False") == "False", where
        assert given.get("allow_pickle", "False") == "False", where
        assert given.get("trust_remote_code", "False") == "False", where
        assert given.get("resolve_entities", "False") == "False", where
        if called == "yaml.load":
            assert given["Loader"].rpartition(".")[2] in (
                "CSafeLoader",
                "SafeLoader",
                "_UniqueKeyLoader",
                "_TaskLoader",
            ), where
        if called.endswith("Environment") and "Template" in path.read_text():
            assert given.get("autoescape") == "True" or (name, called) in ALLOWED, where
        if called.startswith("subprocess.") and "." not in called[11:] and called[11:].islower():
            assert name in PROGRAMS, where
        if called == "subprocess.Popen":
            assert name in PROGRAMS, where


def test_markup_is_made_of_constants():
    """Markup() takes text as it is: only literals, and the page's own style and script, may go in."""
    for path in FILES:
        for called, call in calls(path):
            if called == "Markup" and call.args and not isinstance(call.args[0], ast.Constant):
                assert ast.unparse(call.args[0]) in ("_file(f'page.{name}')", "tag"), f"{path}:{call.lineno}"


def test_templates_escape_everything():
    for path in (ROOT / "pile_builder").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), path
        assert "autoescape" not in text, path
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in text, path


def test_parsers_of_xml_load_nothing():
    for path in FILES:
        for called, call in calls(path):
            if called.endswith("XMLParser"):
                assert keywords(call)["resolve_entities"] == "False", path
            # lexbor's has no network to use.
            if called.endswith(("XMLParser", "HTMLParser")) and not called.endswith("LexborHTMLParser"):
                assert keywords(call)["no_network"] == "True", path
