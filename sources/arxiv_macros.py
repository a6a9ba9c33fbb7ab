r"""Definitions and conditionals of a LaTeX paper: enough of them to read its text and formulas without the preamble."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pile_builder.sources.arxiv_reader import Reader
from pile_builder.sources.arxiv_tables import PRIMITIVE_CONDITIONALS, PROTECTED

MAX_NESTED = 8
"""How often a macro is expanded inside its own expansion (its argument may well use it again)."""
MAX_BODY = 100_000

_PARAMETER = re.compile(r"#(#|[1-9])")
_DEF_HEAD = re.compile(r"[ \t\n]*(\\(?:[A-Za-z@]+|[^A-Za-z\s]))([^{}\n]{0,80})(?=\{)")
_PLAIN_PARAMETERS = re.compile(r"\s*(?:#(\d)\s*)*$")
_LET = re.compile(r"[ \t\n]*(\\(?:[A-Za-z@]+|[\s\S]))[ \t]*=?[ \t]?(\\(?:[A-Za-z@]+|[\s\S])|[\s\S])")
_NEW_IF = re.compile(r"[ \t\n]*\{?\\if([A-Za-z@]+)\}?")
_XPARSE = re.compile(r"[mos]|[OD]\s*\{[^{}]*\}|r\W\W|d\W\W|\+|v")
_BRANCH = re.compile(r"\\(?:(newif|let)(?:[ \t]*\\[A-Za-z@]+[ \t=]*){1,2}|(if[A-Za-z@]*)|(else|fi)(?![A-Za-z@])|or)")
_BOOLEAN = re.compile(r"\s*\\(?:boolean|isodd)\s*\{\s*([A-Za-z@]+)\s*\}\s*$")
_SCAN = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|def|DeclareMathOperator|newtheorem)(?![A-Za-z@])"
)
_TOKEN = re.compile(r"\s*(\\(?:[A-Za-z@]+|[\s\S])|\S)")


@dataclass(frozen=True, slots=True)
class Macro:
    """A user's command: `parts` are its body's strings and the numbers of the arguments between them."""

    parts: tuple[str | int, ...]
    arguments: int = 0
    default: str | None = None
    at_letter: bool = False

    def expand(self, reader: Reader) -> str:
        """Take the arguments from `reader` and put them into the body."""
        if not self.arguments:
            return "".join(part for part in self.parts if isinstance(part, str))
        given: list[str] = []
        if self.default is not None:
            first = reader.optional()
            given.append(self.default if first is None else first)
        while len(given) < self.arguments:
            given.append(reader.argument())
        return "".join(part if isinstance(part, str) else given[part - 1] for part in self.parts)


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
    """

    def __init__(self) -> None:
        self.commands: dict[str, Macro | Alias] = {}
        self.environments: dict[str, UserEnvironment] = {}
        self.theorems: dict[str, str] = {}
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
        if name in ("ifstrequal", "ifdefstring"):
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
        return reader.argument().strip().removeprefix("\\")

    def _number(self, reader: Reader) -> int:
        number = (reader.optional() or "").strip()
        return min(int(number), 9) if number.isdecimal() else 0

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
        count = self._number(reader)
        default = reader.optional() if count else None
        return name, _macro(reader.argument(), count, default, at_letter=reader.at_letter)

    def _def(self, reader: Reader) -> None:
        reader.peek()
        match = _DEF_HEAD.match(reader.text, reader.pos)
        if match is None:
            self._token(reader)
            return
        reader.pos = match.end()
        body = reader.argument()
        # Delimited parameters would need TeX itself: such a macro is left unknown, and its call leaves no trace.
        if _PLAIN_PARAMETERS.match(match[2]):
            self._set(match[1][1:], _macro(body, match[2].count("#"), None, at_letter=reader.at_letter))

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
        kinds = [kind for kind in _XPARSE.findall(reader.argument()) if kind != "+"]
        body = reader.argument()
        default = None
        if kinds and kinds[0][0] in "oO":
            default = kinds[0][1:].strip()[1:-1] if kinds[0][0] == "O" else ""
        if not any(kind[0] in "sdDr" for kind in kinds):
            self._set(name, _macro(body, min(len(kinds), 9), default, at_letter=reader.at_letter))

    def _operator(self, reader: Reader) -> None:
        star = "*" if reader.star() else ""
        name = self._command_name(reader)
        self._set(name, Macro((f"\\operatorname{star}{{{reader.argument()}}}",)))

    def _delimiters(self, reader: Reader) -> None:
        name = self._command_name(reader)
        left, right = reader.argument(), reader.argument()
        self._set(name, Macro((f"\\left{left} ", 1, f" \\right{right}"), 1))

    def _newenvironment(self, reader: Reader) -> None:
        reader.star()
        name = reader.argument().strip()
        count = self._number(reader)
        default = reader.optional() if count else None
        begin, end = reader.argument(), reader.argument()
        self.environments[name] = UserEnvironment(
            _macro(begin, count, default, at_letter=reader.at_letter), end[:MAX_BODY]
        )

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


def _macro(body: str, count: int, default: str | None, *, at_letter: bool) -> Macro:
    parts: list[str | int] = []
    pos = 0
    body = body[:MAX_BODY]
    for match in _PARAMETER.finditer(body):
        parts.append(body[pos : match.start()])
        parts.append("#" if match[1] == "#" else int(match[1]) if int(match[1]) <= count else "")
        pos = match.end()
    parts.append(body[pos:])
    return Macro(tuple(part for part in parts if part != ""), count, default, at_letter)
