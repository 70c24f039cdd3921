"""Where lines of Chinese may end: Tk breaks a text at blanks only, and Chinese has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_WIDE: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60、-〿“”‘’…—"
_OPENING: Final = "（《〈「『【“‘"
_CLOSING: Final = "，。、；：！？）》〉」』】”’…—·"
_BREAK: Final = re.compile(
    f"(?<=[{_WIDE}])(?<![{_OPENING}])(?=[^\\s{_CLOSING}])|(?<=[^\\s{_WIDE}])(?=[{_WIDE}])(?![{_CLOSING}])"
)
"""Between a wide character and another, or a narrow one; not after an opening sign, nor before a closing one."""


def parts(text: str) -> list[str]:
    """A text in pieces between which a line may end, besides at blanks."""
    return [part for part in _BREAK.split(text) if part]


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> str:
    """A text in lines that are no wider than ``width``, as ``measure`` has it, unless a single piece is."""
    lines = [""]
    for piece in (piece for word in re.split("(?<= )", text) for piece in parts(word)):
        if lines[-1] and measure((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(map(str.rstrip, lines))
