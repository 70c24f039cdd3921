"""What a terminal would show of printed text: rewritten lines as they were last, no codes for colours."""

from __future__ import annotations

import re
from typing import Final

_CODES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-JL-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Colours, titles and movements; not ``\\x1b[K``, which erases."""
_UNSEEN: Final = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\x1b(?!\[[0-2]?K)")
_BACK: Final = re.compile(r"(\r|\x08|\x1b\[[0-2]?K)")


def as_shown(printed: str) -> str:
    """The text as it stands in the end; tabs stay."""
    seen = _UNSEEN.sub("", _CODES.sub("", printed)).replace("\r\n", "\n")
    return "\n".join(_rewritten(line) if _BACK.search(line) else line for line in seen.split("\n"))


def _rewritten(line: str) -> str:
    """A line after the cursor went back in it and wrote, or erased, once more."""
    cells: list[str] = []
    at = 0
    for part in _BACK.split(line):
        if part == "\r":
            at = 0
        elif part == "\b":
            at = max(0, at - 1)
        elif part.startswith("\x1b"):
            del cells[at if part in ("\x1b[K", "\x1b[0K") else 0 :]
            cells += " " * (at - len(cells))
        else:
            cells[at : at + len(part)] = part
            at += len(part)
    return "".join(cells)
