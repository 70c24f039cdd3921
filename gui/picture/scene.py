"""A trace, its folding and a moment → the scene that is drawn. Knows neither Tk nor matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from core.playback import Playback
from gui.i18n import Words
from gui.picture import drawing, headers
from gui.picture.afar import Afar
from gui.picture.arrangement import Strand
from gui.picture.closeup import Moment
from gui.picture.headers import NOWHERE, READABLE, Header
from gui.picture.part import Part
from gui.picture.seeds import Seed
from gui.picture.shapes import (
    Box,
    Boxes,
    Curve,
    Curves,
    Label,
    Raster,
    Rect,
    Scene,
    Shape,
    Sheet,
    inside,
    overlap,
    text_width,
)
from gui.picture.standing import MARGIN, NOTE, Hit, Standing
from gui.picture.ways import Related

__all__ = [
    "READABLE", "Box", "Boxes", "Curve", "Curves", "Hit", "Label", "Part", "Picture", "Raster", "Rect", "Related",
    "Scene", "Seed", "Shape", "legend", "text_width",
]  # fmt: skip

NOTE_TEXT = 12.0
SMALLEST_FRAME = 24.0
"""Pixels below which an open group's frame is not drawn."""


class Picture(Standing):
    """The picture of a trace: boxes and places are fixed, ``scene`` shows them at any moment."""

    def scene(
        self,
        playback: Playback,
        words: Words,
        *,
        view: Rect | None = None,
        scale: float = 1.0,
        selected: int | None = None,
        hovered: int | None = None,
        motion: float | None = None,
        on_screen: bool = False,
        covered: Rect = NOWHERE,
        only: Part | None = None,
    ) -> Scene:
        """What the picture shows at this moment.

        Args:
            view: only what touches this part of the picture.
            scale: how large it will be drawn; small cards say less.
            selected: a card chosen by the reader.
            hovered: the card under the pointer.
            motion: phase, 0 … 1, of the current step's animation; None shows the moment after it.
            on_screen: the names of open groups stay in the view, and the note on folding can be read at every scale;
                in a file everything has its place.
            covered: what of the view is out of sight; no name is held there.
            only: the part that is shown; None for all.
        """
        view = view or self.bounds
        moment = Moment(self, playback, words, selected, hovered, motion)
        sheet = Sheet()
        boxes = inside(self.rects, view) & (self.course.born < playback.cursor)
        lines = inside(self.strand_rects, view) & (self.course.strands_born < playback.cursor)
        names = self._names(playback, view if on_screen else None, scale, covered)
        if only is not None:
            boxes, lines = boxes & only.units, lines & only.strands
            names = [name for name in names if name.group in only.groups]
        visible, strands = np.nonzero(boxes)[0], np.nonzero(lines)[0]
        grounds = self._draw_frames(sheet, view, scale, moment, {name.group: name for name in names}, only)
        if scale < READABLE:
            self._afar.draw(sheet, playback, visible, strands, scale, selected=moment.selected, current=moment.current)
            sheet.shapes += grounds
        else:
            self._draw_near(sheet, view, visible, strands, moment, grounds, only)
        for name in names:
            if name.above:
                drawing.name_above(sheet, name.x, name.y, name.text, name.size, name.rect, _depth(name.group))
        if (scale >= READABLE or on_screen) and only is None:
            self._say_folded(sheet, words, view, scale if on_screen else 1.0)
        return sheet.scene()

    def _draw_near(
        self, sheet: Sheet, view: Rect, visible: np.ndarray, strands: np.ndarray, moment: Moment, grounds: list[Box],
        only: Part | None,
    ) -> None:  # fmt: skip
        chips: list[tuple[Strand, str, str]] = []
        for place in strands:
            moment.strand(sheet, self.strands[place], chips)
        sheet.shapes += grounds
        moment.joins(sheet)
        for place in visible:
            moment.unit(sheet, int(place))
        taken = [self.unit_rect(int(place)) for place in visible]
        taken += [(box.x, box.y, box.x + box.width, box.y + box.height) for box in grounds]
        taken += moment.seeds(sheet, view, only)
        moment.chips(sheet, chips, taken)

    def _say_folded(self, sheet: Sheet, words: Words, view: Rect, scale: float) -> None:
        """What is folded, above the picture; on a small picture as large as on one that is not."""
        note, small = self.note(words), min(1.0, scale)
        left, top, right, _ = self.bounds
        x, y = left + MARGIN, top + MARGIN + NOTE - NOTE / small
        if note and overlap(view, (left, y - MARGIN, right, y + NOTE)):
            size = NOTE_TEXT if small == 1.0 else drawing.far_size(small, NOTE_TEXT)
            sheet.text(x, y, note, "quiet", size, mono=False)

    def hit(
        self,
        x: float,
        y: float,
        playback: Playback,
        tolerance: float = 7.0,
        *,
        seen: Rect | None = None,
        covered: Rect = NOWHERE,
        scale: float = 1.0,
    ) -> Hit | None:
        """What lies under a point at this moment, of a picture of which a part is ``seen`` at a scale."""
        if seen is None:
            return super().hit(x, y, playback, tolerance)
        point = (x, y, x, y)
        names = [name for name in self._names(playback, seen, scale, covered) if overlap(name.rect, point)]
        if any(name.above for name in names):
            return Hit("fold", group=names[-1].group)
        found = super().hit(x, y, playback, tolerance)
        if names and (found is None or found.kind in ("wire", "bundle")):
            return Hit("fold", group=names[-1].group)
        return found

    def _names(self, playback: Playback, seen: Rect | None, scale: float, covered: Rect) -> list[Header]:
        """The names of the open groups that are there."""
        rects = self.frame_rects
        there = (self.course.frames_born < playback.cursor) & ((rects[:, 2] - rects[:, 0]) * scale > SMALLEST_FRAME)
        part, boxes = seen or self.bounds, self.course.born < playback.cursor
        groups = tuple(self.frames)
        shown = [groups[row] for row in np.nonzero(there & inside(rects, part))[0]]
        return headers.place(self, shown, np.nonzero(boxes & inside(self.rects, part))[0], scale, seen, covered)

    @cached_property
    def _afar(self) -> Afar:
        return Afar(self)

    def _draw_frames(
        self, sheet: Sheet, view: Rect, scale: float, moment: Moment, names: Mapping[str, Header], only: Part | None
    ) -> list[Box]:
        """Open groups, outer ones first, with the names that have their places there; the grounds of the texts."""
        grounds = []
        groups, rects = tuple(self.frames), self.frame_rects
        wide = (rects[:, 2] - rects[:, 0]) * scale > SMALLEST_FRAME
        for place in np.nonzero(inside(rects, view) & (self.course.frames_born < moment.playback.cursor) & wide)[0]:
            if only is not None and groups[place] not in only.groups:
                continue
            group, name = self.groups[groups[place]], names.get(groups[place])
            left, top, right, bottom = self.frames[group.id]
            # Far outside of the view a dashed line would cost time and show nothing.
            left, top = max(left, view[0] - 99), max(top, view[1] - 99)
            rect = (left, top, min(right, view[2] + 99), min(bottom, view[3] + 99))
            drawing.frame(sheet, rect, _depth(group.id), dashed=scale >= READABLE)
            if name is not None and not name.above:
                depth = _depth(group.id)
                grounds.append(drawing.frame_name(sheet, name.x, name.y, name.text, name.size, name.rect, depth))
                if scale >= READABLE:
                    note = moment.operations(self.operations(group.id))
                    if group.kind == "loop":
                        note = moment.words("group.turns", n=group.count, operations=note)
                    grounds += drawing.frame_note(sheet, rect, name.rect[2] - headers.GROUND, note, depth)
        return grounds


def _depth(group: str) -> int:
    return group.count("/") + 1


def legend(words: Words, x: float, y: float, *, hints: bool = False, earlier: bool = False) -> Scene:
    """What the colours mean, in one row; with ``hints``, also what can be clicked; ``earlier`` after several passes."""
    sheet = Sheet()
    drawing.legend(sheet, words, x, y, hints, earlier)
    return sheet.scene()
