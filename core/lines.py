"""The lines of a program as Python counts them: a form feed or U+2028 in a string ends none."""

from __future__ import annotations

import io


def lines_of(source: str) -> list[str]:
    """The lines with their ends."""
    return list(io.StringIO(source, newline=""))
