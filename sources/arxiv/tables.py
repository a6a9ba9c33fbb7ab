r"""What LaTeX's commands and environments mean for plain reading: data of the arXiv source, no code that runs.

Argument specifications are strings of one letter an argument: `m` mandatory, `o` optional in brackets, `p` optional in
parentheses, `s` a star, `g` a length or glue after the command (`\vskip 3pt plus 1pt`).
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _specs(text: str) -> dict[str, str]:
    specs: dict[str, str] = {}
    for line in text.strip().splitlines():
        spec, _, names = line.partition(":")
        specs.update(dict.fromkeys(names.split(), spec.strip()))
    return specs


ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323",
    "b": "\u0331", "t": "\u0361",
}  # fmt: skip
"""Accent command to combining character."""

SYMBOLS = {
    "ss": "ß", "SS": "SS", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ",
    "aa": "å", "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ",
    "ng": "ŋ", "NG": "Ŋ", "dots": "…", "ldots": "…", "textellipsis": "…", "dotsc": "…", "dotfill": "…", "S": "§",
    "P": "¶", "copyright": "©", "pounds": "£", "euro": "€", "texteuro": "€", "EUR": "€", "dag": "†", "ddag": "‡",
    "textdagger": "†", "textdaggerdbl": "‡", "textregistered": "®", "texttrademark": "™", "textcopyright": "©",
    "textdegree": "°", "degree": "°", "degr": "°", "deg": "°", "arcdeg": "°", "textmu": "µ", "micron": "µm",
    "textbullet": "•", "textperiodcentered": "·", "textasciitilde": "~", "textasciicircum": "^",
    "textbackslash": "\\\\", "textbar": "|", "textless": "<", "textgreater": ">", "textunderscore": "_",
    "textdollar": "\\$", "textquotedblleft": "“", "textquotedblright": "”", "textquoteleft": "‘",
    "textquoteright": "’", "textquotesingle": "'", "quotedblbase": "„", "guillemotleft": "«", "guillemotright": "»",
    "og": "« ", "fg": " »", "textemdash": "—", "textendash": "–", "textexclamdown": "¡", "textquestiondown": "¿",
    "textordfeminine": "ª", "textordmasculine": "º", "textonehalf": "½", "textonequarter": "¼", "texttimes": "×",
    "textdiv": "÷", "textpm": "±", "textasteriskcentered": "*", "lq": "‘", "rq": "’", "slash": "/",
    "textvisiblespace": "␣", "TeX": "TeX", "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX",
    "pdfLaTeX": "pdfLaTeX", "XeLaTeX": "XeLaTeX", "quad": " ", "qquad": " ", "enspace": " ", "thinspace": " ",
    "space": " ", "hfill": " ", "hfil": " ", "nobreakspace": " ", "hss": " ", "sep": ", ", "textcelsius": "℃",
    "ohm": "Ω", "textohm": "Ω", "arcmin": "′", "arcsec": "″", "lbrace": "{", "rbrace": "}", "lbrack": "[",
    "rbrack": "]", "ast": "*", "textsuperscript": "", "textvertline": "|", "textbraceleft": "{", "textbraceright": "}",
    "mid": "|",
}  # fmt: skip
"""Text commands that stand for characters."""

CHARACTERS = {
    " ": " ", "\n": " ", "\t": " ", ",": " ", ";": " ", ":": " ", ">": " ", "!": "", "/": "", "-": "", "@": "",
    "+": "", "<": "", "{": "{", "}": "}", "%": "%", "&": "&", "#": "#", "_": "_", "$": "\\$", "|": "|", "*": "",
}  # fmt: skip
"""Commands of one other character."""

CHOICES = _words("ifthenelse iftoggle ifbool ifstrequal ifdefstring IfStrEq IfValueTF IfNoValueTF IfBooleanTF")
"""Commands that choose between two arguments by their first."""

IN_MATH_ONLY = _words(r"""
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau upsilon
phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega times pm mp leq geq le ge neq ne
approx sim simeq equiv rightarrow leftarrow to Rightarrow Leftrightarrow infty partial nabla cdot circ in subset odot
oplus otimes star bullet ell hbar lesssim gtrsim propto ll gg prime forall exists langle rangle checkmark
""")
"""Symbols that authors write in text too; they come out as inline math."""

GOBBLED = _specs(r"""
m: pdfstringdefDisableCommands pagestyle thispagestyle
m: pagenumbering bibliographystyle bibliography nocite date email altaffilmark
m: authorrunning titlerunning thanks hyphenation index glossary preprint pacs subjclass msc graphicspath
m: DeclareGraphicsExtensions hypersetup definecolor color cline specialrule noalign vphantom phantom hphantom
m: IfFileExists stepcounter refstepcounter theoremstyle tikzset pgfplotsset lstset bstctlcite pageref numberwithin
m: captionsetup newcounter newlength newsavebox usetikzlibrary markboth received revised accepted published journal
m: volume urlstyle setenumerate selectlanguage allowdisplaybreaks shorttitle correspondingauthor corresp orcid
m: orcidlink affaddr city country institution department state postcode streetaddress curraddr urladdr ead fntext
m: cortext collaboration homepage dedicatory keyword usesymbol submitjournal journalinfo runninghead pubyear
m: volnumber pagerange facilities facility software acmConference acmYear acmDOI acmISBN acmPrice copyrightyear
m: setcopyright
m: acmSubmissionID acmJournal acmVolume acmNumber acmArticle acmMonth editor doi isbn fancyhead fancyfoot
m: lhead rhead chead lfoot rfoot cfoot setstretch linespread tablewidth tabletypesize tablenum tablecolumns
m: colnumbers setlist ExplSyntaxOn PassOptionsToClass RequirePackageWithOptions addbibresource hypertarget
m: usepgfplotslibrary arabic roman Roman alph Alph value fnsymbol tablenotemark tablerefs tablecomments settocdepth
m: counterwithout newblock eprint ignore iffileexists typeout message setbeamertemplate usetheme AtBeginDocument
m: AtEndDocument bigskipamount ProvidesPackage ProvidesClass NeedsTeXFormat special write mciteSetBstSublistMode
m: sisetup tikzexternalize todo listoftodos missingfigure epsfbox plotone psfig epsfig psdraft epsscale figurenum
mm: setlength addtolength setcounter addtocounter settowidth settoheight DeclareUnicodeCharacter newcolumntype
mm: setbox PassOptionsToPackage colorlet substitutecolormap newunicodechar counterwithin setbeamercolor
mm: setbeamerfont crefname Crefname crefformat AtBeginEnvironment AtEndEnvironment titlespacing lstdefinelanguage
mm: lstdefinestyle newfontfamily pgfmathsetmacro altaffiltext plottwo tablenotetext
mmm: addcontentsline titleformat contentsline
sm: vspace hspace
mmmm: DeclareSymbolFont DeclareMathSymbol
om: ccsdesc usepackage RequirePackage documentclass documentstyle includegraphics LoadClass includepdf inst geometry
om: marginnote marginpar lstinputlisting verbatiminput bibitem author affiliation affil address institute
om: altaffiliation fnref tnotetext tnotemark tnoteref corref fnmark authornote authornotemark IEEEmembership
om: IEEEauthorblockA
omm: rule savebox newtcolorbox
o: pagebreak linebreak nopagebreak nolinebreak footnotemark toprule midrule bottomrule IEEEpeerreviewmaketitle
opm: cmidrule
oom: adjustimage
g: vskip hskip kern mkern raise lower parindent parskip baselineskip topmargin oddsidemargin evensidemargin
g: textwidth textheight hsize vsize voffset hoffset tabcolsep arraycolsep columnsep headheight headsep footskip
g: abovedisplayskip belowdisplayskip abovecaptionskip belowcaptionskip itemsep parsep leftmargin topsep penalty
g: widowpenalty clubpenalty tolerance hbadness vbadness hfuzz vfuzz emergencystretch belowdisplayshortskip
g: abovedisplayshortskip interfootnotelinepenalty hangindent hangafter looseness interdisplaylinepenalty
g: smallskipamount pretolerance floatsep textfloatsep intextsep skip pdfoutput pdfminorversion magnification
g: epsfxsize epsfysize marginparwidth marginparsep topskip leftskip rightskip righthyphenmin lefthyphenmin
g: displaywidowpenalty mathsurround
""")
"""Commands that leave nothing: they and their arguments are dropped."""

DROPPED = _words(r"""
noindent indent centering raggedright raggedleft sloppy fussy maketitle newpage clearpage cleardoublepage tiny
scriptsize footnotesize small normalsize large Large LARGE huge Huge bigskip medskip smallskip noalign hline null
relax protect appendixpage tableofcontents listoffigures listoftables printbibliography makeatletter makeatother
unskip ignorespaces leavevmode hbox vbox mbox fbox boldmath unboldmath rm sf sl normalfont upshape mdseries
expandafter noexpand global long outer frontmatter mainmatter backmatter onecolumn twocolumn bgroup egroup begingroup
endgroup nonumber notag displaystyle textstyle protected strut vfill vfil hrule hrulefill balance linenumbers
nolinenumbers doublespacing onehalfspacing singlespacing sc and flushbottom raggedbottom allowbreak nobreak goodbreak
filbreak qedhere qed endhead endfoot endfirsthead endlastfoot startdata nodata rmfamily sffamily scshape slshape
selectfont offinterlineskip nointerlineskip tightlist ExplSyntaxOff bibsep IEEEraisesectionheading
IEEEoverridecommandlockouts eject string number the meaning immediate closeout openout nocorr normalcolor justify
justifying columnbreak acknowledgementsname footnoterule samepage phantomsection makeindex printindex
""")
"""Commands that leave nothing and take no argument (of those with `hbox` and the like the argument stays)."""

SECTIONS = {
    "part": 2, "chapter": 2, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
    "subsubsubsection": 5,
}  # fmt: skip
"""Heading level of sectioning commands; the title has level 1."""

WRAPS = {
    "emph": "*", "textit": "*", "textsl": "*", "em": "*", "it": "*", "itshape": "*", "textbf": "**", "bf": "**",
    "bfseries": "**", "strong": "**", "texttt": "`", "tt": "`", "ttfamily": "`", "code": "`", "path": "`", "file": "`",
    "pkg": "", "proglang": "", "uline": "*", "underline": "*",
}  # fmt: skip
"""Marks that font commands and font switches put round their text."""
FONT_SWITCHES = _words("em it itshape bf bfseries tt ttfamily")

CITES = _words("""
cite citep citealp parencite autocite footcite supercite citeyearpar citepalias citealt cites onlinecite citenum
footfullcite citen citenp Citep Citealp parencites autocites smartcite citesuppl shortcite citeyear citeyearNP citeNP
citealt* citep* cite* upcite Cite fullcite nptextcite
""")
"""Citations that a sentence reads well without."""
TEXT_CITES = _words(
    "citet textcite citeauthor Citet Citeauthor newcite citetext citetalias Textcite citeA citeN refcite"
)
"""Citations that are part of the sentence."""

REFS = _words("ref eqref autoref cref Cref vref nameref subref Autoref labelcref Ref Vref fref Fref")

EXAMPLE_PARTS = _words("xlist xlista xlistA xlisti xlistI xlistn")
"""Environments for the parts of a numbered example of linguistics (gb4e)."""

ENVIRONMENTS = {
    "itemize": ("list", "o"),
    "enumerate": ("list", "o"), "description": ("list", "o"), "list": ("list", "mm"), "compactitem": ("list", "o"),
    "compactenum": ("list", "o"), "inparaenum": ("list", "o"), "asparaenum": ("list", "o"),
    "compactdesc": ("list", "o"), "exe": ("list", "o"), **dict.fromkeys(EXAMPLE_PARTS, ("list", "o")),
    "trivlist": ("plain", ""), "enumeratei": ("list", "o"), "asparaitem": ("list", "o"),
    "figure": ("figure", "o"), "wrapfigure": ("figure", "omomo"), "SCfigure": ("figure", "oo"),
    "teaserfigure": ("figure", ""), "sidewaysfigure": ("figure", "o"), "subfigure": ("figure", "om"),
    "marginfigure": ("figure", "o"), "floatingfigure": ("figure", "om"), "plate": ("figure", "o"),
    "figwindow": ("figure", "o"), "ltxfigure": ("figure", "o"), "interactive": ("figure", "mm"),
    "featurebox": ("figure", ""), "rotatefigure": ("figure", "o"), "table": ("table", "o"),
    "wraptable": ("table", "omomo"), "sidewaystable": ("table", "o"), "subtable": ("table", "om"),
    "SCtable": ("table", "oo"), "margintable": ("table", "o"), "threeparttable": ("plain", "o"),
    "ltxtable": ("table", "o"), "tabular": ("tabular", "om"), "tabular*": ("tabular", "mom"),
    "tabularx": ("tabular", "mom"), "tabulary": ("tabular", "mom"), "tabu": ("tabular", "m"),
    "longtable": ("tabular", "om"), "supertabular": ("tabular", "m"), "deluxetable": ("tabular", "om"),
    "deluxetable*": ("tabular", "om"), "tblr": ("tabular", "om"), "longtabu": ("tabular", "m"),
    "xtabular": ("tabular", "om"), "algorithm": ("algorithm", "o"), "algorithm2e": ("algorithm", "o"),
    "algorithm*": ("algorithm", "o"), "algorithmic": ("lines", "o"), "algorithmic*": ("lines", "o"),
    "tabbing": ("lines", ""), "verse": ("lines", ""), "quote": ("quote", ""), "quotation": ("quote", ""),
    "displayquote": ("quote", "o"), "abstract": ("abstract", "o"), "Abstract": ("abstract", ""),
    "abstract*": ("abstract", ""), "thebibliography": ("skip", "m"), "tikzpicture": ("skip", "o"),
    "pgfpicture": ("skip", ""), "picture": ("skip", "pp"), "pspicture": ("skip", "pp"), "comment": ("skip", ""),
    "filecontents": ("skip", ""), "filecontents*": ("skip", ""), "CCSXML": ("skip", ""), "pycode": ("skip", ""),
    "references": ("skip", ""), "psfrags": ("skip", ""), "axis": ("skip", "o"), "fmffile": ("skip", "m"),
    "overpic": ("skip", "om"), "textblock": ("skip", "mp"), "theindex": ("skip", ""), "IEEEbiography": ("skip", "om"),
    "IEEEbiographynophoto": ("skip", "m"), "biography": ("skip", "om"), "authorlist": ("skip", ""),
    "author": ("skip", ""), "frontmatter": ("plain", ""), "teaser": ("figure", ""), "minipage": ("plain", "oooom"),
    "multicols": ("plain", "m"), "adjustbox": ("plain", "m"), "spacing": ("plain", "m"), "tcolorbox": ("plain", "o"),
    "mdframed": ("plain", "o"), "adjustwidth": ("plain", "mm"), "resizebox": ("plain", "mm"),
    "otherlanguage": ("plain", "m"), "otherlanguage*": ("plain", "m"), "column": ("plain", "m"),
    "columns": ("plain", "o"), "appendices": ("plain", ""), "subappendices": ("plain", ""), "landscape": ("plain", ""),
    "center": ("plain", ""), "subequations": ("plain", ""), "keyword": ("keywords", ""), "keywords": ("keywords", ""),
    "IEEEkeywords": ("keywords", ""), "CJK": ("plain", "mm"),
    "CJK*": ("plain", "mm"), "addmargin": ("plain", "om"), "tablenotes": ("plain", "o"), "proof": ("proof", "o"),
    "proof*": ("proof", "o"), "Proof": ("proof", "o"), "pf": ("proof", "o"), "pf*": ("proof", "m"),
    "scope": ("plain", "o"), "frame": ("plain", "oo"),
}  # fmt: skip
"""Environment to (what becomes of it, its arguments)."""

THEOREMS = {
    "theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary",
    "definition": "Definition", "remark": "Remark", "example": "Example", "conjecture": "Conjecture", "claim": "Claim",
    "assumption": "Assumption", "question": "Question", "problem": "Problem", "exercise": "Exercise",
    "observation": "Observation", "fact": "Fact", "notation": "Notation", "axiom": "Axiom", "property": "Property",
    "hypothesis": "Hypothesis", "condition": "Condition", "note": "Note", "construction": "Construction",
    "thm": "Theorem", "lem": "Lemma", "prop": "Proposition", "cor": "Corollary", "coro": "Corollary",
    "defn": "Definition", "defi": "Definition", "dfn": "Definition", "rem": "Remark", "rmk": "Remark",
    "conj": "Conjecture", "exmp": "Example", "eg": "Example", "egs": "Examples", "rmks": "Remarks",
}  # fmt: skip
"""Theorem-like environments that classes define on their own."""

MATH_ENVIRONMENTS = {
    "equation": "", "displaymath": "", "math": "", "dmath": "", "gequation": "", "empheq": "", "eqnarray": "aligned",
    "align": "aligned", "flalign": "aligned", "alignat": "aligned", "xalignat": "aligned", "gather": "gathered",
    "multline": "gathered", "IEEEeqnarray": "aligned", "mathletters": "", "dgroup": "", "mathpar": "gathered",
    "split": "aligned", "aligned": "aligned", "array": "array", "xxalignat": "aligned", "darray": "aligned",
}  # fmt: skip
"""Display environments (each also starred) to the inner environment that they become inside `$$`."""

TEXT_IN_MATH = _words(
    "text mbox hbox textrm textit textbf textsf texttt textnormal intertext shortintertext fbox textsc vbox emph "
    "makebox textup textsl textmd tag tag*"
)
"""Commands in math whose argument is text."""
INTERTEXT = _words("intertext shortintertext")
"""Commands whose argument is text between the lines of a formula."""
MATH_DROPPED = _words(
    "nonumber notag noindent centering xspace ensuremath allowdisplaybreaks small footnotesize normalsize boldmath "
    "unboldmath protect relax hfill newpage displaybreak medskip smallskip bigskip nobreak qedhere qed expandafter "
    "noexpand makeatletter makeatother leavevmode global long begingroup endgroup"
)
MATH_GOBBLED = {"footnote": "om", "thanks": "m", "vspace": "sm", "vskip": "g", "setlength": "mm", "index": "m",
                "footnotetext": "om", "pagebreak": "o", "setcounter": "mm", "addtocounter": "mm", "marginpar": "om",
                "footnotemark": "o", "includegraphics": "om", "hypertarget": "m"}  # fmt: skip

ALGORITHM = {
    "State": ("", None), "Statex": ("", None), "If": ("if ", " then"), "ElsIf": ("else if ", " then"),
    "Else": ("else", None), "EndIf": ("end if", None), "For": ("for ", " do"), "ForAll": ("for all ", " do"),
    "EndFor": ("end for", None), "While": ("while ", " do"), "EndWhile": ("end while", None),
    "Repeat": ("repeat", None), "Until": ("until ", ""), "Loop": ("loop", None), "EndLoop": ("end loop", None),
    "Require": ("Require: ", None), "Ensure": ("Ensure: ", None), "Input": ("Input: ", None),
    "Output": ("Output: ", None), "Procedure": ("procedure ", " "), "Function": ("function ", " "),
    "EndProcedure": ("end procedure", None), "EndFunction": ("end function", None), "KwIn": ("Input: ", ""),
    "KwOut": ("Output: ", ""), "KwData": ("Data: ", ""), "KwResult": ("Result: ", ""), "uIf": ("if ", " then"),
    "eIf": ("if ", " then"), "uElse": ("else ", None), "ElseIf": ("else if ", " then"),
    "ForEach": ("for each ", " do"), "STATE": ("", None), "IF": ("if ", " then"), "ELSIF": ("else if ", " then"),
    "ELSE": ("else", None), "ENDIF": ("end if", None), "FOR": ("for ", " do"), "FORALL": ("for all ", " do"),
    "ENDFOR": ("end for", None), "WHILE": ("while ", " do"), "ENDWHILE": ("end while", None),
    "REPEAT": ("repeat", None), "UNTIL": ("until ", ""), "REQUIRE": ("Require: ", None), "ENSURE": ("Ensure: ", None),
    "RETURN": ("return ", None), "INPUT": ("Input: ", None), "OUTPUT": ("Output: ", None),
}  # fmt: skip
"""Algorithm statement to the words before and after its argument; None if it takes none."""


PRIMITIVE_CONDITIONALS = _words(
    "if ifcat ifx ifnum ifdim ifodd ifmmode ifhmode ifvmode ifinner ifvoid ifhbox ifvbox iftrue iffalse ifcase "
    "ifdefined ifcsname ifeof ifpdf ifpdftex ifxetex ifluatex ifPDFTeX ifXeTeX ifLuaTeX"
)

PROTECTED = _words(
    "begin end item label input include subfile import title abstract caption footnote par newcommand renewcommand "
    "providecommand def gdef edef xdef let newif newenvironment renewenvironment newtheorem DeclareMathOperator "
    "textbf textit emph texttt document verb url href makeatletter makeatother endinput fi else footnotetext "
    "newline multicolumn multirow ensuremath text mbox hbox includegraphics maketitle and thanks author "
    "bibliography documentclass usepackage RequirePackage left right frac sqrt sum int appendix cite citep citet "
    "ref emph bibitem hspace vspace"
) | frozenset(SECTIONS)
"""Commands that keep their meaning whatever a paper redefines them to."""
