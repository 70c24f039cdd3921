"""The whole Jacobian J of a pass, filled row by row: the seed eᵢ gives row i, and v the sum of the rows, vᵀJ = x̄."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import ClassVar, Final

import numpy as np

from gui.inspector import cells
from gui.inspector.board import Board, Element
from gui.inspector.cells import SIGN, THIN, seed_name
from gui.inspector.jacobian import TERMS, listed
from gui.inspector.pass_jacobian import PassProduct

PAUSE: Final = 700
"""Milliseconds from one row to the next, while they fill by themselves."""
TURNS: Final = 24
"""Rows after which several are filled at once, so that many do not take for ever."""
HEAD: Final = 20
"""Units above the matrix, for names."""


class Rows(Board):
    """J with the seeds left of its rows, v on its right and x̄ below: each element stands where it is multiplied.

    Attributes:
        filled: rows that are shown.
    """

    names: ClassVar = {"J": "J", "v": "v", "x": "x"}
    ways: ClassVar = {"J": ("v", "x"), "v": ("v", ""), "x": ("", "x")}
    dots: ClassVar = False  # a dot would be an entry that has not come yet

    def __init__(self, master: tk.Misc, product: PassProduct, on_row: Callable[[int], object]) -> None:
        entries = {"J": product.jacobian, "v": product.v[:, None]}
        if product.result is not None:
            entries["x"] = product.result[None]
        super().__init__(master, product, entries)
        self._seeds, self._total = product.seeds, product.total
        self._on_row = on_row
        self.filled = len(product.seeds)

    def fill(self, seeds: int) -> None:
        """Shows the rows of the first so many seeds, and follows the one that came last."""
        self.filled = sum(place < seeds for place in self._seeds)
        self.show(self._look, self._room)
        self.choose(("v", self.filled - 1) if self.filled and self._seeds[self.filled - 1] == seeds - 1 else None)

    def move(self, name: str, by: int) -> None:
        """A row more or less; or the next element of x̄, or the one before."""
        if name == "v":
            self._on_row(by)
        else:
            super().move(name, by)

    def sentence(self, element: Element) -> str:
        say, (name, place) = self._look.words, element
        if name == "x":
            said = self.product.sum(place)
            return said if self.as_numbers else f"{say('jacobian.column_place', n=place)} {said}"
        seed = seed_name(self._seeds[place])
        if self._total <= TERMS:
            seed += f" = [{', '.join('1' if at == self._seeds[place] else '0' for at in range(self._total))}]"
        row = listed(self.product.jacobian[place]) if place < self.filled else "[…]"
        return say("jacobian.seeded", seed=seed, row=row)

    # ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> bool:
        look, product = self._look, self.product
        rows, columns = product.jacobian.shape
        grid = cells.stacked(product, self._margin(), self._width, self)
        if grid is None:
            return False
        font, high = tkfont.Font(self, font=look.font(grid.size, mono=True)), round(grid.high)
        (*texts, weights), widths = grid.texts, list(map(round, grid.widths))
        edges = tuple(accumulate(widths[:-1], initial=self._margin()))
        start = edges[-1] + look.px(SIGN)
        top, bottom = look.px(HEAD), look.px(HEAD) + rows * high
        self._sign("×", edges[-1], (top + bottom) / 2)
        for row, place in enumerate(self._seeds):
            at, there = top + row * high, row < self.filled
            self._beside(f"{seed_name(place)} →", at + high / 2, "text" if there else "quiet")
            entries = product.jacobian[row] if there else None
            self._row("J", entries, [text[row] for text in texts], edges, (at, at + high), font)
            self._row("v", product.v[row : row + 1], [weights[row]], (start, start + widths[-1]), (at, at + high), font)
        below = bottom + look.px(8)
        self._row("x", product.result, [text[-1] for text in texts], edges, (below, below + high), font)
        down, across = (0.0, float(rows)), (0.0, float(columns))
        self._part("J", (edges[0], top, edges[-1], bottom), down, across, edges)
        self._part("v", (start, top, start + widths[-1], bottom), down, (0.0, 1.0))
        self._part("x", (edges[0], below, edges[-1], below + high), (0.0, 1.0), across, edges)
        return True

    def _row(
        self, name: str, entries: np.ndarray | None, texts: list[str], edges: tuple[int, ...], side: tuple[int, int],
        font: tkfont.Font,
    ) -> None:  # fmt: skip
        """Numbers beside one another; dots where they have not come yet."""
        look = self._look
        for column, (left, right) in enumerate(pairwise(edges)):
            box = (left, side[0], right, side[1])
            if entries is not None:
                self._cell(name, float(entries[column]), texts[column], box, font)
                continue
            middle = (left + right) / 2, sum(side) / 2
            self.create_rectangle(*box, outline=look["line"], fill=look["panel"])
            self.create_text(*middle, text="·", font=font, fill=look["quiet"], tags=name)

    def _margin(self) -> int:
        """Pixels left of the matrix."""
        font = tkfont.Font(self, font=self._look.font(12))
        said = ("vᵀJ  =", f"{seed_name(max(self._seeds, default=0))} →")
        return max(map(font.measure, said)) + self._look.px(9)

    def _beside(self, said: str, middle: float, colour: str) -> None:
        """What stands left of the matrix."""
        look, right = self._look, self._margin() - self._look.px(7)
        self.create_text(right, middle, anchor="e", text=said, font=look.font(12), fill=look[colour], tags="beside")

    # ── Colours ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _paint(self) -> int:
        look = self._look
        thin, left, top = look.px(THIN), self._margin(), look.px(HEAD)
        wide, high = self._extent(self._width - left - thin - look.px(SIGN) - 2)
        self._colours("J", (left, top, left + wide, top + high))
        part = self._parts["J"]
        if self.filled < part.rows[1]:
            empty = part.strip(self.filled)[1] if self.filled > part.rows[0] else top
            self.create_rectangle(left, empty, left + wide, top + high, width=0, fill=look["button"])
        start = self._sign("×", left + wide, top + high / 2)
        self._colours("v", (start, top, start + thin, top + high))
        if "x" in self.entries:
            below = top + high + look.px(8)
            self._colours("x", (left, below, left + wide, below + thin))
        return self._captions()

    def _captions(self) -> int:
        """Names above J and v; left of x̄, how it comes about."""
        look = self._look
        rows, columns = self.product.jacobian.shape
        for name, said in (("J", f"J  {rows}×{columns}"), ("v", "v")):
            left, top, right, _ = self._parts[name].box
            half = tkfont.Font(self, font=look.font(12)).measure(said) / 2
            x = max(half, (left + right) / 2)
            self.create_text(x, top - look.px(3), anchor="s", text=said, font=look.font(12), fill=look["quiet"])
        if "x" in self._parts:
            _, top, _, bottom = self._parts["x"].box
            self._beside(f"vᵀJ  {self._equals}", (top + bottom) / 2, "quiet")
        return max(part.box[3] for part in self._parts.values())


class Filling:
    """How many rows are filled: the same in all the Jacobians of a pass, since one seed gives a row of each.

    Attributes:
        total: elements of all roots.
        filled: seeds whose rows are shown.
    """

    def __init__(self, widget: tk.Misc, on_change: Callable[[], object]) -> None:
        self._widget = widget
        self._on_change = on_change
        self._waiting = ""
        self.total = self.filled = 0

    @property
    def playing(self) -> bool:
        return bool(self._waiting)

    def begin(self, total: int) -> None:
        """All rows of so many seeds are shown."""
        self.stop()
        self.total = self.filled = total

    def move(self, by: int) -> None:
        """A row more, the first one again after the last; or a row less."""
        self.stop()
        self._go(by)

    def play(self) -> None:
        """Fills them one after another from the first, or from where it was halted; or halts."""
        if self.playing:
            self.stop()
            self._on_change()
        else:
            self._turn()

    def stop(self) -> None:
        if self._waiting:
            self._widget.after_cancel(self._waiting)
            self._waiting = ""

    def _turn(self) -> None:
        by = 1 if self.filled >= self.total else max(1, self.total // TURNS)
        last = (1 if self.filled >= self.total else self.filled + by) >= self.total
        self._waiting = "" if last else self._widget.after(PAUSE, self._turn)
        self._go(by)

    def _go(self, by: int) -> None:
        after = self.filled + by
        if self.filled >= self.total and by > 0:
            after = 1
        self.filled = max(0, min(after, self.total))
        self._on_change()
