"""Texts on a canvas: few items, made once, moved together, and told only what differs."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Collection, Sequence

from gui.picture.scene import Label, text_width
from gui.theme import Look

_ANCHORS = {"w": "w", "e": "e", "c": "center"}

_SAMPLE = "AccumulateGrad [-0.1234, 5.678e-10] 2×4: 0…1"
"""What a font's width is measured by."""

Place = tuple[float, float, str]
"""Where a label stands in the picture, and its anchor: what makes it the same label in the next frame."""


class Labels:
    """The labels of one layer of a canvas.

    All items are moved by one command and enlarged by another; those of one style share a tag, so that zooming tells
    Tk a handful of fonts.
    """

    def __init__(self, canvas: tk.Canvas, layer: str) -> None:
        self._canvas = canvas
        self._layer = layer
        self._shown: dict[Place, tuple[int, Label]] = {}
        self._free: list[int] = []
        self._fonts: dict[tuple[bool, bool, int], tkfont.Font] = {}
        self._widths: dict[tuple[bool, bool, int], int] = {}
        self._styles: dict[str, tuple[bool, bool, float]] = {}
        self._view = (0.0, 0.0, 1.0)
        self._look: Look | None = None

    def show(self, labels: Sequence[Label], look: Look, *, x: float = 0.0, y: float = 0.0, scale: float = 1.0) -> None:
        """These labels and no others; the point (x, y) is in the corner, ``scale`` pixels are a unit."""
        canvas = self._canvas
        if look is not self._look:
            self._look = look
            self._fonts.clear()
            self._widths.clear()
            self._retire([item for item, _ in self._shown.values()])
            self._shown = {}
        kept = {(label.mono, label.bold, label.size) for label in labels}
        self._travel(x, y, scale, look, kept)
        before, after = self._shown, {}
        fresh = []
        for label in labels:
            place = (label.x, label.y, label.anchor)
            known = before.pop(place, None)
            if known is None:
                fresh.append((place, label))
            else:
                item, old = known
                after[place] = known if old == label else (item, label)
                if old != label:
                    self._tell(item, label, look, scale)
        # An item that is needed again at once is not hidden first.
        spare = [item for item, _ in before.values()]
        for place, label in fresh:
            free = spare or self._free
            item = free.pop() if free else canvas.create_text(0, 0, tags=self._layer)
            canvas.coords(item, (label.x - x) * scale, (label.y - y) * scale)
            self._tell(item, label, look, scale)
            if place in after:
                spare.append(after[place][0])
            after[place] = (item, label)
        self._retire(spare)
        self._shown = after

    def _travel(self, x: float, y: float, scale: float, look: Look, kept: Collection[tuple[bool, bool, float]]) -> None:
        """Takes every item along to where the view has gone; those of styles not ``kept`` are told theirs anew."""
        old_x, old_y, old_scale = self._view
        self._view = (x, y, scale)
        if scale != old_scale:
            self._canvas.scale(self._layer, 0, 0, scale / old_scale, scale / old_scale)
            self._styles = {tag: style for tag, style in self._styles.items() if style in kept}
            for tag, (mono, bold, size) in self._styles.items():
                if self._pixels(mono, bold, size * scale, look) != self._pixels(mono, bold, size * old_scale, look):
                    self._canvas.itemconfigure(tag, font=self._font(mono, bold, size * scale, look))
        if (x, y) != (old_x, old_y):
            self._canvas.move(self._layer, (old_x - x) * scale, (old_y - y) * scale)

    def _tell(self, item: int, label: Label, look: Look, scale: float) -> None:
        style = f"{self._layer}_{label.mono:d}{label.bold:d}{label.size:g}"
        self._styles[style] = (label.mono, label.bold, label.size)
        self._canvas.itemconfigure(
            item, text=label.text, fill=look[label.colour], anchor=_ANCHORS[label.anchor], state="normal",
            font=self._font(label.mono, label.bold, label.size * scale, look), tags=(self._layer, style),
        )  # fmt: skip

    def _retire(self, items: Sequence[int]) -> None:
        for item in items:
            self._canvas.itemconfigure(item, state="hidden")
        self._free += items

    def _pixels(self, mono: bool, bold: bool, size: float, look: Look) -> int:
        """A whole size, because the screen has no others: the nearest, if its letters take no more room than meant."""
        whole = max(1, int(size))
        if size - whole < 0.5:
            return whole
        larger = (mono, bold, whole + 1)
        if larger not in self._widths:
            self._widths[larger] = self._named(*larger, look).measure(_SAMPLE)
        return whole + (self._widths[larger] <= 1.02 * text_width(_SAMPLE, size, mono))

    def _font(self, mono: bool, bold: bool, size: float, look: Look) -> tkfont.Font:
        return self._named(mono, bold, self._pixels(mono, bold, size, look), look)

    def _named(self, mono: bool, bold: bool, pixels: int, look: Look) -> tkfont.Font:
        key = (mono, bold, pixels)
        if key not in self._fonts:
            # Not ``font=``: Tk would turn the pixels into whole points.
            family = look.mono if mono else look.sans
            self._fonts[key] = tkfont.Font(
                self._canvas, family=family, size=-pixels, weight="bold" if bold else "normal"
            )
        return self._fonts[key]
