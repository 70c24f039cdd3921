"""A trace, its folding and a moment → the scene that is drawn. Knows neither Tk nor matplotlib."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from core.playback import Playback
from gui import drawing
from gui.afar import Afar
from gui.arrangement import Strand
from gui.closeup import Moment
from gui.i18n import Words
from gui.seeds import Seed
from gui.shapes import (
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
from gui.standing import MARGIN, NOTE, Hit, Standing
from gui.ways import Related

__all__ = [
    "READABLE", "Box", "Boxes", "Curve", "Curves", "Hit", "Label", "Picture", "Raster", "Rect", "Related", "Scene",
    "Seed", "Shape", "legend", "text_width",
]  # fmt: skip

READABLE = 0.42
"""Below this scale cards show their names only, as large as they can be read."""
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
    ) -> Scene:
        """What the picture shows at this moment.

        Args:
            view: only what touches this part of the picture.
            scale: how large it will be drawn; small cards say less.
            selected: a card chosen by the reader.
            hovered: the card under the pointer.
            motion: phase, 0 … 1, of the current step's animation; None shows the moment after it.
        """
        view = view or self.bounds
        moment = Moment(self, playback, words, selected, hovered, motion)
        sheet = Sheet()
        visible = np.nonzero(inside(self.rects, view) & (self.course.born < playback.cursor))[0]
        strands = np.nonzero(inside(self.strand_rects, view) & (self.course.strands_born < playback.cursor))[0]
        headers = self._draw_frames(sheet, view, scale, moment)
        if scale < READABLE:
            self._afar.draw(sheet, playback, visible, strands, scale, selected=moment.selected, current=moment.current)
            return sheet.scene()
        chips: list[tuple[Strand, str, str]] = []
        for place in strands:
            moment.strand(sheet, self.strands[place], chips)
        sheet.shapes += headers
        moment.joins(sheet)
        for place in visible:
            moment.unit(sheet, int(place))
        taken = [self.unit_rect(int(place)) for place in visible]
        taken += [(box.x, box.y, box.x + box.width, box.y + box.height) for box in headers]
        taken += moment.seeds(sheet, view)
        moment.chips(sheet, chips, taken)
        note = self.note(words)
        left, top, right, _ = self.bounds
        if note and overlap(view, (left, top, right, top + MARGIN + NOTE)):
            sheet.text(left + MARGIN, top + MARGIN, note, "quiet", 12.0, mono=False)
        return sheet.scene()

    @cached_property
    def _afar(self) -> Afar:
        return Afar(self)

    def _draw_frames(self, sheet: Sheet, view: Rect, scale: float, moment: Moment) -> list[Box]:
        """Open groups, outer ones first; without their names where those could not be read. The names' grounds."""
        headers = []
        names, rects = tuple(self.frames), self.frame_rects
        wide = (rects[:, 2] - rects[:, 0]) * scale > SMALLEST_FRAME
        for place in np.nonzero(inside(rects, view) & (self.course.frames_born < moment.playback.cursor) & wide)[0]:
            group = self.groups[names[place]]
            left, top, right, bottom = self.frames[group.id]
            # Far outside of the view a dashed line would cost time and show nothing.
            left, top = max(left, view[0] - 99), max(top, view[1] - 99)
            rect = (left, top, min(right, view[2] + 99), min(bottom, view[3] + 99))
            title = note = ""
            if scale >= READABLE:
                title, note = self.names.group(group.id), moment.operations(self.operations(group.id))
                if group.kind == "loop":
                    note = moment.words("group.turns", n=group.count, operations=note)
            headers += drawing.frame(sheet, rect, title, note, group.id.count("/") + 1)
        return headers


def legend(words: Words, x: float, y: float, *, hints: bool = False, earlier: bool = False) -> Scene:
    """What the colours mean, in one row; with ``hints``, also what can be clicked; ``earlier`` after several passes."""
    sheet = Sheet()
    drawing.legend(sheet, words, x, y, hints, earlier)
    return sheet.scene()
