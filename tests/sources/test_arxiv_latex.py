"""LaTeX to Markdown: what each construct becomes, and that hostile input ends."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import InputError
from pile_builder.sources.arxiv.latex import inline_text, to_markdown


def body(text: str, preamble: str = "", **files: str) -> str:
    main = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{text}\n\\end{{document}}\nafter"
    return to_markdown(
        {"main.tex": main, **{f"{name}.tex": file for name, file in files.items()}}, "main.tex"
    ).text.strip()


@pytest.mark.parametrize(
    ("latex", "markdown"),
    [
        ("50\\% of % a comment\nit", "50% of it"),
        ("one % c\n\ntwo", "one\n\ntwo"),
        ("a%\nb \\\\% c\nd", "ab\nd"),
        ("\\verb|50% \\x| and \\texttt{a\\_b}", "`50% \\x` and `a_b`"),
        ("``quoted'' --- 1--2~m", "“quoted” — 1–2 m"),
        ("Erd\\H{o}s, G\\\"odel, \\'{\\i}, \\c{c}, \\ss, \\o{}re, \\aa", "Erdős, Gödel, í, ç, ß, øre, å"),
        ("\\emph{x} {\\bf y} \\textbf{ z }", "*x* **y** **z**"),
        ("known~\\cite{a,b}. See \\cite{c} and \\citet[p.~2]{d}.", "known. See [c] and [d, p. 2]."),
        ("known (see also \\citealp{a}; \\citep{b}).", "known."),
        ("shown before \\citep{a}, \\citep{b}.", "shown before."),
        ("\\unknown[opt]{kept} text", "kept text"),
        ("\\section*{Title \\footnote{no}}\ntext\\footnote{A note.}", "## Title\n\ntext[^1]\n\n[^1]: A note."),
        ("costs \\$5 and $x$", "costs \\$5 and $x$"),
        ("a stray $ sign\n\nnext $y$", "a stray \\$ sign\n\nnext $y$"),
        ("\\iffalse hidden \\ifx a b \\fi \\else shown\\fi", "shown"),
        ("\\begin{comment}hidden\\end{comment}shown", "shown"),
        ("\\SI{4.5}{\\kilo\\meter\\per\\hour}", "4.5 km/h"),
        ("\\SI{-24}{\\deci\\bel}, \\SI{3}{\\zepto\\mole}, \\si{\\exbi\\byte}", "-24 dB, 3 zmol, EiB"),
        ("\\pagerange{\\pageref{a}--\\pageref{b}} text", "text"),
        ("\\emph{Model.---}We see. \\textbf{--- x}y \\texttt{a-}", "*Model.*—We see. — **x**y `a-`"),
        ("known to both~\\cite{a}--\\cite{b}; see \\cite{c}, \\cite{d}.", "known to both [a]–[b]; see [c], [d]."),
        ("\\keywords{a, b}", "Keywords: a, b"),
        ("\\begin{keywords}\na -- b\n\\end{keywords}", "Keywords: a – b"),
        (
            "\\begin{IEEEkeywords}a\\end{IEEEkeywords}\\begin{keyword}b \\sep c\\end{keyword}",
            "Keywords: a\n\nKeywords: b, c",
        ),
        ("\\begin{keywords} % none\n\\end{keywords}\\keywords{} text", "text"),
        ("text\n\\begin{thebibliography}{9}\\bibitem{a} A.\\end{thebibliography}", "text"),
        ("text\n\n\\section*{References}\n\\bibliography{x}", "text"),
        ("\\section{On \\texorpdfstring{$x$}{x}}\ntext", "## On $x$\n\ntext"),
        ("\\paragraph{Run in} text", "**Run in.** text"),
        ("\\begin{quote}said\\end{quote}", "> said"),
        ("\\href{http://x.org/a%20b}{link} \\url{http://x.org/a_b%c}", "link http://x.org/a_b%c"),
        ("}} text \\end{foo} \\end{itemize} more", "text more"),
    ],
)
def test_text(latex, markdown):
    assert re.sub(r" +", " ", body(latex)) == markdown


@pytest.mark.parametrize(
    ("latex", "markdown"),
    [
        ("\\[ x % c\n = 1 \\]", "$$\nx = 1\n$$"),
        ("$$a$$", "$$\na\n$$"),
        ("\\begin{equation}\\label{e} x \\nonumber \\end{equation}", "$$\nx\n$$"),
        (
            "\\begin{align*} a &= b \\\\ c &= d \\end{align*}",
            "$$\n\\begin{aligned}\na &= b \\\\ c &= d\n\\end{aligned}\n$$",
        ),
        (
            "\\begin{equation}\\begin{cases} 1 \\\\ 2 \\end{cases}\\end{equation}",
            "$$\n\\begin{cases} 1 \\\\ 2 \\end{cases}\n$$",
        ),
        (
            "\\begin{eqnarray} a&=&b \\\\ & & +\\{\\begin{matrix}1&2&3\\end{matrix} \\\\ &\\le&c \\end{eqnarray}",
            "$$\n\\begin{aligned}\na&= b \\\\ & +\\{\\begin{matrix}1&2&3\\end{matrix} \\\\ &\\le c\n\\end{aligned}\n$$",
        ),
        (
            "\\begin{eqnarray} &a &= b \\\\ &c &= d \\end{eqnarray}",
            "$$\n\\begin{aligned}\na &= b \\\\ c &= d\n\\end{aligned}\n$$",
        ),
        (
            "\\begin{align} &a \\\\ &b \\end{align}\\begin{align} &c \\end{align}",
            "$$\n\\begin{aligned}\n&a \\\\ &b\n\\end{aligned}\n$$\n\n$$\nc\n$$",
        ),
        (
            "\\begin{alignat*}{2} a &= b \\\\ \\intertext{and \\emph{so} for $x$} {\\bf c} &= d \\end{alignat*}",
            "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$\n\nand *so* for $x$\n\n"
            "$$\n\\begin{aligned}\n{\\bf c} &= d\n\\end{aligned}\n$$",
        ),
        ("\\(a\\)$b$", "$a$ $b$"),
        ("$\\mbox{if $x$ and }y$", "$\\mbox{if $x$ and }y$"),
        ("\\be x \\ee", "$$\nx\n$$"),
        ("$\\R^n, \\norm{\\norm x}, \\opt y, \\opt[3] y$", "$\\mathbb{R}^n, \\|\\|x\\|\\|, f_{2}(y), f_{3}(y)$"),
        ("$x_\\vv \\a b$, \\vv is", "$x_{\\mathbf{v}} \\alpha b$, $\\mathbf{v}$ is"),
        ("$\\argmax_x$", "$\\operatorname*{arg\\,max}_x$"),
        ("$\\pair<a,b>$", "$\\langle a | b\\rangle$"),
    ],
)
def test_math(latex, markdown):
    preamble = r"""
    \def\be{\begin{equation}} \def\ee{\end{equation}} \newcommand{\R}{\mathbb{R}} \newcommand\norm[1]{\|#1\|}
    \newcommand{\opt}[2][2]{f_{#1}(#2)} \newcommand{\vv}{\ensuremath{\mathbf{v}}\xspace} \let\a\alpha
    \DeclareMathOperator*{\argmax}{arg\,max} \def\pair<#1,#2>{\langle #1 | #2\rangle}
    """
    assert body(latex, preamble) == markdown


def test_references_agree():
    text = body(
        "\\section{A}\\subsection{B}\\label{s} See \\ref{s}, Eq.~\\eqref{e}, \\cref{t}, Figure~\\ref{f}, "
        "Figure~\\ref{none}."
        "\\begin{equation}\\label{e} x \\end{equation}\\begin{thm}[Euler]\\label{t} True. \\end{thm}"
        "\\begin{thm} Other. \\end{thm}"
        "\\begin{figure}\\includegraphics{a}\\caption{A \\textbf{cat}.}\\label{f}\\end{figure}",
        "\\newtheorem{thm}{Theorem}",
    )
    assert "See 1.1, Eq. (1), Theorem 1, Figure 1, Figure." in text
    assert "x\\tag{1}" in text
    assert "**Theorem 1 (Euler).** True." in text
    assert "**Theorem.** Other." in text
    assert "Figure 1: A **cat**." in text


def test_subequations_share_a_number():
    text = body(
        "\\begin{subequations}\\label{all}\\begin{align} a \\label{a} \\\\ b \\label{b} \\\\ c \\label{c}\\end{align}"
        "\\end{subequations}\\begin{equation} d \\label{d}\\end{equation} See \\eqref{a}, \\eqref{c}, \\eqref{d}."
    )
    assert "a \\tag{1a} \\\\ b  \\\\ c \\tag{1c}" in text
    assert "d\\tag{2}" in text
    assert "See (1a), (1c), (2)." in text
    whole = (
        "\\begin{subequations}\\label{all}\\begin{align} a \\label{a} \\\\ b \\label{b}\\end{align}\\end{subequations}"
    )
    assert "a \\tag{1a} \\\\ b \\tag{1b}" in body(f"{whole} See \\eqref{{all}}.")
    assert body(f"\\section{{A}}{whole} See \\eqref{{all}}.").endswith("See (1).")


def test_counters():
    preamble = r"\newcounter{req}[section]\newcommand{\req}{\refstepcounter{req}R\thereq: }\newcounter{n}"
    text = body(r"\section{A}\req\label{a} one. \req two. \section{B}\req three. See R\ref{a}.", preamble)
    assert re.findall(r"R\d.*?\.", text) == ["R1: one.", "R2: two.", "R1: three.", "R1."]
    values = r"\setcounter{n}{8}\addtocounter{n}{-4} \arabic{n} \Alph{n} $x_{\arabic{n}} \pi\roman{n}$ \arabic{page}."
    assert body(values, preamble) == "4 D $x_{4} \\pi iv$ ."
    exercise = r"\newcounter{e}\newenvironment{ex}{\paragraph{Exercise \thee}\refstepcounter{e}}{}"
    assert body(r"\begin{ex}Do.\end{ex}", exercise) == "**Exercise 1.** Do."


def test_algorithms_are_indented():
    text = body(
        "\\begin{algorithmic}[1]\n\\Require $n$\n\\For{each $i$}\n\\If{odd}\n\n  \\State a \\\\ b\n\\Else\n"
        "\\State c\n\\EndIf\n\\EndFor\n\\Repeat \\State d \\Until{done}\n\\end{algorithmic} After \\\\ that."
    )
    assert text == (
        "Require: $n$\nfor each $i$ do\n  if odd then\n    a\n    b\n  else\n    c\n  end if\nend for\n"
        "repeat\n  d\nuntil done\n\nAfter\nthat."
    )


def test_examples_of_linguistics():
    examples = (
        "\\begin{exe}\\ex \\label{a} One.\\ex[*]{He go.}\\end{exe} Text."
        "\\begin{exe}\\ex\\begin{xlist}\\ex p\\label{p}\\ex q\\end{xlist}\\end{exe} See (\\ref{a}), (\\ref{p})."
    )
    assert body(examples) == "1. One.\n2. *He go.\n\nText.\n\n3. - a. p\n   - b. q\n\nSee (1), (3a)."
    assert body("\\begin{exe}True.\\end{exe}", "\\newtheorem{exe}{Exercise}") == "**Exercise.** True."


def test_lists_and_tables():
    text = body(
        "\\begin{enumerate}\\item one\n\\begin{itemize}\\item inner\\end{itemize}\\item two\\end{enumerate}"
        "\\begin{table}\\begin{tabular}{ll}\\hline A & $|x|$ \\\\ "
        "\\multicolumn{2}{c}{both} \\\\\\end{tabular}\\caption{T.}\\end{table}"
    )
    assert "1. one\n\n   - inner\n2. two" in text
    assert "Table: T.\n\n| A | $\\vert x\\vert $ |\n| --- | --- |\n| both |  |" in text


def test_files():
    assert (
        body("a \\input{b} \\include{../b} \\input{/etc/passwd} \\input{main} c", b="in \\input{b} side")
        == "a in side c"
    )


def test_title_abstract():
    text = body(
        "\\maketitle\\begin{abstract}Short.\\end{abstract}Text.",
        "\\title{A \\textbf{b}\\thanks{no}\\\\c}\\author{No One}",
    )
    assert text == "# A b c\n\n## Abstract\n\nShort.\n\nText."
    assert inline_text('On $x_1$ and  K\\"ahler\n metrics') == "On $x_1$ and Kähler metrics"


N = 100_000
DOUBLING = "".join(f"\\def\\a{chr(97 + i)}{{\\a{chr(98 + i)}\\a{chr(98 + i)}}}" for i in range(24))
HOSTILE = {
    "nested": "{" * N + "x" + "}" * N,
    "open": "{" * 1_000_000,
    "closed": "}" * N,
    "bold": "\\textbf{" * N + "x" + "}" * N,
    "roots": "$" + "\\sqrt{" * N + "$",
    "lists": "\\begin{itemize}\\item x " * 20_000,
    "figures": "\\begin{figure}\\caption{x} " * 10_000,
    "quotes": "\\begin{quote}x " * 900 + "y " * N + "\\end{quote}" * 900,
    "dollars": "$x\n\n" * N,
    "conditionals": "\\iffalse " * 20_000 + "\\fi",
    "doubling": DOUBLING + "\\aa",
    "self": "\\def\\a{x\\a\\a}" + "\\a " * 1000,
    "arguments": "\\newcommand{\\a}[1]{#1#1#1#1#1#1#1#1}" + "\\a{" * 60 + "x" + "}" * 60,
    "tail": "\\def\\a#1{#1 y\\a}\\a xxx",
    "optional": "\\section[{]" * N,
    "line": "word " * 1_000_000,
    "marks": "\x03\x031\x03\x115\x11\x07\x0899\x08" * N,
    "verbatim": "\\begin{verbatim}" * N,
    "definitions": "\\def\\x#1#2{#1" * 20_000,
    "algorithm": "\\begin{algorithmic}" + "\\If{x} \\State y " * 20_000,
    "intertext": "\\begin{align}" + "\\intertext{x} y & z \\\\" * 10_000,
    "counter": "\\newcounter{n}" + "\\setcounter{n}{999999999}\\roman{n}\\addtocounter{n}{\\value{n}}" * 10_000,
    "examples": "\\begin{exe}\\ex " * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends(name):
    start = time.process_time()
    try:
        text = body(HOSTILE[name])
    except InputError as error:
        assert error.rule == "bomb"
    else:
        assert len(text) < 8_000_000
    assert time.process_time() - start < 20


PIECES = st.sampled_from(
    re.split(
        r"\s+",
        r"""{ } $ $$ & % ] \\ \' \[ \] \item[ \section{ \textbf{ \footnote \caption{ \caption \title{ \mbox{ \SI word
        \begin{equation} \end{equation} \begin{itemize} \end{itemize} \begin{tabular}{l} \end{tabular}
        \begin{figure} \end{figure} \begin{longtable}{l} \end{longtable} \begin{abstract} \end{abstract} \begin{thm}
        \end{thm} \end{document} \end \begin \cite{a} \ref{a} \label{a} \def\a#1{ \a \let\a \newcommand{\b}[2][x]{ \b
        \iffalse \else \fi \verb| \begin{align} \end{align} \intertext{ \begin{subequations} \end{subequations}
        \begin{algorithmic} \end{algorithmic} \If{ \EndIf \State \begin{exe} \ex \end{exe} \newcounter{c} \thec
        \refstepcounter{c} \keywords{ \begin{eqnarray}""",
    )
) | st.sampled_from(["\n\n", " ", "\n"])


@given(st.lists(PIECES | st.text(max_size=5), max_size=40))
@settings(deadline=None, max_examples=300)
def test_anything_gives_text(pieces):
    text = body("".join(pieces))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert text == body("".join(pieces))
