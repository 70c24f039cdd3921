"""The picture of a run as a piece of a page, so large that it can be read: how it lies, and what is folded for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from core.layout import Direction
from core.playback import Index, Playback
from core.records import Trace
from gui.export.blocks import Block, moved
from gui.export.document import LEAST, UNIT, Figure, Paper
from gui.export.order import Order
from gui.export.page import around, extents
from gui.export.watch import Watch
from gui.picture.groups import Folding
from gui.picture.part import Part
from gui.picture.scene import Picture
from gui.picture.shapes import SMALL

SMALLEST: Final = LEAST / (SMALL * UNIT)
"""Scale at which the smallest letters of a picture can just be read."""
TOO_SMALL: Final = 0.5 * SMALLEST
LARGEST: Final = 0.92
BESIDE: Final = 0.47
"""Share of the width that a picture beside text takes at most."""
ACROSS: Final = 0.5
"""Share of the height that one as wide as the page takes at most."""
ALONE: Final = 0.94
"""The same of one that has a page of its own, below its title."""

Place = Literal["across", "beside", "upright", "turned"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Attributes:
    place: as wide as the page, beside text, or on a page of its own, upright or with the long side below.
    folded: whether groups are folded that were open.
    small: whether its letters are smaller than ``document.LEAST``.
    """

    figure: Figure
    place: Place
    folded: bool = False
    small: bool = False


class Pictures:
    """The picture of a trace, as it is asked for and otherwise."""

    def __init__(self, trace: Trace, index: Index, order: Order, watch: Watch) -> None:
        self._trace, self._index, self._order, self._watch = trace, index, order, watch
        self._known: dict[tuple[Folding | None, Direction], Picture] = {}

    def of(self, folding: Folding | None, direction: Direction) -> Picture:
        if (folding, direction) not in self._known:
            self._known[folding, direction] = Picture(
                self._trace, self._index, folding, cancelled=self._watch.cancelled, direction=direction
            )
        return self._known[folding, direction]

    @property
    def asked(self) -> Picture:
        return self.of(self._order.folding, self._order.direction)


def fitted(pictures: Pictures, moment: Playback, order: Order, paper: Paper) -> Fitted | None:
    """The picture at a moment, in the first of these ways in which its letters can be read.

    As it is asked for, across the page; downwards, beside text; the other way, across; on a page of its own; then the
    same with groups folded. Where none does, it is as large as a page of its own lets it be; None where that is too
    small, or there is nothing to see.
    """
    asked: Direction = order.direction
    other: Direction = "right" if asked == "down" else "down"
    ways: tuple[tuple[Place, Direction], ...] = (
        ("across", asked), ("beside", "down"), ("across", other),
        ("upright", asked), ("turned", asked), ("upright", other), ("turned", other),
    )  # fmt: skip
    most: Fitted | None = None
    for folding in (order.folding, Folding(depth=1), Folding(depth=0)):
        blocks: dict[Direction, Block] = {}
        for place, direction in ways:
            if direction not in blocks:
                blocks[direction] = block_of(pictures.of(folding, direction), moment, order)
            block = blocks[direction]
            if not block.width:
                return None
            scale = _scale(block, place, paper)
            found = Fitted(Figure(block, scale), place, folding is not order.folding, scale < SMALLEST)
            if not found.small:
                return found
            if place in ("upright", "turned") and (most is None or scale > most.figure.scale):
                most = found
    return most if most is not None and most.figure.scale >= TOO_SMALL else None


def _scale(block: Block, place: Place, paper: Paper) -> float:
    """How large a block can be in a place."""
    (width, height), (long, short) = paper.room, paper.turned.room
    rooms = {
        "across": (width, ACROSS * height), "beside": (BESIDE * width, 0.85 * height),
        "upright": (width, ALONE * height), "turned": (long, ALONE * short),
    }  # fmt: skip
    return min(LARGEST, rooms[place][0] / block.width, rooms[place][1] / block.height)


def block_of(picture: Picture, moment: Playback, order: Order, card: int | None = None) -> Block:
    """What a picture shows at a moment, cropped to it; of one card only, where one is given."""
    part = None
    if card is not None:
        units = np.arange(len(picture.units)) == picture.unit_of_card[card]
        part = replace(Part.of(picture, (card,)), units=units, strands=np.zeros(len(picture.strands), bool))
    scene = picture.scene(moment, order.words, only=part)
    found = list(extents(scene))
    if not found:
        return Block(scene, 0.0, 0.0)
    left, top, right, bottom = around(found)
    return Block(moved(scene, -left, -top), right - left, bottom - top)
