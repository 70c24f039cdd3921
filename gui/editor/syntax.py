"""What keeps a text from being a program, in plain words."""

from __future__ import annotations

import re
from typing import Final

from core.records import Failure
from gui.i18n import Words

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


def explanation(failure: Failure, words: Words) -> str:
    """What a SyntaxError means; '' where no row knows, and for other exceptions."""
    if failure.type not in ("SyntaxError", "IndentationError", "TabError"):
        return ""
    for pattern, key in ROWS:
        if match := re.search(pattern, failure.message):
            return words(f"syntax.{key}", **match.groupdict())
    return ""
