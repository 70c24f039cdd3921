"""All moments of a page in one picture: small ones in rows, each with its number and what the moment is."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from pathlib import Path
from typing import Final

from core.playback import Playback
from gui.export.blocks import in_lines
from gui.export.page import GAP, MARGIN, Page, around, extents, moment_text, pieces
from gui.fonts import text_width
from gui.picture import paint
from gui.picture.scene import Label, Scene, legend
from gui.picture.shapes import Sheet

MOST: Final = 240
"""Pictures on a sheet at most."""
RATIO: Final = sqrt(2)
"""Of a page's sides, long to short."""
ROOM: Final = 300.0 * 150.0
"""Units² of a small picture: a few cards can be read in it."""
NARROWEST: Final = 190.0
"""Width of a small picture's place, for what stands below it."""
TITLE, SAID, LINE = 17.0, 10.5, 14.0
"""Sizes of the title and of what stands below a small picture, and the height of its lines."""
BOLD: Final = 1.15
"""How much wider bold letters are."""


class ContactSheet:
    """Those moments at which something is seen that was not before, and the last one; as wide as a page of paper.

    Args:
        page: gives the room of the small pictures; its caption, foot and panels are not on the sheet.
        moments: of which to choose.

    Attributes:
        moments: those that were chosen.
        share: how large the small pictures are, of the page's own size.

    Raises:
        ValueError: one line, where they are too many.
    """

    def __init__(self, page: Page, moments: Sequence[Playback]) -> None:
        self.page, self.moments = page, _seen(page, moments)
        if len(self.moments) > MOST:
            raise ValueError(f"{len(self.moments)} pictures are too many for a sheet, {MOST} are the most; "
                             "choose a --pass or a --step")  # fmt: skip
        self._reach = [_reach(page, moment) for moment in self.moments]
        wide = page.frame[2] - page.frame[0]
        high = sum(bottom - top for top, bottom in self._reach) / len(self._reach)
        self.share = min(1.0, sqrt(ROOM / (wide * high)))
        self._cell = max(NARROWEST, wide * self.share)
        self._indent = text_width(str(self.moments[-1].cursor), SAID, False) * BOLD + LINE / 2
        self._said = [in_lines(moment_text(moment, page.words)[0], self._cell - self._indent, SAID)
                      for moment in self.moments]  # fmt: skip
        self._lines = max(1, *map(len, self._said))
        name = Path(moments[0].trace.path).name or "Pullback"
        key = "export.contact.all" if len(self.moments) == len(moments) else "export.contact"
        said = page.words(key, name=name, n=len(self.moments), all=len(moments))
        self._title = said if len(moments) > 1 else name
        self._legend = legend(page.words, 0, 0, earlier=page.picture.later(moments[-1]))
        least = max(text_width(self._title, TITLE, False), *(rect[2] for rect in extents(self._legend)))
        self._columns = min(range(1, len(self.moments) + 1), key=self._oddness)
        self._width = max(least, self._across(self._columns))

    def size(self, scale: float) -> tuple[float, float]:
        return (self._width + 2 * MARGIN) * scale, self._down(self._columns) * scale

    def draw(self, painter: paint.Painter, scale: float) -> None:
        painter.look(scale, (-MARGIN, -MARGIN))
        painter.paint(Scene((), (Label(0, TITLE / 2, self._title, "text", TITLE, mono=False),)))
        painter.look(scale, (-MARGIN, MARGIN + LINE / 2 - self._down(self._columns)))
        painter.paint(self._legend)
        rows, share = self._rows(self._columns), self.share * scale
        y = MARGIN + TITLE + GAP
        for number, moment in enumerate(self.page.watch.each(self.moments, 1.0)):
            row, column = divmod(number, self._columns)
            (top, bottom), x = rows[row], MARGIN + column * (self._cell + GAP)
            painter.look(share, (self.page.frame[0] - x / self.share, top - y / self.share))
            for piece in pieces(self.page.scene(moment, share if painter.pixels else 1.0)):
                self.page.watch.check()
                painter.paint(piece)
            below = y + (bottom - top) * self.share + LINE / 2
            painter.look(scale, (-x, -below))
            painter.paint(self._below(number))
            if column == self._columns - 1:
                y = below + LINE * self._lines + GAP

    def _below(self, number: int) -> Scene:
        """What stands below a small picture: how many events have happened, and what the moment is."""
        sheet, moment = Sheet(), self.moments[number]
        sheet.text(0, LINE / 2, str(moment.cursor), "text", SAID, mono=False, bold=True)
        colour = moment_text(moment, self.page.words)[1]
        for line, text in enumerate(self._said[number]):
            sheet.text(self._indent, LINE * (line + 0.5), text, colour, SAID, mono=False)
        return sheet.scene()

    def _across(self, columns: int) -> float:
        return columns * self._cell + (columns - 1) * GAP

    def _rows(self, columns: int) -> list[tuple[float, float]]:
        """From which height of the picture to which the small ones of each row reach."""
        rows = (self._reach[first : first + columns] for first in range(0, len(self._reach), columns))
        return [(min(top for top, _ in row), max(bottom for _, bottom in row)) for row in rows]

    def _down(self, columns: int) -> float:
        """Height of the whole sheet."""
        below = LINE * (self._lines + 0.5) + GAP
        rows = sum((bottom - top) * self.share + below for top, bottom in self._rows(columns))
        return 2 * MARGIN + TITLE + GAP + rows + LINE

    def _oddness(self, columns: int) -> float:
        """How far the sheet is from a page, upright or on its side."""
        ratio = log((self._across(columns) + 2 * MARGIN) / self._down(columns))
        return min(abs(ratio - log(RATIO)), abs(ratio + log(RATIO)))


def _seen(page: Page, moments: Sequence[Playback]) -> list[Playback]:
    """Without those that look as the one before, and without an empty beginning; the last stays."""
    chosen: list[Playback] = []
    before = Scene()
    for moment in page.watch.each(moments, 0.0):
        scene = page.scene(moment)
        if (scene.shapes and scene != before) or moment is moments[-1]:
            chosen.append(moment)
        before = scene
    return chosen


def _reach(page: Page, moment: Playback) -> tuple[float, float]:
    """The top and the bottom of what is seen at a moment."""
    found = list(extents(page.scene(moment)))
    _, top, _, bottom = around(found) if found else page.frame
    return top, max(bottom, top + LINE)
