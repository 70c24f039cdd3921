"""A picture at a moment, from far out: boxes with their names only, lines without what they carry."""

from __future__ import annotations

import numpy as np

from core.playback import Playback
from gui.picture import drawing
from gui.picture.drawing import ROW
from gui.picture.shapes import Boxes, Curve, Curves, Sheet, places_along, text_width
from gui.picture.standing import Standing

OUTLINES = 0.14
"""Below this scale cards are plain rectangles, and few lines are drawn."""
STRANDS_AFAR = 3000
CUTS_AFAR = 200
"""Cut lines that are dashed one by one; where there are more, they could not be told apart."""
FAR_ROOM = (24.0, 12.0)
"""Pixels that a box must measure to bear its name."""
LEAST, MOST_GROWN = 1.0, 4.0
"""Pixels of a box's sides at least; and where all of the picture would be thinner than a few of them."""
RING = 3.0
"""Pixels by which the mark of the current card is larger than the least."""
MARK = 13.0
"""Pixels that a mark takes up; no two are drawn in the same place."""


class Afar:
    """What of a picture is drawn far out; it is the same for every moment.

    Args:
        standing: where everything stands.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._points = [np.array(strand.route, dtype=float) for strand in standing.strands]
        wires = standing.graph.wires
        self._cut = np.array([bool(wires[strand.wires[0]].cut) for strand in standing.strands], dtype=bool)
        cards = standing.graph.cards
        self._leaf = np.array([unit.card is not None and cards[unit.card].leaf for unit in standing.units], dtype=bool)
        counts = (standing.groups[unit.group].count if unit.group else 1 for unit in standing.units)
        self._piled = np.array([count > 1 for count in counts], dtype=bool)

    def draw(
        self,
        sheet: Sheet,
        playback: Playback,
        visible: np.ndarray,
        strands: np.ndarray,
        scale: float,
        *,
        selected: int | None,
        current: int | None,
    ) -> None:
        """Draws those boxes and lines; ``selected`` and ``current`` are boxes."""
        if scale >= OUTLINES or len(strands) <= STRANDS_AFAR:
            self._draw_strands(sheet, strands, playback, scale)
        self._draw_boxes(sheet, visible, playback, scale)
        for unit, weight in ((selected, 2.0), (current, 3.0)):
            if unit is not None:
                self._ring(sheet, unit, weight, scale)
        marks = self._marks(playback)
        self._write(sheet, visible, marks, scale)
        self._mark(sheet, visible, strands, marks, scale)

    def _draw_strands(self, sheet: Sheet, strands: np.ndarray, playback: Playback, scale: float) -> None:
        """Lines without heads and contributions, one shape for each colour; what is cut is dashed."""
        (passed, earlier), cut = (
            (found[strands] for found in self._standing.course.passed(playback)),
            self._cut[strands],
        )
        kinds = (
            ("edge", ~(passed | earlier | cut), 1.6), ("earlier", earlier & ~cut, 1.6), ("cut", cut, 1.2 / scale),
            ("grad", passed & ~cut, max(2.2, 1.2 / scale)),
        )  # fmt: skip
        for line, these, weight in kinds:
            chosen = strands[these]
            if line == "cut" and len(chosen) <= CUTS_AFAR:
                routes = (self._standing.strands[place].route for place in chosen)
                sheet.shapes += [Curve(route, line, weight, dashed=True) for route in routes]
            elif len(chosen):
                points = np.concatenate([self._points[place] for place in chosen])
                lengths = [len(self._points[place]) for place in chosen]
                begins = np.zeros(len(points), dtype=bool)
                begins[np.concatenate([[0], np.cumsum(lengths)[:-1]])] = True
                sheet.shapes.append(Curves(points, begins, line, weight))

    def _draw_boxes(self, sheet: Sheet, visible: np.ndarray, playback: Playback, scale: float) -> None:
        """Cards without what they say, a few shapes for all of them."""
        rects, leaf = _grown(self._standing.rects[visible], self._least(scale)), self._leaf[visible]
        if scale < OUTLINES:
            sheet.shapes.append(Boxes(rects[~leaf], "far"))
            sheet.shapes.append(Boxes(rects[leaf], "leaf"))
            return
        edge = 1.2 / scale
        rim = np.array([edge, edge, -edge, -edge])
        piles = rects[self._piled[visible]]
        for behind in (2, 1):
            offset = behind * drawing.STACK * np.array([1, -1, 1, -1])
            sheet.shapes.append(Boxes(piles + offset, "far"))
            sheet.shapes.append(Boxes(piles + (rim + offset), "card"))
        sheet.shapes.append(Boxes(rects[~leaf], "far"))
        sheet.shapes.append(Boxes(rects[leaf], "leaf"))
        sheet.shapes.append(Boxes(rects + rim, "card"))
        arrived = rects[self._standing.course.arrived(playback)[visible]].copy()
        arrived[:, 1] = arrived[:, 3] - np.minimum(ROW, (arrived[:, 3] - arrived[:, 1]) / 4)
        sheet.shapes.append(Boxes(arrived + np.array([edge, 0, -edge, -edge]), "grad"))

    def _ring(self, sheet: Sheet, unit: int, weight: float, scale: float) -> None:
        """Around a box, as wide as the halo near by: nothing beside the box is covered."""
        rim, thick = drawing.HALO, weight / scale
        box = self._standing.rects[unit] + np.array([-rim, -rim, rim, rim])
        around = left, top, right, bottom = _grown(box, self._least(scale) + RING / scale)
        lines = (
            (left, top, right, top + thick), (left, bottom - thick, right, bottom),
            (left, top, left + thick, bottom), (right - thick, top, right, bottom),
        )  # fmt: skip
        small = min(right - left, bottom - top) - 2 * rim < 5 * thick
        sheet.shapes.append(Boxes(np.array([around] if small else lines), "accent"))

    def _least(self, scale: float) -> np.ndarray:
        """The least width and height of a box: a picture as thin as a hair is seen, and none is smeared."""
        left, top, right, bottom = self._standing.bounds
        pixels = np.array([right - left, bottom - top]) * scale
        least: np.ndarray = np.maximum(LEAST, MOST_GROWN - pixels / 2) / scale
        return least

    def _marks(self, playback: Playback) -> dict[int, str]:
        """Boxes with ✗ for what raised or ⚠ for NaN or Inf, in the card itself or in one of the folded group's."""
        found: dict[int, str] = {}
        for card, mark in self._standing.oddities.at(playback).items():
            unit = self._standing.unit_of_card.get(card)
            if unit is not None and found.get(unit) != "✗":
                found[unit] = mark
        return found

    def _write(self, sheet: Sheet, visible: np.ndarray, marks: dict[int, str], scale: float) -> None:
        """The names of boxes that have room for one, as large on the screen at every scale."""
        standing, size, pad = self._standing, drawing.far_size(scale), 4.0 / scale
        rects = standing.rects[visible]
        sides = (rects[:, 2:] - rects[:, :2]) * scale
        for number in map(int, visible[(sides >= FAR_ROOM).all(axis=1)]):
            unit = standing.units[number]
            left, top, right, bottom = standing.unit_rect(number)
            middle, room = top + (bottom - top) * (0.5 if unit.user is not None else 0.375), right - left - 2 * pad
            mark = marks.get(number) if unit.user is None else None
            if unit.group:
                title, colour = f"▸{standing.names.group(unit.group)}", "text"
                if self._piled[number]:
                    times = f"×{standing.groups[unit.group].count}"
                    sheet.text(right - pad, middle, times, "accent", size, anchor="e", bold=True)
                    room -= text_width(times, size) + pad
            else:
                assert unit.card is not None
                card = standing.graph.cards[unit.card]
                title, colour = standing.names.card(unit), "text" if card.tracked or card.failed else "quiet"
            text = drawing.clipped(title, room - (text_width("⚠ ", size) if mark else 0.0), size)
            if mark:
                text, colour = f"{mark} {text}".rstrip(), "wrong"
            sheet.text(left + pad, middle, text, colour, size, bold=bool(mark))

    def _mark(
        self, sheet: Sheet, visible: np.ndarray, strands: np.ndarray, marks: dict[int, str], scale: float
    ) -> None:
        """⚠ and ✗ on boxes too small for a name, ✂ on cut lines; one where several would lie on each other."""
        size, half, taken = drawing.far_size(scale), MARK / 2 / scale, set()
        places: list[tuple[float, float, str, str]] = []
        for number in marks.keys() & set(visible.tolist()) if marks else ():
            left, top, right, bottom = self._standing.unit_rect(number)
            if (right - left) * scale < FAR_ROOM[0] or (bottom - top) * scale < FAR_ROOM[1]:
                places.append(((left + right) / 2, (top + bottom) / 2, marks[number], "wrong"))
        for place in strands[self._cut[strands]][:CUTS_AFAR]:
            ((x, y),) = places_along(self._standing.strands[place].route, (0.5,), (0.0, 0.0))
            places.append((x, y, "✂", "cut"))
        for x, y, mark, colour in sorted(places):
            cell = (round(x * scale / MARK), round(y * scale / MARK))
            if cell not in taken:
                taken.add(cell)
                sheet.box((x - half, y - half, x + half, y + half), f"{colour}_soft", radius=half)
                sheet.text(x, y, mark, colour, size, anchor="c", bold=True)


def _grown(rects: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Rectangles, or one, made larger around their middles where a side is shorter than the least."""
    more = np.maximum(0.0, least - (rects[..., 2:] - rects[..., :2])) / 2
    grown: np.ndarray = rects + np.concatenate([-more, more], axis=-1)
    return grown
