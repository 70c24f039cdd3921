"""Formulas: mathtext drawn as pictures, and set into a text as soon as there is time for it."""

from __future__ import annotations

import tkinter as tk
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageTk

from gui.inspector.inset import Insets
from gui.inspector.styles import STYLES
from gui.picture.shapes import MATH
from gui.theme import Look

SIZE: Final = STYLES["formula"].size
"""Of the letters, in units of the design."""
POINT: Final = 72
"""Dots an inch at which a point is a pixel."""
RESTING: Final = 30
"""Milliseconds after which formulas are drawn: not while the reader goes on stepping."""


@lru_cache(maxsize=512)
def picture(formula: str, size: float, dpi: float, colour: str) -> Image.Image:
    """The formula on a transparent ground; ``size`` is in points.

    matplotlib is imported here, so that the window need not wait for it; its first formula takes 0.1 s, others 0.01 s.

    Raises:
        ValueError: it is not mathtext.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    font = FontProperties(size=size, math_fontfamily=MATH)
    ink = Image.fromarray(np.asarray(MathTextParser("agg").parse(f"${formula}$", dpi, font).image, np.uint8))
    drawn = Image.new("RGBA", ink.size, colour)
    drawn.putalpha(ink)
    return drawn


class Formulas(Insets):
    """The formulas in a text widget.

    One that was drawn before is there at once; for another a place is kept, so that what is written around it is shown
    without delay.
    """

    def __init__(self, text: tk.Text) -> None:
        super().__init__(text)
        self._ready = False
        self._waiting = ""
        self._placed: dict[str, str] = {}  # name of a picture in the text → its formula
        self._pending: list[str] = []  # names still to be drawn
        self._drawn: dict[str, ImageTk.PhotoImage] = {}  # by formula, for this look and width
        self._held: dict[str, tk.PhotoImage | ImageTk.PhotoImage] = {}  # by name: Tk itself keeps no picture alive
        self._blank: tk.PhotoImage | None = None

    @property
    def pending(self) -> int:
        """How many are still to be drawn."""
        return len(self._pending)

    def ready(self) -> None:
        """matplotlib has been imported: they can be drawn."""
        self._ready = True
        self._rest()

    def dress(self, look: Look) -> None:
        super().dress(look)
        self._drawn = {}
        self._blank = tk.PhotoImage(master=self.text, width=1, height=look.px(SIZE))

    def refit(self) -> None:
        """Formulas that are wider than the text become smaller."""
        self._drawn = {}
        self._pending = list(self._placed)
        self._rest()

    def clear(self) -> None:
        self._placed, self._pending, self._held = {}, [], {}

    def insert(self, formula: str, tag: str) -> None:
        """Adds one at the end of the text."""
        known = self._drawn.get(formula) or self._blank
        name = self.text.image_create("end", image=known or "", align="center")
        self.text.tag_add(tag, name)
        self._placed[name] = formula
        if known is not None:
            self._held[name] = known
        if formula not in self._drawn:
            self._pending.append(name)
            self._rest()

    def stop(self) -> None:
        """Nothing is drawn any more; to be called before the text is destroyed."""
        if self._waiting:
            self.text.after_cancel(self._waiting)
            self._waiting = ""

    def _rest(self) -> None:
        """Begins to draw what is pending, some time from now."""
        self.stop()
        if self._pending and self._ready:
            self._waiting = self.text.after(RESTING, self._draw)

    def _draw(self) -> None:
        """Draws one, and goes on with the next when Tk has done what else is due."""
        self._waiting = ""
        if not self._pending or self.look is None:
            return
        name = self._pending.pop(0)
        formula = self._placed[name]
        if formula not in self._drawn:
            self._drawn[formula] = ImageTk.PhotoImage(self._fitting(formula, self.look), master=self.text)
        self._held[name] = self._drawn[formula]
        self.text.image_configure(name, image=self._drawn[formula])
        self._waiting = self.text.after(1, self._draw)

    def _fitting(self, formula: str, look: Look) -> Image.Image:
        drawn = picture(formula, SIZE, POINT * look.scale, look["text"])
        if drawn.width > self.width > 1:
            size = SIZE * (self.width - 2) / drawn.width  # a pixel may be lost to rounding on each side
            drawn = picture(formula, size, POINT * look.scale, look["text"])
        return drawn
