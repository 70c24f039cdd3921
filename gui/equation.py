"""Jᵀ v = x̄ drawn in a text: as numbers, or as colours where there are too many; a row that is pointed at is summed."""

from __future__ import annotations

import math
import re
import tkinter as tk
import tkinter.font as tkfont
from dataclasses import dataclass
from functools import partial
from itertools import product as product_of
from typing import Final

import numpy as np
from PIL import Image, ImageTk

from gui import wheel
from gui.figures import aligned, number, span
from gui.jacobian import Product
from gui.theme import Look
from gui.thumbnail import colours

NUMBERS: Final = 8
"""Rows and columns up to which a matrix is written in numbers."""
SIZES: Final = tuple((digits, size) for digits in (4, 3, 2) for size in (13, 12, 11, 10, 9))
"""Significant digits and letters' size, best first; the first that fits the width is taken, in one line or in two: Jᵀ,
and below it v and x̄."""

CELL: Final = 26
SIGN: Final = 20
"""Units of a cell at least, where there is room, and between the parts."""

MAP_HEIGHT: Final = 150
THIN: Final = 12
LARGEST_CELL: Final = 14
"""Units: height of the colours at most, of their sides at least, and of one entry at most."""
STRIPE: Final = 3
"""Pixels of the stripes that mark NaN."""
SUM_LINES: Final = 3
"""Lines kept free for the sum below colours."""

NAMES: Final = {"J": "Jᵀ", "v": "v", "x": "x"}

Box = tuple[int, int, int, int]
"""Left, top, right and bottom pixel."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where Jᵀ, v or x̄ stands, and its entries there: from row to row and from column to column, the last excluded."""

    box: Box
    rows: tuple[float, float]
    columns: tuple[float, float]

    def holds(self, x: int, y: int) -> bool:
        return self.box[0] <= x < self.box[2] and self.box[1] <= y < self.box[3]

    def row(self, y: int) -> int:
        """The row at a pixel."""
        first, last = self.rows
        return int(first + (last - first) * (y - self.box[1]) / (self.box[3] - self.box[1]))

    def strip(self, row: int) -> Box:
        """The pixels of one row, never too thin to be seen; the edge of the box for one that is not in it."""
        left, above, right, below = self.box
        first, last = self.rows
        high = (below - above) / (last - first)
        top = above + (row - first) * high
        top, bottom = (max(above, min(round(y), below)) for y in (top, top + max(3.0, high)))
        return left, top, right, bottom


class Equation(tk.Canvas):
    """One product.

    Attributes:
        product: what is shown.
        row: the row of Jᵀ that is summed below; None while none is.
    """

    def __init__(self, master: tk.Misc, product: Product, look: Look, width: int) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True, cursor="arrow")
        self.product = product
        self.row: int | None = None
        self._parts: dict[str, Part] = {}
        self._pictures: list[ImageTk.PhotoImage] = []  # Tk itself keeps no picture alive
        self._seen = (0.0, float(product.jacobian.shape[1]), 0.0, float(product.jacobian.shape[0]))
        self._grip: tuple[int, int] | None = None
        self.bind("<Motion>", lambda event: self._point(event.x, event.y))
        self.bind("<Leave>", lambda event: self.choose(None))
        self.bind("<ButtonPress-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<Double-Button-1>", lambda event: self._see_all())
        for key, by in (("<Up>", -1), ("<Down>", 1)):
            self.bind(key, partial(self._move, by))
        self.bind("<FocusOut>", lambda event: self.choose(None))
        self.show(look, width)

    def show(self, look: Look, width: int) -> None:
        """Draws it anew, so many pixels wide."""
        self._look, self._room = look, width
        self._width = max(width, look.px(80)) - 2  # without the ring of the focus
        self.delete("all")
        self._parts, self._pictures = {}, []
        self.configure(background=look["panel"], highlightcolor=look["accent"], highlightbackground=look["panel"])
        self.as_numbers = self._write()
        bottom = self._captions() if self.as_numbers else self._legend(self._paint())
        self._marks = [self.create_rectangle(0, 0, 0, 0, outline=look["accent"], width=look.px(2), state="hidden")
                       for _ in range(3)]  # fmt: skip
        font = tkfont.Font(self, font=look.font(12, mono=True))
        room = max(1, self._width // font.measure("0") - 8)  # words are not broken
        rows = range(len(self.product.transposed)) if self.as_numbers else ()
        lines = max((math.ceil(len(self.product.sum(row)) / room) for row in rows), default=SUM_LINES)
        hint = tkfont.Font(self, font=look.font(12)).measure(self._hint)
        lines = max(lines, math.ceil(hint / (self._width - look.px(40))))
        top = bottom + look.px(6)
        self._sum = self.create_text(0, top, anchor="nw", font=font, width=self._width)
        height = top + lines * font.metrics("linespace") + look.px(2)
        self.configure(width=self._width, height=height)
        self.choose(None)

    # ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> bool:
        """Writes the numbers; False where they are too many or do not fit."""
        product, look = self.product, self._look
        if max(product.jacobian.shape) > NUMBERS or not product.jacobian.size:
            return False
        columns = [("J", row) for row in product.jacobian] + [("v", product.v)]
        if product.result is not None:
            columns.append(("x", product.result))
        matrix = len(product.jacobian)
        for below, (digits, size) in product_of((False, True), SIZES):
            font = tkfont.Font(self, font=look.font(size, mono=True))
            letter, high = font.measure("0"), font.metrics("linespace") + look.px(6)
            if not below and (digits, size) == SIZES[0]:
                high = max(high, look.px(CELL))
            texts = [aligned([number(float(x), digits) for x in column]) for _, column in columns]
            widths = [max(high, len(text[0]) * letter + 2 * look.px(4 if size > 10 else 2)) for text in texts]
            rest = sum(widths[matrix:]) + (len(columns) - matrix) * look.px(SIGN)
            if (max if below else sum)((sum(widths[:matrix]), rest)) <= self._width:
                break
        else:
            return False
        left, middle = 1, (product.jacobian.shape[1] if below else max(product.jacobian.shape)) * high / 2 + 1
        for (name, column), text, width in zip(columns, texts, widths, strict=True):
            if name == "v" and below:
                left, middle = 1, 2 * middle + self._caption + look.px(8) + max(product.jacobian.shape) * high / 2
            if name != "J":
                left = self._sign(name, left, middle)
            box = (left, round(middle - len(text) * high / 2), left + width, round(middle + len(text) * high / 2))
            for row, (entry, written) in enumerate(zip(column, text, strict=True)):
                top = box[1] + row * high
                self._cell(name, entry, written, (left, top, left + width, top + high), font)
            whole = (self._parts[name].box[0], *box[1:]) if name in self._parts else box
            self._parts[name] = Part(whole, (0.0, float(len(text))), (0.0, 1.0))
            left += width
        return True

    def _cell(self, name: str, entry: float, written: str, box: Box, font: tkfont.Font) -> None:
        """One number; those that are not zero stand out."""
        look = self._look
        fill = look["grad_soft" if entry != 0 and name != "v" else "panel"]
        self.create_rectangle(*box, outline=look["line"], fill=fill)
        colour = look["text"] if name == "J" else look["grad"]
        if entry == 0 and name == "J":  # v and x̄ say 0: elsewhere a dot means that something is not known yet
            written, colour = re.sub("-?0", lambda zero: "·".rjust(len(zero[0])), written), look["quiet"]
        elif math.isnan(entry):
            colour = look["wrong"]
        left = (box[0] + box[2] - len(written) * font.measure("0")) / 2
        self.create_text(left, (box[1] + box[3]) / 2, anchor="w", font=font, text=written, fill=colour, tags=name)

    def _sign(self, name: str, left: int, middle: float) -> int:
        """The sign before v or x̄; returns where that begins."""
        look = self._look
        said = "×" if name == "v" else "=" if self.product.agrees.all() else "≠"
        width = look.px(SIGN)
        self.create_text(left + width / 2, middle, text=said, font=look.font(13), fill=look["quiet"])
        return left + width

    # ── Colours ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _paint(self) -> int:
        """Draws the entries as colours; returns the pixel below."""
        product, look = self.product, self._look
        matrix = product.transposed
        strip, sign = look.px(THIN), look.px(SIGN)
        rows, columns = max(1, matrix.shape[0]), max(1, matrix.shape[1])
        room = self._width - 2 * (strip + sign) - 2
        cell = min(room / columns, look.px(MAP_HEIGHT) / rows, look.px(LARGEST_CELL))
        wide, high = max(strip, round(columns * cell)), max(strip, round(rows * cell))
        tall = min(look.px(MAP_HEIGHT), max(strip, round(columns * cell)))
        middle = max(high, tall) / 2 + 1
        r0, r1, c0, c1 = self._seen
        left = 1
        shown = [
            ("J", matrix, wide, high, (r0, r1), (c0, c1)),
            ("v", product.v[:, None], strip, tall, (c0, c1), (0, 1)),
        ]
        if product.result is not None:
            shown.append(("x", product.result[:, None], strip, high, (r0, r1), (0, 1)))
        for name, entries, width, height, down, across in shown:
            if name != "J":
                left = self._sign(name, left, middle)
            top = round(middle - height / 2)
            part = Part((left, top, left + width, top + height), down, across)
            self._parts[name] = part
            picture = ImageTk.PhotoImage(_picture(entries, part, look), master=self)
            self._pictures.append(picture)
            self.create_image(left, top, anchor="nw", image=picture, tags=name)
            self.create_rectangle(left - 1, top - 1, left + width, top + height, outline=look["edge"])
            left += width
        return self._captions()

    def _legend(self, top: int) -> int:
        """What the colours mean, for each part on its own scale; returns the pixel below."""
        look = self._look
        entries = {"J": self.product.jacobian, "v": self.product.v, "x": self.product.result}
        font = tkfont.Font(self, font=look.font(11, mono=True))
        bar, high = look.px(64), int(font.metrics("linespace"))
        top += look.px(6)
        for name in self._parts:
            shown = entries[name]
            assert shown is not None
            low, least, most = _range(shown)
            self._name_part(look.px(7), top, name)
            picture = ImageTk.PhotoImage(_scale(bar, look.px(8), least, most, look), master=self)
            self._pictures.append(picture)
            self.create_image(look.px(20), top + high // 2, anchor="w", image=picture)
            self.create_text(
                look.px(26) + bar, top, anchor="nw", text=low, font=font, fill=look["quiet"], tags="legend"
            )
            top += high + look.px(2)
        return top

    def _captions(self) -> int:
        """Names and shapes below; returns the pixel below."""
        look = self._look
        rows, columns = self.product.transposed.shape
        shapes = {"J": f"{rows}×{columns}", "v": str(columns), "x": str(rows)}
        font = tkfont.Font(self, font=look.font(11, mono=True))
        line, below, end = max(part.box[1] for part in self._parts.values()), 0, 0
        for name, part in self._parts.items():
            above = part.box[3] < line  # Jᵀ on a line of its own
            below = part.box[3] if above else max(part.box[3] for part in self._parts.values())
            half = font.measure(shapes[name]) / 2
            x = min(max(end + half, (part.box[0] + part.box[2]) / 2), self._width - half)
            self._name_part(x, below + look.px(3), name)
            self.create_text(x, below + look.px(19), anchor="n", text=shapes[name], font=font, fill=look["quiet"])
            end = 0 if above else round(x + half) + look.px(4)
        return below + self._caption

    @property
    def _caption(self) -> int:
        """Pixels that the names and shapes take below."""
        return self._look.px(36)

    def _name_part(self, x: float, top: float, name: str) -> None:
        """A name, with its middle above at a pixel; the bar of x̄ is drawn, since Tk sets it beside the letter."""
        look = self._look
        self.create_text(x, top, anchor="n", text=NAMES[name], font=look.font(12), fill=look["quiet"])
        if name == "x":
            bar = top + look.px(3)
            self.create_line(x - look.px(3), bar, x + look.px(4), bar, fill=look["quiet"], width=look.px(1))

    @property
    def _hint(self) -> str:
        return self._look.words("jacobian.hint" if self.as_numbers else "jacobian.hint_colours")

    # ── Pointing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def choose(self, row: int | None) -> None:
        """Marks a row of Jᵀ, v and the element they make, and writes the sum out below."""
        if row is not None and not 0 <= row < len(self.product.transposed):
            return
        self.row = row
        look, say = self._look, self._look.words
        if row is None:
            for mark in self._marks:
                self.itemconfigure(mark, state="hidden")
            self.itemconfigure(self._sum, text=self._hint, fill=look["quiet"], font=look.font(12))
            return
        boxes = {name: part.box if name == "v" else part.strip(row) for name, part in self._parts.items()}
        for mark, box in zip(self._marks, boxes.values(), strict=False):
            self.coords(mark, *box)
            self.itemconfigure(mark, state="normal")
        said = self.product.sum(row)
        if not self.as_numbers:
            said = f"{say('jacobian.place', n=row)} {said}"
        self.itemconfigure(self._sum, text=said, fill=look["text"], font=look.font(12, mono=True))

    def _point(self, x: int, y: int) -> None:
        part = next((part for name, part in self._parts.items() if name != "v" and part.holds(x, y)), None)
        row = part.row(y) if part is not None else None
        if row != self.row:
            self.choose(row)

    def _move(self, by: int, _: tk.Event[tk.Misc]) -> str:
        last = len(self.product.transposed) - 1
        self.choose(max(0, min(last, (self.row + by) if self.row is not None else 0)))
        return "break"

    # ── Zoom ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def zoom(self, notches: float, x: int, y: int) -> None:
        """Shows less of the entries, larger, or more; the one under the pointer stays there."""
        part = self._parts["J"]
        if self.as_numbers or not part.holds(x, y):
            return
        r0, r1, c0, c1 = self._seen
        factor = 0.8**notches
        shares = (y - part.box[1]) / (part.box[3] - part.box[1]), (x - part.box[0]) / (part.box[2] - part.box[0])
        rows, columns = self.product.transposed.shape
        down = _around(r0, r1, shares[0], factor, rows)
        across = _around(c0, c1, shares[1], factor, columns)
        self._see(*down, *across)
        self._point(x, y)

    def _see(self, r0: float, r1: float, c0: float, c1: float) -> None:
        if (r0, r1, c0, c1) != self._seen:
            self._seen = (r0, r1, c0, c1)
            self.show(self._look, self._room)

    def _see_all(self) -> None:
        rows, columns = self.product.transposed.shape
        self._see(0.0, float(rows), 0.0, float(columns))

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        self._grip = (event.x, event.y)

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        if self.as_numbers or self._grip is None:
            return
        part, (r0, r1, c0, c1) = self._parts["J"], self._seen
        rows, columns = self.product.transposed.shape
        down = (self._grip[1] - event.y) * (r1 - r0) / (part.box[3] - part.box[1])
        across = (self._grip[0] - event.x) * (c1 - c0) / (part.box[2] - part.box[0])
        down, across = max(-r0, min(down, rows - r1)), max(-c0, min(across, columns - c1))
        self._grip = (event.x, event.y)
        self._see(r0 + down, r1 + down, c0 + across, c1 + across)


class Equations:
    """The equations in a text widget.

    Args:
        text: the widget they stand in.
    """

    def __init__(self, text: tk.Text) -> None:
        self._text = text
        self._look: Look | None = None
        self._width = 0
        self.shown: list[Equation] = []

    def dress(self, look: Look) -> None:
        """For what is inserted from now on."""
        self._look = look

    def fit(self, width: int) -> None:
        """So many pixels are there."""
        if width != self._width and self._look is not None:
            self._width = width
            for equation in self.shown:
                equation.show(self._look, width)

    def clear(self) -> None:
        """The text is emptied."""
        for equation in self.shown:
            equation.destroy()
        self.shown = []

    def insert(self, product: Product, tag: str) -> None:
        """Adds one at the end of the text."""
        if self._look is None:
            return
        equation = Equation(self._text, product, self._look, self._width)
        wheel.bind(equation, lambda dx, dy: self._text.yview_scroll(int(dy), "pixels"), equation.zoom)
        self.shown.append(equation)
        place = self._text.index("end-1c")
        self._text.window_create("end", window=equation)
        self._text.tag_add(tag, place)


def _range(entries: np.ndarray) -> tuple[str, float, float]:
    """From the least to the greatest finite entry and how many are not finite, in words; and the two."""
    finite = entries[np.isfinite(entries)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    said = [span(least, most)] if finite.size else []
    for name, count in (("NaN", np.isnan(entries).sum()), ("Inf", np.isinf(entries).sum())):
        if count:
            said.append(f"{count} {name}")
    return ", ".join(said), least, most


def _scale(width: int, height: int, least: float, most: float, look: Look) -> Image.Image:
    """The colours from the least to the greatest entry."""
    row = np.linspace(least, most, width)[None]
    return Image.fromarray(colours(row.repeat(height, 0), max(abs(least), abs(most)) or 1.0, palette=look.palette))


def _around(first: float, last: float, share: float, factor: float, whole: int) -> tuple[float, float]:
    """A stretch made longer or shorter around a point of it; between two entries and all of them."""
    length = min(float(whole), max(min(2.0, whole), (last - first) * factor))
    start = first + share * (last - first) - share * length
    start = max(0.0, min(start, whole - length))
    return start, start + length


def _picture(entries: np.ndarray, part: Part, look: Look) -> Image.Image:
    """The entries that are seen; where several share a pixel, the one of largest magnitude, so that none is lost."""
    finite = np.abs(entries[np.isfinite(entries)])
    reach = float(finite.max(initial=0.0)) or 1.0
    width, height = part.box[2] - part.box[0], part.box[3] - part.box[1]
    grid = _sampled(_sampled(entries.astype(float), height, part.rows).T, width, part.columns).T
    return Image.fromarray(colours(grid, reach, STRIPE, palette=look.palette))


def _sampled(entries: np.ndarray, pixels: int, seen: tuple[float, float]) -> np.ndarray:
    """As many rows as there are pixels, of the rows from ``seen[0]`` to ``seen[1]``."""
    edges = np.linspace(*seen, pixels + 1)
    starts: np.ndarray = np.minimum(edges[:-1].astype(int), len(entries) - 1)
    if seen[1] - seen[0] <= pixels:
        return np.asarray(entries[starts])
    end = max(starts[-1] + 1, min(len(entries), math.ceil(seen[1])))
    high: np.ndarray = np.maximum.reduceat(entries[:end], starts, axis=0)
    low = np.minimum.reduceat(entries[:end], starts, axis=0)
    return np.asarray(np.where(high >= -low, high, low))  # NaN, where there is one, is in both
