"""The program as a piece of a page: numbered, coloured as in the editor, long lines wrapped."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Final

from core.playback import Playback
from core.records import Failure, Span, Trace
from gui.editor.highlight import read
from gui.export.blocks import Block, stacked
from gui.fonts import text_width
from gui.picture.shapes import Sheet

SIZE: Final = 12.0
NUMBER: Final = 11.0
"""Size of the code, and of the lines' numbers."""
LINE: Final = 18.0
"""Height of a line."""
NUMBERS, MARK = 30.0, 16.0
"""Widths of the numbers, and of the sign beside one."""
HANGING: Final = 4
"""Blanks by which the rest of a wrapped line is set in further than its beginning."""
TAB: Final = 4

BRACKETS: Final = dict.fromkeys("([{", 1) | dict.fromkeys(")]}", -1)
BEHIND: Final = " ,([{"
"""Signs behind which a line may be broken."""

Stretch = tuple[int, int]
"""From one character of a line to another, the last excluded."""

_BLANK: Final = text_width(" ", SIZE)
_WORDS: Final = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is marked in a program: the line and the expression that run, and what failed."""

    line: int = 0
    span: Span | None = None
    failure: Failure | None = None


def code_block(
    trace: Trace, playback: Playback | None, width: float, first: int | None = None, last: int | None = None
) -> Block:
    """The program of a trace, with what runs at a moment marked as in the editor; a page may end between its lines.

    Args:
        playback: the moment; None to mark nothing but what failed, which is otherwise marked at the end of the run.
        first, last: lines from 1; all where None.
    """
    lines = trace.source.rstrip().split("\n")
    start, stop = (first or 1), min(last or len(lines), len(lines))
    failure = trace.error if playback is None or playback.at_end else None
    marks = _Marks(playback.line, playback.span, failure) if playback is not None else _Marks(failure=failure)
    colours: dict[int, list[tuple[Stretch, str]]] = {}
    for colour, places in read(trace.source).ranges.items():
        for begin, end in places:
            for line, stretch in _by_line(begin, end, lines):
                colours.setdefault(line, []).append((stretch, colour))
    column = max(NUMBERS, text_width(str(stop), NUMBER) + 4)
    return stacked(
        _line(number, lines[number - 1], colours.get(number, []), marks, column, width)
        for number in range(start, stop + 1)
    )


def _line(
    number: int, text: str, colours: Sequence[tuple[Stretch, str]], marks: _Marks, column: float, width: float
) -> Block:
    """One line, in as many rows as it takes."""
    sheet = Sheet()
    wrong = marks.failure is not None and marks.failure.line == number
    runs = marks.line == number
    left = column + MARK
    places = _places(text)
    rows = _rows(text, places, width - left)
    high = LINE * len(rows)
    if runs or wrong:
        sheet.box((0, 0, width, high), "wrong_soft" if wrong else "running_line", radius=0.0)
        sign, colour = ("✗", "wrong") if wrong else ("▸", "grad")
        sheet.text(column + MARK * 0.6, LINE / 2, sign, colour, NUMBER, anchor="c", mono=False)
    sheet.text(column, LINE / 2, str(number), "text" if runs or wrong else "quiet", NUMBER, anchor="e")
    for row, (start, end, indent) in enumerate(rows):
        middle, x = LINE * (row + 0.5), left + indent - places[start]
        for stretch, ground, ink in _marked(number, text, marks):
            begin, stop = max(start, stretch[0]), min(end, stretch[1])
            if begin < stop:
                bottom = middle + 0.36 * SIZE + 3
                if ground:
                    sheet.box((x + places[begin], middle - 8, x + places[stop], middle + 8), ground, radius=0.0)
                sheet.box((x + places[begin], bottom - 1, x + places[stop], bottom), ink, radius=0.0)
        for (begin, stop), colour in _coloured(start, end, colours):
            for word in _WORDS.finditer(text, begin, stop):
                sheet.text(x + places[word.start()], middle, word[0], colour, SIZE)
    return Block(sheet.scene(), width, high)


def _by_line(begin: tuple[int, int], end: tuple[int, int], lines: Sequence[str]) -> Iterator[tuple[int, Stretch]]:
    """A stretch of the program, line by line."""
    for line in range(begin[0], min(end[0], len(lines)) + 1):
        yield line, (begin[1] if line == begin[0] else 0, end[1] if line == end[0] else len(lines[line - 1]))


def _marked(number: int, text: str, marks: _Marks) -> Iterator[tuple[Stretch, str, str]]:
    """What is marked in a line, its ground and the colour of the line below it."""
    if marks.span is not None and (stretch := _part(marks.span, number, text)) is not None:
        yield stretch, "running_span", "text"
    if marks.failure is not None:
        span = marks.failure.span
        exact = span[2:] > span[:2]
        stretch = _part(span, number, text) if exact else None
        if not exact and marks.failure.line == number:
            stretch = len(text) - len(text.lstrip()), len(text)
        if stretch is not None:
            yield stretch, "", "wrong"


def _part(span: Span, number: int, text: str) -> Stretch | None:
    """What of a span is in a line."""
    line, column, end_line, end_column = span
    if not line <= number <= end_line:
        return None
    begin = column if number == line else len(text) - len(text.lstrip())
    return begin, min(end_column if number == end_line else len(text), len(text))


def _places(text: str) -> list[float]:
    """Where each character begins, and where the last one ends; tabs reach to the next of their places."""
    stop = TAB * _BLANK
    return list(
        accumulate(text, lambda x, char: x + (stop - x % stop if char == "\t" else text_width(char, SIZE)), initial=0.0)
    )


def _rows(text: str, places: Sequence[float], room: float) -> list[tuple[int, int, float]]:
    """First character, last and indent of each row."""
    code = len(text) - len(text.lstrip())
    hanging = min(places[code] + HANGING * _BLANK, room / 2)
    rows: list[tuple[int, int, float]] = []
    start, indent = 0, 0.0
    while places[-1] - places[start] > room - indent:
        fitting = bisect_right(places, places[start] + room - indent) - 1
        at = _best_break(text, max(start, code) + 1, max(start + 1, fitting))
        rows.append((start, at, indent))
        start, indent = at + len(text[at:]) - len(text[at:].lstrip()), hanging
    return [*rows, (start, len(text), indent)]


def _best_break(text: str, first: int, last: int) -> int:
    """Where a line is broken: within the fewest brackets, behind a blank or an open one, in the second half if any."""
    depths = list(accumulate((BRACKETS.get(char, 0) for char in text[:last]), initial=0))
    found = [at for at in range((first + last) // 2, last + 1) if text[at - 1] in BEHIND]
    return min(found, key=lambda at: (depths[at], -at), default=last)


def _coloured(start: int, end: int, colours: Sequence[tuple[Stretch, str]]) -> Iterator[tuple[Stretch, str]]:
    """The stretches of a row between which the colour changes."""
    edges = sorted({start, end, *(edge for stretch, _ in colours for edge in stretch if start < edge < end)})

    def colour_of(stretch: Stretch) -> str:
        begin, stop = stretch
        return next((colour for (first, last), colour in colours if first <= begin and stop <= last), "text")

    for colour, stretches in groupby(pairwise(edges), colour_of):
        begin, *_, stop = (edge for stretch in stretches for edge in stretch)
        yield (begin, stop), colour
