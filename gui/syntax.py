"""What keeps a text from being a program: found by parsing it, never by running it, and said in plain words."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

from core.records import Failure, Span
from gui.i18n import Words

LIMIT: Final = 200_000
"""Characters above which a text is not looked at while it is typed."""

ROWS: Final[tuple[tuple[str, str], ...]] = (
    (r"^expected ':'", "colon"),
    (r"^'(?P<sign>.)' was never closed", "open"),
    (r"^unmatched '(?P<sign>.)'", "unmatched"),
    (r"^closing parenthesis '(?P<sign>.)' does not match opening parenthesis '(?P<open>.)'", "mismatch"),
    (r"^unterminated (?:triple-quoted |f-)*string literal", "string"),
    (r"^unexpected indent", "indent"),
    (r"^expected an indented block after .* on line (?P<line>\d+)", "block"),
    (r"^unindent does not match", "dedent"),
    (r"^inconsistent use of tabs", "tabs"),
    (r"Perhaps you forgot a comma", "comma"),
    (r"Maybe you meant '=='", "equals"),
    (r"^cannot assign to ", "assign"),
    (r"^invalid character '(?P<sign>.)'", "character"),
    (r"^invalid non-printable character (?P<code>U\+\w+)", "invisible"),
    (r"^invalid decimal literal", "number"),
    (r"^unexpected character after line continuation", "backslash"),
    (r"^unexpected EOF", "end"),
    (r"^Missing parentheses in call to '(?P<name>\w+)'", "call"),
    (r"^expected 'except' or 'finally' block", "try"),
    (r"^positional argument follows keyword", "positional"),
    (r"^(?:non-default argument follows|parameter without a default follows)", "default"),
    (r"^invalid syntax$", "other"),
)
"""Python's message, and the text ``syntax.…`` that says the same to a learner."""


def mistake_in(source: str) -> Failure | None:
    """The first place where a text is no Python; None where it is, or where it is too long or too deep to tell."""
    if len(source) > LIMIT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except SyntaxError as error:
        line = error.lineno or 0
        return Failure(type(error).__name__, error.msg, line, span=_span(error, source))
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def explanation(failure: Failure, words: Words) -> str:
    """What a SyntaxError means; '' where no row knows, and for other exceptions."""
    if failure.type not in ("SyntaxError", "IndentationError", "TabError"):
        return ""
    for pattern, key in ROWS:
        if match := re.search(pattern, failure.message):
            return words(f"syntax.{key}", **match.groupdict())
    return ""


def _span(error: SyntaxError, source: str) -> Span:
    """What is to be underlined; all zeros is the whole line, of which blanks are what is wrong."""
    lines = source.split("\n")
    line, offset = error.lineno or 0, error.offset or 0
    if isinstance(error, IndentationError) or not (0 < line <= len(lines) and offset):
        return 0, 0, 0, 0
    before = lines[line - 1][:offset].rstrip(" \t")  # a blank, or what is missing at the end, is shown at what is there
    begin = max(0, len(before) - 1)
    end_line, end = error.end_lineno or line, (error.end_offset or 0) - 1
    if not line <= end_line <= len(lines) or (end_line, end) <= (line, begin):
        end_line, end = line, begin + 1
    return line, begin, end_line, end
