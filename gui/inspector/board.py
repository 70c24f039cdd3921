"""J, v and x̄ drawn in a text: as numbers, or as colours where there are too many; what is pointed at is followed."""

from __future__ import annotations

import math
import tkinter as tk
import tkinter.font as tkfont
from bisect import bisect
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

import numpy as np
from PIL import ImageTk

from gui.inspector import cells
from gui.inspector.cells import SIGN
from gui.inspector.jacobian import Product
from gui.theme import Look
from gui.viewer import shades

SUM_LINES: Final = 3
"""Lines kept free for the sum below colours."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom pixel."""
Element = tuple[str, int]
"""``v`` or ``x``, and the number of an element of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where the matrix, v or x̄ stands, and its entries there: from row to row and from column to column.

    Attributes:
        box: the pixels.
        rows, columns: the first and the last, which is excluded.
        down, across: ``v`` or ``x``, whose elements its rows and its columns belong to; '' for a single one.
        edges: the pixels between which the columns stand, where numbers make them of different widths.
    """

    box: Box
    rows: tuple[float, float]
    columns: tuple[float, float]
    down: str = ""
    across: str = ""
    edges: tuple[int, ...] = ()

    def holds(self, x: int, y: int) -> bool:
        return self.box[0] <= x < self.box[2] and self.box[1] <= y < self.box[3]

    def element(self, x: int, y: int) -> Element:
        """The element whose row, or column where there is one row only, is at a pixel."""
        if self.down:
            return self.down, _place(self.box[1], self.box[3], self.rows, y)
        if self.edges:
            return self.across, bisect(self.edges, x) - 1
        return self.across, _place(self.box[0], self.box[2], self.columns, x)

    def strip(self, row: int) -> Box:
        """The pixels of one row; the edge of the box for one that is not in it."""
        left, above, right, below = self.box
        top, bottom = _stretch(above, below, self.rows, row)
        return left, top, right, bottom

    def post(self, column: int) -> Box:
        """The pixels of one column, likewise."""
        left, above, right, below = self.box
        start, end = self.edges[column : column + 2] if self.edges else _stretch(left, right, self.columns, column)
        return start, above, end, below

    def of(self, element: Element) -> Box:
        """What has to do with an element: its row or its column, otherwise all."""
        name, place = element
        return self.strip(place) if name == self.down else self.post(place) if name == self.across else self.box


class Board(tk.Canvas):
    """One product; how its parts stand is up to the classes below.

    Attributes:
        product: what is shown.
        entries: the numbers of each part, in rows and columns as they are shown.
        chosen: the element that is followed; None while none is.
        as_numbers: whether numbers are written, not colours.
    """

    names: ClassVar[dict[str, str]]
    """What each part is called."""
    ways: ClassVar[dict[str, tuple[str, str]]]
    """``down`` and ``across`` of each part."""
    dots: ClassVar = True
    """Whether a zero of the matrix is a dot."""

    def __init__(self, master: tk.Misc, product: Product, entries: dict[str, np.ndarray]) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True, cursor="arrow")
        self.product = product
        self.entries = entries
        self.chosen: Element | None = None
        self.as_numbers = False
        self._parts: dict[str, Part] = {}
        self._pictures: list[ImageTk.PhotoImage] = []  # Tk itself keeps no picture alive
        rows, columns = entries["J"].shape
        self._seen = (0.0, float(rows), 0.0, float(columns))
        self._grip: tuple[int, int] | None = None
        self.bind("<Motion>", lambda event: self._point(event.x, event.y))
        self.bind("<Leave>", lambda event: self.choose(None))
        self.bind("<ButtonPress-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<Double-Button-1>", lambda event: self._see_all())
        for key, by in (("Up", -1), ("Down", 1)):
            self.bind(f"<{key}>", partial(self._arrow, self.ways["J"][0], by))
            self.bind(f"<Shift-{key}>", partial(self._arrow, self.ways["J"][1], by))
        self.bind("<FocusOut>", lambda event: self.choose(None))

    def show(self, look: Look, width: int) -> None:
        """Draws it anew, so many pixels wide."""
        self._look, self._room = look, width
        self._width = max(width, look.px(80)) - 2  # without the ring of the focus
        self.delete("all")
        self._parts, self._pictures = {}, []
        self.configure(background=look["panel"], highlightcolor=look["accent"], highlightbackground=look["panel"])
        self.as_numbers = cells.in_numbers(self.entries["J"]) and self._write()
        bottom = self._captions() if self.as_numbers else self._legend(self._paint())
        self._marks = [self.create_rectangle(0, 0, 0, 0, outline=look["accent"], width=look.px(2), state="hidden")
                       for _ in range(3)]  # fmt: skip
        font = tkfont.Font(self, font=look.font(12, mono=True))
        room = max(1, self._width // font.measure("0") - 8)  # words are not broken
        elements = [(name, place) for name in "vx" for place in range(self._length(name)) if self.as_numbers]
        lines = max((math.ceil(len(self.sentence(element)) / room) for element in elements), default=SUM_LINES)
        hint = tkfont.Font(self, font=look.font(12)).measure(self._hint)
        if hint > self._width:
            lines = max(lines, math.ceil(hint / (self._width - look.px(40))))
        top = bottom + look.px(6)
        self._sum = self.create_text(0, top, anchor="nw", font=font, width=self._width)
        height = top + lines * font.metrics("linespace") + look.px(2)
        self.configure(width=self._width, height=height)
        self.choose(self.chosen)

    def px(self, units: float) -> int:
        """Pixels of a length."""
        return self._look.px(units)

    def letters(self, size: int) -> tuple[int, int]:
        """Pixels: width of a digit and height of a line, monospaced."""
        font = tkfont.Font(self, font=self._look.font(size, mono=True))
        return font.measure("0"), font.metrics("linespace")

    def _write(self) -> bool:
        """Writes the numbers; False where they do not fit."""
        raise NotImplementedError

    def _paint(self) -> int:
        """Draws the entries as colours; returns the pixel below."""
        raise NotImplementedError

    def _captions(self) -> int:
        """Names the parts; returns the pixel below."""
        raise NotImplementedError

    def sentence(self, element: Element) -> str:
        """How an element of x̄ comes about, or what one of v does."""
        raise NotImplementedError

    def _length(self, name: str) -> int:
        """Number of elements of v or x̄."""
        return int(self.product.jacobian.shape[0 if name == "v" else 1])

    @property
    def _hint(self) -> str:
        return self._look.words("jacobian.hint" if self.as_numbers else "jacobian.hint_colours")

    # ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _part(
        self, name: str, box: Box, rows: tuple[float, float], columns: tuple[float, float], edges: tuple[int, ...] = ()
    ) -> None:
        self._parts[name] = Part(box, rows, columns, *self.ways[name], edges)

    def _cell(self, name: str, entry: float, written: str, box: Box, font: tkfont.Font) -> None:
        """One number; those that are not zero stand out."""
        look = self._look
        written, colour, ground = cells.face(name, entry, written, dots=self.dots)
        self.create_rectangle(*box, outline=look["line"], fill=look[ground])
        left = (box[0] + box[2] - len(written) * font.measure("0")) / 2
        self.create_text(left, (box[1] + box[3]) / 2, anchor="w", font=font, text=written, fill=look[colour], tags=name)

    def _sign(self, said: str, left: int, middle: float) -> int:
        """A sign between two parts; returns where the second begins."""
        look = self._look
        width = look.px(SIGN)
        self.create_text(left + width / 2, middle, text=said, font=look.font(13), fill=look["quiet"])
        return left + width

    @property
    def _equals(self) -> str:
        return "=" if self.product.agrees.all() else "≠"

    # ── Colours ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _colours(self, name: str, box: Box) -> None:
        """One part, of which as much is seen as of the matrix."""
        r0, r1, c0, c1 = self._seen
        seen = dict(zip(self.ways["J"], ((r0, r1), (c0, c1)), strict=True)) | {"": (0.0, 1.0)}
        down, across = self.ways[name]
        self._part(name, box, seen[down], seen[across])
        left, top, right, bottom = box
        part, palette = self._parts[name], self._look.palette
        drawn = shades.image(self.entries[name], right - left, bottom - top, part.rows, part.columns, palette)
        picture = ImageTk.PhotoImage(drawn, master=self)
        self._pictures.append(picture)
        self.create_image(left, top, anchor="nw", image=picture, tags=name)
        self.create_rectangle(left - 1, top - 1, right, bottom, outline=self._look["edge"])

    def _extent(self, room: int) -> tuple[int, int]:
        """Width and height of the matrix in colours, in so many pixels of width."""
        rows, columns = self.entries["J"].shape
        wide, high = cells.colours_size((rows, columns), room, self)
        return round(wide), round(high)

    def _legend(self, top: int) -> int:
        """What the colours mean, for each part on its own scale; returns the pixel below."""
        look = self._look
        font = tkfont.Font(self, font=look.font(11, mono=True))
        bar, high = look.px(64), int(font.metrics("linespace"))
        top += look.px(6)
        for name in self._parts:
            low, least, most = cells.reach(self.entries[name])
            self._name_part(look.px(7), top, name)
            picture = ImageTk.PhotoImage(shades.scale(bar, look.px(8), least, most, look.palette), master=self)
            self._pictures.append(picture)
            self.create_image(look.px(20), top + high // 2, anchor="w", image=picture)
            self.create_text(
                look.px(26) + bar, top, anchor="nw", text=low, font=font, fill=look["quiet"], tags="legend"
            )
            top += high + look.px(2)
        return top

    def _name_part(self, x: float, top: float, name: str) -> None:
        """A name, with its middle above at a pixel; the bar of x̄ is drawn, since Tk sets it beside the letter."""
        look = self._look
        self.create_text(x, top, anchor="n", text=self.names[name], font=look.font(12), fill=look["quiet"])
        if name == "x":
            bar = top + look.px(3)
            self.create_line(x - look.px(3), bar, x + look.px(4), bar, fill=look["quiet"], width=look.px(1))

    # ── Pointing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def choose(self, element: Element | None) -> None:
        """Marks what an element has to do with, and says it below; an element that is not there changes nothing."""
        if element is not None and not 0 <= element[1] < self._length(element[0]):
            return
        self.chosen = element
        look = self._look
        if element is None:
            for mark in self._marks:
                self.itemconfigure(mark, state="hidden")
            self.itemconfigure(self._sum, text=self._hint, fill=look["quiet"], font=look.font(12))
            return
        for mark, part in zip(self._marks, self._parts.values(), strict=False):
            self.coords(mark, *part.of(element))
            self.itemconfigure(mark, state="normal")
        self.itemconfigure(self._sum, text=self.sentence(element), fill=look["text"], font=look.font(12, mono=True))

    def _point(self, x: int, y: int) -> None:
        part = next((part for part in self._parts.values() if part.holds(x, y)), None)
        element = part.element(x, y) if part is not None else None
        if element != self.chosen:
            self.choose(element)

    def _arrow(self, name: str, by: int, _: tk.Event[tk.Misc]) -> str:
        self.move(name, by)
        return "break"

    def move(self, name: str, by: int) -> None:
        """Follows the next element of v or x̄, or the one before."""
        place = self.chosen[1] + by if self.chosen is not None and self.chosen[0] == name else 0
        self.choose((name, max(0, min(self._length(name) - 1, place))))

    # ── Zoom ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def zoom(self, notches: float, x: int, y: int) -> None:
        """Shows less of the entries, larger, or more; the one under the pointer stays there."""
        part = self._parts["J"]
        if self.as_numbers or not part.holds(x, y):
            return
        r0, r1, c0, c1 = self._seen
        factor = 0.8**notches
        shares = (y - part.box[1]) / (part.box[3] - part.box[1]), (x - part.box[0]) / (part.box[2] - part.box[0])
        rows, columns = self.entries["J"].shape
        down = _around(r0, r1, shares[0], factor, rows)
        across = _around(c0, c1, shares[1], factor, columns)
        self._see(*down, *across)
        self._point(x, y)

    def _see(self, r0: float, r1: float, c0: float, c1: float) -> None:
        if (r0, r1, c0, c1) != self._seen:
            self._seen = (r0, r1, c0, c1)
            self.show(self._look, self._room)

    def _see_all(self) -> None:
        rows, columns = self.entries["J"].shape
        self._see(0.0, float(rows), 0.0, float(columns))

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        self._grip = (event.x, event.y)

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        if self.as_numbers or self._grip is None:
            return
        part, (r0, r1, c0, c1) = self._parts["J"], self._seen
        rows, columns = self.entries["J"].shape
        down = (self._grip[1] - event.y) * (r1 - r0) / (part.box[3] - part.box[1])
        across = (self._grip[0] - event.x) * (c1 - c0) / (part.box[2] - part.box[0])
        down, across = max(-r0, min(down, rows - r1)), max(-c0, min(across, columns - c1))
        self._grip = (event.x, event.y)
        self._see(r0 + down, r1 + down, c0 + across, c1 + across)


def _place(near: int, far: int, seen: tuple[float, float], at: int) -> int:
    """The row or column at a pixel."""
    first, last = seen
    return int(first + (last - first) * (at - near) / (far - near))


def _stretch(near: int, far: int, seen: tuple[float, float], place: int) -> tuple[int, int]:
    """The pixels of one row or column, never too few to be seen."""
    first, last = seen
    size = (far - near) / (last - first)
    start = near + (place - first) * size
    start, end = (max(near, min(round(at), far)) for at in (start, start + max(3.0, size)))
    return start, end


def _around(first: float, last: float, share: float, factor: float, whole: int) -> tuple[float, float]:
    """A stretch made longer or shorter around a point of it; between two entries and all of them."""
    length = min(float(whole), max(min(2.0, whole), (last - first) * factor))
    start = first + share * (last - first) - share * length
    start = max(0.0, min(start, whole - length))
    return start, start + length
