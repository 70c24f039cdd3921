"""Cards that the reader marks, to export them alone: a frame drawn with Shift, Shift and a click, or a key."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import numpy as np

from gui.canvas.view import View
from gui.picture.scene import Box, Picture
from gui.picture.shapes import inside
from gui.theme import Look

CLICK = 4.0
"""Units that the pointer may move in a click."""
AROUND = 5.0
"""Between a box and its mark."""


class Marquee:
    """The marked cards of one picture.

    Args:
        canvas: where it is drawn.
        picture: the one that is shown.
        on_change: other cards are marked now.

    Attributes:
        cards: those that are marked.
    """

    def __init__(
        self, canvas: tk.Canvas, view: View, picture: Callable[[], Picture | None], on_change: Callable[[], object]
    ) -> None:
        self._canvas, self._view, self._picture, self._on_change = canvas, view, picture, on_change
        self.cards: frozenset[int] = frozenset()
        self._from: tuple[int, int] | None = None
        self._frame = canvas.create_rectangle(0, 0, 0, 0, state="hidden", dash=(4, 3))
        canvas.bind("<Shift-ButtonPress-1>", self._pressed)
        canvas.bind("<Shift-B1-Motion>", self._dragged)
        canvas.bind("<Shift-ButtonRelease-1>", self._released)

    def dress(self, look: Look) -> None:
        self._canvas.itemconfigure(self._frame, outline=look["accent"], width=look.px(1))

    def mark(self, cards: frozenset[int]) -> None:
        """These cards, and no others."""
        if cards != self.cards:
            self.cards = cards
            self._on_change()

    def toggle(self, card: int) -> None:
        """One card, and all that are folded with it."""
        if (picture := self._picture()) is not None:
            self.mark(self.cards ^ frozenset(picture.seen_with(card)))

    def rings(self) -> tuple[Box, ...]:
        """A mark around each box, in the picture's units."""
        picture = self._picture()
        if picture is None or not self.cards:
            return ()
        units = sorted({picture.unit_of_card[card] for card in self.cards if picture.shows(card)})
        rects = map(picture.unit_rect, units)
        return tuple(
            Box(left - AROUND, top - AROUND, right - left + 2 * AROUND, bottom - top + 2 * AROUND, "", "accent", 1.6,
                radius=12, dashed=True)
            for left, top, right, bottom in rects
        )  # fmt: skip

    def within(self, rect: tuple[float, float, float, float]) -> frozenset[int]:
        """The cards of all boxes that a part of the picture touches."""
        picture = self._picture()
        if picture is None:
            return frozenset()
        touched = np.nonzero(inside(picture.rects, rect))[0]
        return frozenset(card for unit in touched for card in picture.contents.of(picture.units[int(unit)]))

    def _pressed(self, event: tk.Event[tk.Misc]) -> str:
        self._canvas.focus_set()
        self._from = (event.x, event.y)
        return "break"

    def _dragged(self, event: tk.Event[tk.Misc]) -> str:
        if self._from is not None:
            self._canvas.coords(self._frame, *self._from, event.x, event.y)
            self._canvas.itemconfigure(self._frame, state="normal")
            self._canvas.tag_raise(self._frame)
        return "break"

    def _released(self, event: tk.Event[tk.Misc]) -> str:
        begun, self._from = self._from, None
        self._canvas.itemconfigure(self._frame, state="hidden")
        if begun is None:
            return "break"
        xs, ys = sorted((begun[0], event.x)), sorted((begun[1], event.y))
        rect = (*self._view.point(xs[0], ys[0]), *self._view.point(xs[1], ys[1]))
        if xs[1] - xs[0] + ys[1] - ys[0] > CLICK * self._view.unit:
            self.mark(self.within(rect))
        elif clicked := self.within(rect):
            self.mark(self.cards ^ clicked)
        return "break"
