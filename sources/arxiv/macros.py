r"""Definitions and conditionals of a LaTeX paper: enough of them to read its text and formulas without the preamble."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pile_builder.sources.arxiv.counters import Counters
from pile_builder.sources.arxiv.reader import Reader
from pile_builder.sources.arxiv.tables import PRIMITIVE_CONDITIONALS, PROTECTED

MAX_NESTED = 8
"""How often a macro is expanded inside its own expansion (its argument may well use it again)."""
MAX_BODY = 100_000

NO_VALUE = "-NoValue-"
STAR = "-Star-"

_ENDS_IN_WORD = re.compile(r"\\[A-Za-z]+$")
_PARAMETER = re.compile(r"#(#|[1-9])")
_DEF_HEAD = re.compile(r"[ \t\n]*(\\(?:[A-Za-z@]+|[^A-Za-z\s]))([^{}\n]{0,80})(?=\{)")
_DEF_PARAMETERS = re.compile(r"()([^{}\n]{0,80})(?=\{)")
_CSNAME = re.compile(r"\s*\\csname([^\\{}]{1,60})\\endcsname")
_DELIMITED = re.compile(r"([^#]*)#\d([^#]*)")
_LET = re.compile(r"[ \t\n]*(\\(?:[A-Za-z@]+|[\s\S]))[ \t]*=?[ \t]?(\\(?:[A-Za-z@]+|[\s\S])|[\s\S])")
_NEW_IF = re.compile(r"[ \t\n]*\{?\\if([A-Za-z@]+)\}?")
_XPARSE = re.compile(r"([mosvODdr])(?:\s*\{([^{}]*)\})?")
_BRANCH = re.compile(r"\\(?:(newif|let)(?:[ \t]*\\[A-Za-z@]+[ \t=]*){1,2}|(if[A-Za-z@]*)|(else|fi)(?![A-Za-z@])|or)")
_BOOLEAN = re.compile(r"\s*\\(?:boolean|isodd)\s*\{\s*([A-Za-z@]+)\s*\}\s*$")
_SCAN = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|def|DeclareMathOperator|newtheorem)(?![A-Za-z@])"
)
_TOKEN = re.compile(r"\s*(\\(?:[A-Za-z@]+|[\s\S])|\S)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """How one argument of a macro is written: in braces, in brackets, as a star, or up to a delimiter.

    Attributes:
        default: what an argument in brackets is when it is not given; None for one that must be given.
        delimiter: the text that ends the argument.
        star: whether it is a star, or none.
        before: the text that stands before it and is no part of it.
    """

    default: str | None = None
    delimiter: str = ""
    star: bool = False
    before: str = ""

    def take(self, reader: Reader) -> str:
        """Take the argument from `reader`."""
        if self.before and reader.text.startswith(self.before, reader.pos):
            reader.pos += len(self.before)
        if self.star:
            return STAR if reader.star() else NO_VALUE
        if self.delimiter:
            return reader.until(self.delimiter)
        if self.default is None:
            return reader.argument()
        given = reader.optional()
        return self.default if given is None else given


@dataclass(frozen=True, slots=True)
class Macro:
    """A user's command: `parts` are its body's strings and the numbers of the arguments between them."""

    parts: tuple[str | int, ...]
    parameters: tuple[Parameter, ...] = ()
    at_letter: bool = False

    def expand(self, reader: Reader) -> str:
        """Take the arguments from `reader` and put them into the body."""
        given = [parameter.take(reader) for parameter in self.parameters]
        out: list[str] = []
        after_word = False
        for part in self.parts:
            text = part if isinstance(part, str) else given[part - 1]
            if after_word and text[:1].isalpha():
                out.append(" ")
            out.append(text)
            after_word = _ENDS_IN_WORD.search(text[-40:]) is not None if text else after_word
        return "".join(out)


@dataclass(frozen=True, slots=True)
class Alias:
    r"""What `\let` makes of a built-in command: its first meaning, whatever happens to the name later."""

    name: str


@dataclass(frozen=True, slots=True)
class UserEnvironment:
    """An environment that the paper defines: what its begin and its end stand for."""

    begin: Macro
    end: str


class Macros:
    """The definitions met so far.

    Attributes:
        commands: by name without backslash.
        environments: by name.
        theorems: printed name of theorem-like environments, by name.
        counters: the paper's own.
    """

    def __init__(self) -> None:
        self.commands: dict[str, Macro | Alias] = {}
        self.environments: dict[str, UserEnvironment] = {}
        self.theorems: dict[str, str] = {}
        self.counters = Counters()
        self._flags: dict[str, bool] = {}
        self._definers: dict[str, Callable[[Reader], None]] = {
            "def": self._def,
            "gdef": self._def,
            "edef": self._def,
            "xdef": self._def,
            "let": self._let,
            "newcommand": self._newcommand,
            "renewcommand": self._newcommand,
            "DeclareRobustCommand": self._newcommand,
            "newrobustcmd": self._newcommand,
            "renewrobustcmd": self._newcommand,
            "providecommand": self._providecommand,
            "NewDocumentCommand": self._new_document_command,
            "RenewDocumentCommand": self._new_document_command,
            "DeclareDocumentCommand": self._new_document_command,
            "DeclareMathOperator": self._operator,
            "DeclarePairedDelimiter": self._delimiters,
            "NewDocumentEnvironment": self._new_document_environment,
            "newenvironment": self._newenvironment,
            "renewenvironment": self._newenvironment,
            "newtheorem": self._newtheorem,
            "spnewtheorem": self._newtheorem,
            "declaretheorem": self._declaretheorem,
            "newif": self._newif,
        }

    def define(self, name: str, reader: Reader) -> bool:
        r"""Carry out a defining command (`\newcommand`, `\def`, ...) just read; False if it is none."""
        definer = self._definers.get(name)
        if definer is None:
            return False
        definer(reader)
        return True

    def scan(self, text: str) -> None:
        """Take simple definitions out of a style file, ignoring whatever else it does."""
        reader = Reader(text)
        reader.at_letter = True
        before = dict(self.commands)
        while match := _SCAN.search(text, reader.pos):
            reader.pos = match.end()
            self.define(match[1], reader)
        for name, macro in list(self.commands.items()):
            if macro is before.get(name) or not isinstance(macro, Macro):
                continue
            internal = any("@" in part for part in macro.parts if isinstance(part, str))
            if internal or "@" in name:
                del self.commands[name]
                if name in before:
                    self.commands[name] = before[name]

    def set_flag(self, name: str) -> bool:
        r"""Carry out `\footrue` or `\foofalse` for a declared `\iffoo`; False if `name` is no such command."""
        for ending, value in (("true", True), ("false", False)):
            if name.endswith(ending) and name[: -len(ending)] in self._flags:
                self._flags[name[: -len(ending)]] = value
                return True
        return False

    def set_boolean(self, name: str, value: str) -> None:
        r"""Carry out `\setboolean{name}{value}`."""
        self._flags[name.strip()] = value.strip() == "true"

    def is_conditional(self, name: str) -> bool:
        r"""Whether `\name` opens a conditional that ends with `\fi`."""
        return name in PRIMITIVE_CONDITIONALS or (name.startswith("if") and name[2:] in self._flags)

    def conditional(self, name: str, reader: Reader, *, in_math: bool) -> None:
        r"""Carry out a conditional just read: go on in the branch that counts."""
        if not self._holds(name, reader, in_math=in_math):
            self.skip_branch(reader, to_else=True)

    def skip_branch(self, reader: Reader, *, to_else: bool) -> None:
        r"""Skip to the `\fi` (or `\else`) of the open conditional; does nothing where it has none."""
        if reader.find("\\fi") < 0:
            return
        depth = 0
        start = reader.pos
        for match in _BRANCH.finditer(reader.text, start):
            conditional, ending = match[2], match[3]
            if conditional and self.is_conditional(conditional):
                depth += 1
            elif ending == "fi" or (ending == "else" and to_else and depth == 0):
                if depth == 0:
                    reader.spend(match.end() - start)
                    if "\\begin{document}" not in reader.text[start : match.start()]:
                        reader.pos = match.end()
                    return
                depth -= 1
        reader.spend(len(reader.text) - start)

    def choose(self, name: str, reader: Reader) -> str:
        r"""The branch of `\ifthenelse{test}{yes}{no}` and its kin that counts."""
        test = reader.argument()
        if name == "IfBooleanTF":
            holds = test == STAR
        elif name in ("IfValueTF", "IfNoValueTF"):
            holds = (test == NO_VALUE) == (name == "IfNoValueTF")
        elif name in ("ifstrequal", "ifdefstring"):
            holds = test.strip() == reader.argument().strip()
        else:
            boolean = _BOOLEAN.match(test)
            holds = self._flags.get(boolean[1] if boolean else test.strip(), False)
        yes, no = reader.argument(), reader.argument()
        return yes if holds else no

    def _holds(self, name: str, reader: Reader, *, in_math: bool) -> bool:
        if name in ("iftrue", "ifpdf", "ifPDFTeX", "ifpdftex"):
            return True
        if name == "ifmmode":
            return in_math
        if name == "ifdefined":
            return self._token(reader).lstrip("\\") in self.commands
        if name == "ifx":
            first, second = self._token(reader), self._token(reader)
            known = self.commands.get(first[1:])
            return first == second or (known is not None and known == self.commands.get(second[1:]))
        return self._flags.get(name[2:], False)

    def _token(self, reader: Reader) -> str:
        reader.peek()
        match = _TOKEN.match(reader.text, reader.pos)
        if match is None:
            return ""
        reader.pos = match.end()
        return match[1]

    def _set(self, name: str, macro: Macro | Alias) -> None:
        if name and name not in PROTECTED:
            self.commands[name] = macro

    def _command_name(self, reader: Reader) -> str:
        reader.peek()
        if named := _CSNAME.match(reader.text, reader.pos):
            reader.pos = named.end()
            return named[1].strip()
        return reader.argument().strip().removeprefix("\\")

    def _parameters(self, reader: Reader) -> list[Parameter]:
        number = (reader.optional() or "").strip()
        count = min(int(number), 9) if number.isdecimal() and number.isascii() and len(number) < 3 else 0
        default = reader.optional() if count else None
        return [Parameter(default), *[Parameter()] * (count - 1)] if count else []

    def _newcommand(self, reader: Reader) -> None:
        name, macro = self._parse(reader)
        self._set(name, macro)

    def _providecommand(self, reader: Reader) -> None:
        name, macro = self._parse(reader)
        if name not in self.commands:
            self._set(name, macro)

    def _parse(self, reader: Reader) -> tuple[str, Macro]:
        reader.star()
        name = self._command_name(reader)
        parameters = self._parameters(reader)
        return name, _macro(reader.argument(), parameters, at_letter=reader.at_letter)

    def _def(self, reader: Reader) -> None:
        reader.peek()
        named = _CSNAME.match(reader.text, reader.pos)
        if named:
            reader.pos = named.end()
        match = (_DEF_PARAMETERS if named else _DEF_HEAD).match(reader.text, reader.pos)
        if match is None:
            self._token(reader)
            return
        reader.pos = match.end()
        parameters = [Parameter(delimiter=after.strip(" ")) for _, after in _DELIMITED.findall(match[2])]
        before = match[2].partition("#")[0].strip()
        if before and parameters:
            parameters[0] = Parameter(delimiter=parameters[0].delimiter, before=before)
        name = named[1].strip() if named else match[1][1:]
        self._set(name, _macro(reader.argument(), parameters, at_letter=reader.at_letter))

    def _let(self, reader: Reader) -> None:
        reader.peek()
        match = _LET.match(reader.text, reader.pos)
        if match is None:
            return
        reader.pos = match.end()
        name, meaning = match[1][1:], match[2]
        if name.startswith("if") and meaning in ("\\iftrue", "\\iffalse"):
            self._flags[name[2:]] = meaning == "\\iftrue"
        elif meaning.startswith("\\"):
            self._set(name, self.commands.get(meaning[1:]) or Alias(meaning[1:]))
        else:
            self._set(name, Macro((meaning,)))

    def _new_document_command(self, reader: Reader) -> None:
        name = self._command_name(reader)
        parameters = _xparse(reader.argument())
        self._set(name, _macro(reader.argument(), parameters, at_letter=reader.at_letter))

    def _new_document_environment(self, reader: Reader) -> None:
        name = reader.argument().strip()
        parameters = _xparse(reader.argument())
        begin = _macro(reader.argument(), parameters, at_letter=reader.at_letter)
        self.environments[name] = UserEnvironment(begin, reader.argument()[:MAX_BODY])

    def _operator(self, reader: Reader) -> None:
        star = "*" if reader.star() else ""
        name = self._command_name(reader)
        self._set(name, Macro((f"\\operatorname{star}{{{reader.argument()}}}",)))

    def _delimiters(self, reader: Reader) -> None:
        name = self._command_name(reader)
        left, right = reader.argument(), reader.argument()
        self._set(name, Macro((f"\\left{left} ", 1, f" \\right{right}"), (Parameter(),)))

    def _newenvironment(self, reader: Reader) -> None:
        reader.star()
        name = reader.argument().strip()
        parameters = self._parameters(reader)
        begin = _macro(reader.argument(), parameters, at_letter=reader.at_letter)
        self.environments[name] = UserEnvironment(begin, reader.argument()[:MAX_BODY])

    def _newtheorem(self, reader: Reader) -> None:
        reader.star()
        name = reader.argument().strip()
        reader.optional()
        printed = reader.argument()
        reader.optional()
        self.theorems[name] = printed

    def _declaretheorem(self, reader: Reader) -> None:
        options = reader.optional() or ""
        name = reader.argument().strip()
        options += reader.optional() or ""
        printed = re.search(r"name\s*=\s*\{?([^,{}]+)", options)
        self.theorems[name] = printed[1].strip() if printed else name.capitalize()

    def _newif(self, reader: Reader) -> None:
        match = _NEW_IF.match(reader.text, reader.pos)
        if match:
            reader.pos = match.end()
            self._flags.setdefault(match[1], False)


def _xparse(spec: str) -> list[Parameter]:
    """The parameters of an xparse specification such as `s O{1} m`."""
    parameters: list[Parameter] = []
    for match in _XPARSE.finditer(spec):
        kind, default = match[1], match[2]
        if kind in "oO":
            parameters.append(Parameter(NO_VALUE if kind == "o" else default or ""))
        elif kind in "mvs":
            parameters.append(Parameter(star=kind == "s"))
    return parameters[:9]


def _macro(body: str, parameters: Sequence[Parameter], *, at_letter: bool) -> Macro:
    parts: list[str | int] = []
    pos = 0
    body = body[:MAX_BODY]
    for match in _PARAMETER.finditer(body):
        parts.append(body[pos : match.start()])
        sign = match[1]
        parts.append("#" if sign == "#" else int(sign) if int(sign) <= len(parameters) else "")
        pos = match.end()
    parts.append(body[pos:])
    return Macro(tuple(part for part in parts if part != ""), tuple(parameters), at_letter)
