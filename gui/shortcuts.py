"""Keys as this system has them: what is Ctrl elsewhere is Command on macOS."""

from __future__ import annotations

import sys
from typing import Final

MAC: Final = sys.platform == "darwin"

_SIGNS: Final = (
    ("Ctrl+Shift+", "⇧⌘"), ("Ctrl+Enter", "⌃Enter"), ("Ctrl+Y", "⇧⌘Z"), ("Ctrl+", "⌘"), ("Shift+", "⇧"),
)  # fmt: skip
"""What is said of them on macOS: Command with Enter and Y is left to the system."""


def spelled(text: str, *, mac: bool = MAC) -> str:
    """A text with its keys called as the system's own menus call them."""
    for keys, signs in _SIGNS if mac else ():
        text = text.replace(keys, signs)
    return text


def pressed(sequence: str, *, mac: bool = MAC) -> str:
    """The event of a key: with Control, on macOS with Command."""
    return sequence.replace("Control-", "Command-") if mac else sequence
