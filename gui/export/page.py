"""The page of a moment: the picture; above it a caption, beside or below it what is said and the program; the foot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.playback import Playback
from gui.export.blocks import Block, in_lines
from gui.export.watch import Watch
from gui.failure import failure_lines
from gui.fonts import text_width
from gui.i18n import Words
from gui.picture import paint
from gui.picture.moment import where_text
from gui.picture.scene import Box, Boxes, Curve, Curves, Label, Part, Picture, Raster, Rect, Scene, Shape, legend
from gui.picture.shapes import Formula, formula_rect

PIECE: Final = 500
"""Shapes or texts that are drawn before it is asked whether to go on."""

MARGIN, GAP = 24.0, 22.0
LEAST: Final = 420.0
"""Width of the smallest page, for what stands below the picture."""
SAID: Final = 12.0
"""Size of the text there."""
LINE: Final = 18.0
FAILURE_LINES: Final = 8

Panels = Callable[[Playback], Sequence[Block]]
"""What stands beside the picture at a moment, from top to bottom or from left to right."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A scene, the pixels for each of its units, and the point of it in the top left corner of the page."""

    scene: Scene
    scale: float
    origin: tuple[float, float]


class Page:
    """Room for every moment of a picture, so that nothing moves from one to the next.

    Args:
        moments: all that will be drawn.
        cards: those that are shown; None for all.
        caption: stands above the picture.
        panels: what stands beside it.
        dated: whether the moment is said in the foot.
    """

    def __init__(
        self, picture: Picture, moments: Sequence[Playback], words: Words, watch: Watch | None = None, *,
        cards: frozenset[int] | None = None, caption: Block | None = None, panels: Panels = lambda moment: (),
        dated: bool = True,
    ) -> None:  # fmt: skip
        self.watch = watch or Watch(whole=len(moments))
        self.picture, self.words = picture, words
        self.part = Part.of(picture, cards) if cards is not None else None
        self.caption, self.panels, self.dated = caption, panels, dated
        self.frame: Rect = (0.0, 0.0, LEAST, 0.0)
        found = [rect for moment in self.watch.each(moments, 0.5) for rect in extents(self.scene(moment))]
        if found:
            self.frame = around(found)
        # What went wrong is said at the last moment; the others differ only in how the moment is called.
        longest = max(moments, key=lambda moment: text_width(moment_text(moment, words)[0], SAID, False))
        self._longest_feet = (longest, moments[-1])
        beside = [[(block.width, block.height) for block in panels(moment)] for moment in moments]
        # Of each panel, the largest that it will be.
        self._rooms = [(max(width for width, _ in sizes), max(height for _, height in sizes))
                       for sizes in zip(*beside, strict=True)]  # fmt: skip

    def at(self, moment: Playback) -> Drawing:
        return Drawing(self, moment)

    def scene(self, moment: Playback, scale: float = 1.0) -> Scene:
        return self.picture.scene(moment, self.words, scale=scale, only=self.part)

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height of the page in pixels."""
        return _Layout(self, scale).size

    def draw(self, painter: paint.Painter, moment: Playback, scale: float) -> None:
        """Draws a moment."""
        picture, *others = self.layers(moment, scale, pixels=painter.pixels)
        painter.look(picture.scale, picture.origin)
        parts = list(pieces(picture.scene))
        for piece in self.watch.each(parts, 1 / len(parts)):
            painter.paint(piece)
        for layer in others:
            painter.look(layer.scale, layer.origin)
            painter.paint(layer.scene)

    def layers(self, moment: Playback, scale: float, *, pixels: bool) -> Iterator[Layer]:
        """The picture, then the others; what is no picture stays legible however small the picture is."""
        layout = _Layout(self, scale)
        scene = self.scene(moment, scale if pixels else 1.0)
        left, top, _, _ = self.frame
        x, y = layout.picture
        yield Layer(scene, scale, (left - x / scale, top - y / scale))
        blocks = [self.foot(moment, layout.foot_width), *self.panels(moment)]
        places = [layout.foot, *layout.panels]
        if self.caption is not None:
            blocks.append(self.caption)
            places.append((MARGIN * layout.text, MARGIN * layout.text))
        for block, (x, y) in zip(blocks, places, strict=True):
            yield Layer(block.scene, layout.text, (-x / layout.text, -y / layout.text))

    def foot(self, moment: Playback, width: float) -> Block:
        """What stands below a picture of that width: what went wrong, the legend, the moment."""
        width = max(LEAST, width)
        y = GAP
        boxes: list[Shape] = []
        labels: list[Label] = []
        error = moment.trace.error
        if moment.at_end and error is not None:
            explanation, message = failure_lines(error, self.words)
            lines = [
                Label(GAP / 2, 0, text, colour, SAID + 1, mono=False)
                for said, colour in ((explanation, "wrong"), (message, "quiet" if explanation else "wrong"))
                for text in in_lines(said, min(width, 640.0) - GAP, SAID + 1)
            ][:FAILURE_LINES]  # fmt: skip
            wide = max(text_width(label.text, label.size, False) for label in lines) + GAP
            boxes.append(Box(0, y, wide, len(lines) * LINE + GAP / 2, "wrong_soft", "wrong"))
            labels += [Label(line.x, y + GAP / 4 + (n + 0.5) * LINE, line.text, line.colour, line.size, mono=False)
                       for n, line in enumerate(lines)]  # fmt: skip
            y += len(lines) * LINE + GAP * 1.25
        meaning = legend(self.words, 0, y + LINE / 2, earlier=self.picture.later(moment))
        legend_width = max((rect[2] for rect in extents(meaning)), default=0.0)
        said, colour = moment_text(moment, self.words) if self.dated else ("", "")
        if self.part is not None:
            part = self.words("export.part", n=self.part.shown, all=self.part.every)
            said, colour = (f"{part} · {said}", colour) if said else (part, "quiet")
        if said:
            room = text_width(said, SAID, False)
            if legend_width + GAP + room <= width:
                labels.append(Label(width, y + LINE / 2, said, colour, SAID, "e", mono=False))
            else:
                y += LINE + GAP / 4
                width = max(width, room)
                labels.append(Label(0, y + LINE / 2, said, colour, SAID, mono=False))
        scene = Scene((*boxes, *meaning.shapes), (*labels, *meaning.labels))
        return Block(scene, max(width, legend_width), y + LINE)

    def longest_foot(self, width: float) -> tuple[float, float]:
        """Width and height of what stands below, at all moments."""
        feet = [self.foot(moment, width) for moment in self._longest_feet]
        return max(foot.width for foot in feet), max(foot.height for foot in feet)

    @property
    def rooms(self) -> list[tuple[float, float]]:
        """Width and height that each panel needs at most."""
        return self._rooms


@dataclass(frozen=True, slots=True)
class Drawing:
    """One moment of a page, as what draws it needs it."""

    page: Page
    moment: Playback

    def size(self, scale: float) -> tuple[float, float]:
        return self.page.size(scale)

    def draw(self, painter: paint.Painter, scale: float) -> None:
        self.page.draw(painter, self.moment, scale)


class _Layout:
    """Where everything stands on a page, in pixels.

    Attributes:
        text: pixels for each unit of what is no picture, which is never smaller than legible.
        picture, foot, panels: top left corners.
        foot_width: width of the foot, in units.
        size: of the page.
    """

    def __init__(self, page: Page, scale: float) -> None:
        self.text = text = max(scale, 1.0)
        left, top, right, bottom = page.frame
        shown = ((right - left) * scale, (bottom - top) * scale)
        rooms = [(width * text, height * text) for width, height in page.rooms]
        margin, gap = MARGIN * text, GAP * text
        head = page.caption.height * text + gap if page.caption is not None else 0.0
        across = sum(width for width, _ in rooms) + gap * max(0, len(rooms) - 1)
        down = sum(height for _, height in rooms) + gap * max(0, len(rooms) - 1)
        beside = bool(rooms) and _beside(shown, (across, max(height for _, height in rooms)),
                                         (max(width for width, _ in rooms), down), gap)  # fmt: skip
        column = max((width for width, _ in rooms), default=0.0) + gap if beside else 0.0
        inner = max(shown[0], 0.0 if beside else across)
        wide, high = page.longest_foot((inner + column) / text)
        captioned = page.caption.width * text if page.caption is not None else 0.0
        whole = max(inner + column, wide * text, captioned)
        self.foot_width = whole / text
        free = whole - column  # where the picture stands, in its middle
        y = margin + head
        self.picture = (margin + max(0.0, (free - shown[0]) / 2), y)
        self.panels: list[tuple[float, float]] = []
        if beside:
            at = y
            for _, height in rooms:
                self.panels.append((margin + free + gap, at))
                at += height + gap
            y += max(shown[1], down)
        else:
            y += shown[1]
            if rooms:
                y, at = y + gap, margin
                for width, _ in rooms:
                    self.panels.append((at, y))
                    at += width + gap
                y += max(height for _, height in rooms)
        self.foot = (margin, y)
        self.size = (whole + 2 * margin, y + high * text + margin)


def _beside(picture: tuple[float, float], row: tuple[float, float], column: tuple[float, float], gap: float) -> bool:
    """Whether the panels stand beside the picture, in a column, and not below it, in a row: what leaves less empty."""
    below = max(picture[0], row[0]) * (picture[1] + gap + row[1])
    return (picture[0] + gap + column[0]) * max(picture[1], column[1]) < below


def pieces(scene: Scene) -> Iterator[Scene]:
    """The scene in parts that take a moment each, so that a large one can be given up."""
    for n in range(0, len(scene.shapes), PIECE):
        yield Scene(scene.shapes[n : n + PIECE])
    for n in range(0, max(1, len(scene.labels)), PIECE):
        yield Scene((), scene.labels[n : n + PIECE])


def moment_text(playback: Playback, words: Words) -> tuple[str, str]:
    """Where the cursor stands, at which node, and the colour to say it in."""
    text, colour = where_text(playback, words)
    if playback.node is not None:
        number, node = playback.node
        text += f" · {playback.trace.passes[number].nodes[node].name}"
    return text, colour


def extents(scene: Scene) -> Iterator[Rect]:
    """What everything in a scene covers."""
    for shape in scene.shapes:
        match shape:
            case Box(x=x, y=y, width=width, height=height, weight=weight):
                yield (x - weight / 2, y - weight / 2, x + width + weight / 2, y + height + weight / 2)
            case Raster(x=x, y=y, width=width, height=height):
                yield (x, y, x + width, y + height)
            case Formula():
                yield formula_rect(shape)
            case Curve(points=points):
                # The control points' hull holds the curve.
                yield around((x, y, x, y) for x, y in points)
            case Curves(points=ends) if len(ends):
                yield (*map(float, ends.min(axis=0)), *map(float, ends.max(axis=0)))  # type: ignore[misc]
            case Boxes(rects=rects) if len(rects):
                yield (*map(float, rects[:, :2].min(axis=0)), *map(float, rects[:, 2:].max(axis=0)))  # type: ignore[misc]
    for label in scene.labels:
        width = text_width(label.text, label.size, label.mono)
        left = label.x - {"w": 0.0, "e": width, "c": width / 2}[label.anchor]
        yield (left, label.y - label.size / 2, left + width, label.y + label.size / 2)


def around(rects: Iterable[Rect]) -> Rect:
    left, top, right, bottom = zip(*rects, strict=True)
    return (min(left), min(top), max(right), max(bottom))
