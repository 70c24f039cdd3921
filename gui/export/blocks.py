"""Pieces of a page: scenes of a known size, made of wrapped lines, one below the other, moved and cut in two."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from unicodedata import east_asian_width

import numpy as np

from gui.fonts import text_width
from gui.inspector.styles import PLAIN, Style
from gui.picture.shapes import Box, Boxes, Curve, Curves, Formula, Label, Raster, Scene, Shape

LEADING: Final = 1.3
"""Height of a line, for each unit of its letters' size."""
BOLD: Final = 1.13
"""How much wider bold letters of DejaVu Sans are; those of DejaVu Sans Mono are not."""

Run = tuple[str, Style]
"""Text and how it looks."""

_PIECE: Final = re.compile(r"\s*(?:[!-⺀]+|\S)[，。、；：！？）」』】》”’…]*|\s+$")
"""What a line is not broken in: a word, or a Chinese character with the signs that must not begin a line."""

_WORDS: Final = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page: a scene whose top left corner is 0, 0.

    Attributes:
        breaks: heights at which a page may end within it, ascending; never through a line or an equation.
    """

    scene: Scene
    width: float
    height: float
    breaks: tuple[float, ...] = ()


def moved(scene: Scene, dx: float, dy: float) -> Scene:
    """The scene elsewhere."""
    shapes = tuple(_moved(shape, dx, dy) for shape in scene.shapes)
    return Scene(shapes, tuple(replace(label, x=label.x + dx, y=label.y + dy) for label in scene.labels))


def _moved(shape: Shape, dx: float, dy: float) -> Shape:
    match shape:
        case Curve():
            return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
        case Curves():
            return replace(shape, points=shape.points + np.array((dx, dy)))
        case Boxes():
            return replace(shape, rects=shape.rects + np.array((dx, dy, dx, dy)))
        case Box() | Raster() | Formula():
            return replace(shape, x=shape.x + dx, y=shape.y + dy)


def stacked(blocks: Iterable[Block], gap: float = 0.0) -> Block:
    """One below the other, aligned on the left; a page may end between them."""
    shapes: list[Shape] = []
    labels: list[Label] = []
    breaks: list[float] = []
    width = height = 0.0
    for number, block in enumerate(blocks):
        if number:
            breaks.append(height)
            height += gap
        scene = moved(block.scene, 0, height)
        shapes += scene.shapes
        labels += scene.labels
        breaks += [height + at for at in block.breaks]
        width, height = max(width, block.width), height + block.height
    return Block(Scene(tuple(shapes), tuple(labels)), width, height, tuple(breaks))


def parted(block: Block, height: float) -> tuple[Block, Block | None]:
    """What of a block fits a height, and the rest; None where nothing is left. The parts end at ``breaks``.

    Where not even the first part fits, it is as high as it is.
    """
    if block.height <= height or not block.breaks:
        return block, None
    at = max((place for place in block.breaks if place <= height), default=block.breaks[0])
    first: list[Shape] = []
    rest: list[Shape] = []
    for shape in block.scene.shapes:
        (first if _top(shape) < at else rest).append(shape)
    labels = block.scene.labels
    upper = Scene(tuple(first), tuple(label for label in labels if label.y < at))
    lower = moved(Scene(tuple(rest), tuple(label for label in labels if label.y >= at)), 0, -at)
    breaks = block.breaks
    return (
        Block(upper, block.width, at, tuple(place for place in breaks if place < at)),
        Block(lower, block.width, block.height - at, tuple(place - at for place in breaks if place > at)),
    )


def _top(shape: Shape) -> float:
    match shape:
        case Curve():
            return min(y for _, y in shape.points)
        case Curves():
            return float(shape.points[:, 1].min(initial=np.inf))
        case Boxes():
            return float(shape.rects[:, 1].min(initial=np.inf))
        case Box() | Raster() | Formula():
            return shape.y


# ── Lines of text ─────────────────────────────────────────────────────────────────────────────────────────────────


def run_width(text: str, style: Style) -> float:
    """Width of a text in a style, at most a little too large."""
    wide = text_width(text, style.size, style.mono)
    if style.bold and not style.mono:  # Chinese letters are the same in both
        letters = "".join(char for char in text if east_asian_width(char) not in "WF")
        wide += (BOLD - 1) * text_width(letters, style.size, False)
    return wide


def wrapped(runs: Sequence[Run], width: float, rest: float | None = None) -> list[list[Run]]:
    """A line in lines: broken at blanks, around Chinese characters, and inside a word that is too long.

    Args:
        width: of the first line; ``rest``: of the others, the same where None.
    """
    text = "".join(run for run, _ in runs)
    styles = [style for run, style in runs for _ in run]
    lines: list[list[tuple[str, Style]]] = [[]]
    used, room = 0.0, width
    for match in _PIECE.finditer(text):
        start, end = match.span()
        wide = _width(text, styles, start, end)
        if lines[-1] and used + wide > room:
            start += len(match[0]) - len(match[0].lstrip())
            if start == end:
                continue
            lines.append([])
            used, room = 0.0, width if rest is None else rest
            wide = _width(text, styles, start, end)
        while used + wide > room and end - start > 1:
            fitting = max(1, _fitting(text, styles, start, end, room - used))
            lines[-1] += _runs(text, styles, start, start + fitting)
            start += fitting
            lines.append([])
            used, room = 0.0, width if rest is None else rest
            wide = _width(text, styles, start, end)
        if start < end:
            lines[-1] += _runs(text, styles, start, end)
            used += wide
    return [_joined(line) for line in lines]


def in_lines(text: str, width: float, size: float) -> list[str]:
    """A plain text, likewise."""
    return ["".join(run for run, _ in line) for line in wrapped([(text, Style(size))], width) if line]


def _width(text: str, styles: Sequence[Style], start: int, end: int) -> float:
    return sum(run_width(text[at], styles[at]) for at in range(start, end))


def _fitting(text: str, styles: Sequence[Style], start: int, end: int, room: float) -> int:
    """How many characters fit."""
    used = 0.0
    for at in range(start, end):
        used += run_width(text[at], styles[at])
        if used > room:
            return at - start
    return end - start


def _runs(text: str, styles: Sequence[Style], start: int, end: int) -> Iterator[Run]:
    return ((text[at], styles[at]) for at in range(start, end))


def _joined(line: Iterable[Run]) -> list[Run]:
    """Neighbours that look alike as one."""
    joined: list[Run] = []
    for text, style in line:
        if joined and joined[-1][1] == style:
            joined[-1] = joined[-1][0] + text, style
        else:
            joined.append((text, style))
    return joined


def written(runs: Sequence[Run], x: float, y: float) -> tuple[list[Shape], list[Label]]:
    """One line, from x on and centred on y: the letters of all sizes stand on one baseline."""
    size = max((style.size for _, style in runs), default=PLAIN.size)
    shapes: list[Shape] = []
    labels: list[Label] = []
    for text, style in runs:
        wide = run_width(text, style)
        middle = y + 0.36 * (size - style.size)  # as gui.picture.paint centres letters
        for match in _WORDS.finditer(text):  # an SVG keeps no other blanks than one between words
            at = x + run_width(text[: match.start()], style)
            labels.append(Label(at, middle, match[0], style.colour, style.size, bold=style.bold, mono=style.mono))
        if style.struck:
            shapes.append(Box(x, middle - 0.5, wide, 1, style.colour, radius=0))
        x += wide
    return shapes, labels


def text_block(runs: Sequence[Run], width: float) -> Block:
    """A paragraph, with the room that its first style asks for around it."""
    runs = [run for run in runs if run[0]]
    style = runs[0][1] if runs else PLAIN
    blank = text_width(" ", PLAIN.size)
    first, rest = style.first * blank, style.rest * blank
    y = style.above
    shapes: list[Shape] = []
    labels: list[Label] = []
    breaks = []
    for number, line in enumerate(wrapped(runs, width - first, width - rest)):
        high = LEADING * max((style.size for _, style in line), default=style.size)
        if number:
            breaks.append(y)
        more, words = written(line, rest if number else first, y + high / 2)
        shapes += more
        labels += words
        y += high
    return Block(Scene(tuple(shapes), tuple(labels)), width, y + style.below, tuple(breaks))


CAPTION: Final = Style(12, "quiet")


def caption_block(text: str, width: float) -> Block:
    """What is said of a picture, below it."""
    return stacked(text_block([(line, CAPTION)], width) for line in text.strip().split("\n"))
