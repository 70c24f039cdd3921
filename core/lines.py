"""The lines of a program as Python counts them: a form feed or U+2028 in a string ends none."""

from __future__ import annotations

import io
from typing import Final

NO_PROGRAM: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What ``ast`` raises over a text that is no program, or is nested too deeply to be read."""


def lines_of(source: str) -> list[str]:
    """The lines with their ends."""
    return list(io.StringIO(source, newline=""))
