"""The colours of a program, and which of its brackets belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

LIMIT: Final = 200_000
"""Characters above which a text is left plain."""

COLOURS: Final = {
    "Keyword": "code_keyword",
    "Operator.Word": "code_keyword",
    "Literal.String": "code_string",
    "Literal.Number": "code_number",
    "Comment": "code_comment",
    "Name.Builtin": "code_name",
    "Name.Decorator": "code_name",
    "Generic.Heading": "code_keyword",
    "Generic.Subheading": "code_keyword",
}
"""Beginnings of pygments' names of tokens, and the palette's names of their colours."""

_OPENS: Final = {")": "(", "]": "[", "}": "{"}

Language = Literal["python", "markdown"]
Place = tuple[int, int]
"""Line from 1, column from 0, in characters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A program as it is coloured.

    Attributes:
        ranges: begin and end of what has a colour, by the colour.
        partners: the other bracket of each that has one; brackets in strings and comments are none.
    """

    ranges: dict[str, list[tuple[Place, Place]]]
    partners: dict[Place, Place]


def read(source: str, language: Language = "python") -> Reading:
    """The colours of a text; none of one that is too long."""
    reading = Reading({}, {})
    if len(source) > LIMIT:
        return reading
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    open_ones: list[tuple[str, Place]] = []
    line, column = 1, 0
    for kind, part in lexer.get_tokens(source):
        begin = line, column
        breaks = part.count("\n")
        line += breaks
        column = len(part) - part.rfind("\n") - 1 if breaks else column + len(part)
        name = str(kind).removeprefix("Token.")
        colour = next((colour for prefix, colour in COLOURS.items() if name.startswith(prefix)), None)
        if colour and part.strip():
            reading.ranges.setdefault(colour, []).append((begin, (line, column)))
        if name == "Punctuation":
            for at, sign in enumerate(part, begin[1]):
                _pair(sign, (begin[0], at), open_ones, reading.partners)
    return reading


def _pair(sign: str, place: Place, open_ones: list[tuple[str, Place]], partners: dict[Place, Place]) -> None:
    if sign in "([{":
        open_ones.append((sign, place))
    elif open_ones and open_ones[-1][0] == _OPENS.get(sign):
        _, begin = open_ones.pop()
        partners[begin], partners[place] = place, begin
