"""What keys make of lines of code."""

from __future__ import annotations

import re
from collections.abc import Sequence

INDENT = "    "

_STRING_OR_COMMENT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|(?P<comment>#.*)")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_LEAVES = re.compile(r"\s*(?:return|pass|break|continue|raise)\b")
"""Statements after which nothing of their block can run."""


def indented(lines: Sequence[str]) -> list[str]:
    """Four blanks more before every line that is not empty."""
    return [INDENT + line if line.strip() else line for line in lines]


def dedented(lines: Sequence[str]) -> list[str]:
    """Up to four blanks, or a tab, fewer."""
    return [line[1:] if line.startswith("\t") else line[min(4, len(line) - len(line.lstrip(" "))) :] for line in lines]


def commented(lines: Sequence[str]) -> list[str]:
    """``# `` put before every line at the least indent of them; taken away where every line has it."""
    written = [line for line in lines if line.strip()]
    if not written:
        return list(lines)
    if all(line.lstrip().startswith("#") for line in written):
        return [_uncommented(line) for line in lines]
    column = min(len(line) - len(line.lstrip()) for line in written)
    return [f"{line[:column]}# {line[column:]}" if line.strip() else line for line in lines]


def _uncommented(line: str) -> str:
    code = line.lstrip()
    if not code.startswith("#"):
        return line
    return line[: len(line) - len(code)] + code.removeprefix("# " if code.startswith("# ") else "#")


def indent_after(before: str) -> str:
    """The blanks that a new line begins with, after the part of a line that stands before it."""
    indent = before[: len(before) - len(before.lstrip())]
    code = _STRING_OR_COMMENT.sub(lambda match: "" if match["comment"] else match[0], before).rstrip()
    if code.endswith((":", "(", "[", "{")):
        return indent + INDENT
    return dedented([indent])[0] if _LEAVES.match(code) else indent


def home(line: str, column: int) -> int:
    """Where Home goes: to the code; from there to the edge."""
    code = len(line) - len(line.lstrip())
    return 0 if column == code else code


def cleaned(text: str) -> str:
    """A text without what no file can hold: NUL and halves of characters."""
    return _NO_TEXT.sub("", text)


def pasted(text: str) -> str:
    """A text from elsewhere as this editor writes it: lines ended by ``\\n``, blanks before the code for tabs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    return re.sub(r"^ *\t[\t ]*", lambda match: match[0].expandtabs(4), text, flags=re.MULTILINE)
