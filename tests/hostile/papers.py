"""LaTeX that expands without end, nests, never closes, or is no LaTeX; and arXiv members that are no papers."""

import gzip

from tests.hostile.cases import Case
from tests.hostile.made import STORY, arxiv_tar, paper, tar_of

TEXT = f"{STORY}\n\n" * 3
LAUGHS = "\\def\\a{ha}" + "".join(f"\\def\\{chr(98 + n)}{{{f'{chr(92)}{chr(97 + n)} ' * 10}}}" for n in range(12))

PAPERS = {
    "laughs": (LAUGHS, TEXT + "\\m", "bomb"),
    "self": ("\\def\\a{x\\a}", TEXT + "\\a", "bomb"),
    "mutual": ("\\def\\a{x\\b}\\def\\b{y\\a}", TEXT + "\\a", "bomb"),
    "doubling": ("\\def\\a{\\a\\a}", TEXT + "\\a", "bomb"),
    "argument-doubling": ("\\newcommand{\\d}[1]{#1#1}", TEXT + "\\d{" * 60 + "x" + "}" * 60, "bomb"),
    "redefine": ("\\def\\a{\\def\\a{\\a\\a}\\a}", TEXT + "\\a", "bomb"),
    "let-loop": ("\\let\\a\\b\\let\\b\\a", TEXT + "\\a\\b", ""),
    "begin-document": ("\\def\\begin{\\begin}", TEXT, ""),
    "braces-open": ("", TEXT + "{" * 300_000, ""),
    "braces-close": ("", TEXT + "}" * 300_000, ""),
    "braces-deep": ("", TEXT + "{" * 100_000 + "x" + "}" * 100_000, ""),
    "emph-deep": ("", TEXT + "\\emph{" * 50_000 + "x" + "}" * 50_000, ""),
    "math-open": ("", TEXT + "$" * 100_001 + "x", ""),
    "math-nested": ("", TEXT + "$\\text{$" * 20_000, ""),
    "math-frac-deep": ("", TEXT + "$" + "\\frac{" * 50_000 + "x$", ""),
    "math-left": ("", TEXT + "\\[" + "\\left(" * 100_000, ""),
    "scripts": ("", TEXT + "$x" + "^{x" * 50_000 + "}" * 50_000 + "$", ""),
    "begin-deep": ("", TEXT + "\\begin{itemize}\\item " * 20_000, ""),
    "begin-unknown": ("", TEXT + "\\begin{x}" * 50_000, ""),
    "end-flood": ("", TEXT + "\\end{itemize}" * 50_000, ""),
    "table-wide": ("", TEXT + "\\begin{tabular}{l}" + "a & " * 200_000 + "\\end{tabular}", ""),
    "table-columns": ("", TEXT + "\\begin{tabular}{*{999999999}{l}}a\\end{tabular}", ""),
    "table-columns-nested": ("", TEXT + "\\begin{tabular}{" + "*{99}{" * 9 + "l" + "}" * 9 + "}a\\end{tabular}", ""),
    "multicolumn": (
        "",
        TEXT + "\\begin{tabular}{ll}\\multicolumn{999999999}{c}{x}\\\\\\multirow{99999999}{*}{y}&z\\end{tabular}",
        "",
    ),
    "counters": (
        "",
        TEXT + "\\setcounter{section}{999999999999999999999}\\section{x}\\addtocounter{section}{-" + "9" * 5000 + "}",
        "",
    ),
    "alph": ("", TEXT + "\\setcounter{enumi}{999999999}\\begin{enumerate}\\item x\\end{enumerate}", ""),
    "input-self": ("", TEXT + "\\input{main}", ""),
    "input-passwd": ("", TEXT + "\\input{/etc/passwd}\\include{../../../../etc/passwd}", ""),
    "write18": ("", TEXT + "\\write18{touch /tmp/evil.hostile}\\immediate\\openout1=evil.hostile", ""),
    "verb-never-ends": ("", TEXT + "\\verb|" + "x" * 300_000, ""),
    "verb-flood": ("", TEXT + "\\verb|" * 100_000, ""),
    "verbatim-never-ends": ("", TEXT + "\\begin{verbatim}" * 20_000, ""),
    "optional-never-ends": ("", TEXT + "\\section[" * 50_000, ""),
    "conditionals": ("", TEXT + "\\iffalse" * 50_000, ""),
    "conditionals-nested": ("", TEXT + "\\iftrue" * 50_000 + "x" + "\\fi" * 50_000, ""),
    "comment-flood": ("", TEXT + "%\n" * 300_000, ""),
    "percent-flood": ("", TEXT + "%" * 1_000_000, ""),
    "backslashes": ("", TEXT + "\\" * 1_000_001, ""),
    "spaces": ("", TEXT + " " * 3_000_000 + "x", ""),
    "newlines": ("", TEXT + "\n" * 3_000_000 + "x", ""),
    "cite-flood": ("", TEXT + "\\cite{a,b}" * 50_000, ""),
    "ref-flood": ("", TEXT + "\\label{a}\\ref{a}" * 50_000, ""),
    "footnotes": ("", TEXT + "\\footnote{x" * 20_000, ""),
    "accents": ("", TEXT + "\\'" * 200_000 + "e", ""),
    "hash-flood": ("\\def\\a#1#2#3#4#5#6#7#8#9{#1}", TEXT + "\\a" * 20_000, ""),
    "delimited": ("\\def\\a#1STOP{#1}", TEXT + "\\a x " * 20_000, ""),
    "csname": ("", TEXT + "\\csname" * 20_000 + "\\endcsname" * 20_000, ""),
    "newif": ("\\newif\\ifx", TEXT + "\\ifx" * 5_000, ""),
    "xparse": ("\\NewDocumentCommand{\\a}{" + "m" * 50_000 + "}{x}", TEXT + "\\a{1}", ""),
    "nul": ("", TEXT + "\0\x1b[31m\x11" * 1_000, ""),
}


def _one(name: str, content: bytes) -> bytes:
    return arxiv_tar({f"{name}.gz": gzip.compress(content)})


CASES = [
    *(
        Case(
            "arxiv",
            f"latex-{what}.tar",
            lambda preamble=preamble, body=body, n=n: _one(f"2403.{n:05}", paper(body, preamble)),
            int(not rule),
            rule,
        )
        for n, (what, (preamble, body, rule)) in enumerate(PAPERS.items())
    ),
    Case("arxiv", "member-bomb.tar", lambda: _one("2404.00001", bytes(300 << 20)), 0, "too_large"),
    Case(
        "arxiv",
        "member-cut.tar",
        lambda: arxiv_tar({"2404.00002.gz": gzip.compress(paper(TEXT))[:-20]}),
        0,
        "truncated",
    ),
    Case("arxiv", "member-not-gzip.tar", lambda: arxiv_tar({"2404.00003.gz": paper(TEXT)}), 1),
    Case("arxiv", "member-gzip-in-gzip.tar", lambda: _one("2404.00004", gzip.compress(paper(TEXT))), 0, "not_latex"),
    Case(
        "arxiv",
        "member-tar-of-traps.tar",
        lambda: _one(
            "2404.00005",
            tar_of({"../../main.tex": paper(TEXT + "\\input{/etc/passwd}"), "/etc/passwd": b"root:x:0:0\n"}),
        ),
        0,
        "no_main_file",
    ),
    Case(
        "arxiv",
        "member-tar-cut.tar",
        lambda: _one("2404.00006", tar_of({"main.tex": paper(TEXT), "b.tex": TEXT.encode() * 9})[:3000]),
        0,
        "truncated",
    ),
    Case(
        "arxiv",
        "member-tar-of-tars.tar",
        lambda: _one("2404.00007", tar_of({"a.tar": tar_of({"main.tex": paper(TEXT)})})),
        0,
        "no_main_file",
    ),
    Case(
        "arxiv",
        "member-tar-many-files.tar",
        lambda: _one("2404.00008", tar_of({"main.tex": paper(TEXT)} | {f"{n}.tex": b"x" for n in range(20_000)})),
        0,
        "too_large",
    ),
    Case(
        "arxiv",
        "member-input-web.tar",
        lambda: _one(
            "2404.00009",
            tar_of(
                {
                    f"{n}.tex": (paper(TEXT) if n == 0 else b"")
                    + "".join(f"\\input{{{m}}}" for m in range(40)).encode()
                    for n in range(40)
                }
            ),
        ),
        1,
    ),
    Case(
        "arxiv",
        "member-inputs-all.tar",
        lambda: _one(
            "2404.00011",
            tar_of(
                {"main.tex": paper(TEXT + "".join(f"\\input{{{m}}}" for m in range(1, 25)))}
                | {f"{n}.tex": f"x \\input{{{n + 1}}}\\input{{{n + 1}}}".encode() for n in range(1, 25)}
            ),
        ),
        1,
    ),
    Case("arxiv", "member-pdf.tar", lambda: _one("2404.00010", b"%PDF-1.5\n" + bytes(900)), 0, "pdf_only"),
    Case("arxiv", "member-empty.tar", lambda: _one("2404.00012", b""), 0, "no_text"),
]
