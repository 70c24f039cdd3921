"""How each kind of text in a report looks: one table for the screen and for paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Style:
    """Letters, their colour in the palette, and the room around a line that begins with them, in units.

    Attributes:
        above, below: around the line.
        first, rest: monospaced blanks before the line, and before what does not fit into it.
        struck: a line goes through the text.
    """

    size: float = 13
    colour: str = "text"
    mono: bool = False
    bold: bool = False
    above: float = 0
    below: float = 0
    first: int = 0
    rest: int = 0
    struck: bool = False


PLAIN: Final = Style()

STYLES: Final = {
    "title": Style(17, mono=True, bold=True, below=4),
    "section": Style(11, "quiet", bold=True, above=18, below=5),
    "subtitle": Style(11, "quiet", bold=True, below=3),
    "heading": Style(14, bold=True, below=6),
    "formula": Style(16, above=9, below=4),
    "equation": Style(above=6, below=6),
    "next": Style(above=6),
    "play": Style(above=6),
    "seed": Style(above=6),
    "quiet": Style(colour="quiet"),
    "under": Style(colour="quiet", first=2, rest=2),
    "derivative": Style(mono=True, rest=2, above=8, below=2),
    "code": Style(mono=True, rest=2, below=2),
    "grad": Style(colour="grad", mono=True, rest=2, below=2),
    "value": Style(colour="value", mono=True, rest=2, below=2),
    "leaf": Style(colour="leaf", mono=True, rest=2, below=2),
    "official": Style(mono=True, rest=2, below=6),
    "freed": Style(colour="quiet", mono=True, struck=True),
    "cut": Style(colour="cut"),
    "wrong": Style(colour="wrong"),
}
"""By the tags of ``gui.inspector.lines``; what has none of them is ``PLAIN``."""
