"""Jacobians and their products as pieces of a page: in numbers, or in colours where there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import ClassVar, Final

import numpy as np

from gui.export.blocks import Block
from gui.fonts import text_width
from gui.inspector import cells
from gui.inspector.cells import SIGN, THIN, Grid, seed_name
from gui.inspector.jacobian import Product
from gui.inspector.pass_jacobian import PassProduct
from gui.inspector.styles import STYLES
from gui.picture.shapes import Rect, Sheet
from gui.viewer import shades

NAME, SIDES = 12.0, 11.0
"""Sizes of what a part is called, and of its rows and columns."""
SHARP: Final = 2
"""Entries in colours for each unit at most."""
HEAD: Final = 20.0
"""Units above a whole Jacobian, for names."""
GAP: Final = 8.0
FEET: Final = 33.0
"""Units below a product, for names and shapes."""
BAR: Final = 64.0
ROW: Final = 15.0
"""Length of the colours' scale, and height of its line."""


class _Paper:
    """Measures on a page; see ``gui.inspector.cells.Ruler``."""

    def px(self, units: float) -> float:
        return units

    def letters(self, size: int) -> tuple[float, float]:
        return text_width("0", size), 1.2 * size


_PAPER: Final = _Paper()


def product_block(product: Product, width: float) -> Block:
    """Jᵀ v = x̄ of a node, or the whole J of a pass with v beside and x̄ below; never broken by a page's end."""
    drawing = _Whole(product, width) if isinstance(product, PassProduct) else _Local(product, width)
    style = STYLES["equation"]
    bottom = drawing.draw(style.above)
    return Block(drawing.sheet.scene(), width, bottom + style.below)


class _Drawing:
    """A product on its way to the page."""

    names: ClassVar[dict[str, str]]
    dots: ClassVar = True

    def __init__(self, product: Product, width: float) -> None:
        self.product, self.width = product, width
        self.sheet = Sheet()
        self.parts: dict[str, Rect] = {}
        self.entries: dict[str, np.ndarray] = {}

    @property
    def equals(self) -> str:
        return "=" if self.product.agrees.all() else "≠"

    def draw(self, top: float) -> float:
        """Draws it; returns where it ends."""
        grid = self.grid() if cells.in_numbers(self.entries["J"]) else None
        if grid is not None:
            return self.write(grid, top)
        return self.legend(self.paint(top))

    def grid(self) -> Grid | None:
        raise NotImplementedError

    def write(self, grid: Grid, top: float) -> float:
        """In numbers."""
        raise NotImplementedError

    def paint(self, top: float) -> float:
        """In colours."""
        raise NotImplementedError

    def numbers(self, name: str, entries: np.ndarray, texts: Sequence[str], boxes: Sequence[Rect], size: int) -> None:
        """Cells of one part."""
        letter, _ = _PAPER.letters(size)
        for entry, text, box in zip(entries, texts, boxes, strict=True):
            written, colour, ground = cells.face(name, float(entry), text, dots=self.dots)
            self.sheet.box(box, ground, "line", radius=0.0)
            left = (box[0] + box[2] - len(written) * letter) / 2
            left += (len(written) - len(written.lstrip())) * letter
            self.sheet.text(left, (box[1] + box[3]) / 2, written.strip(), colour, size)
            self.grow(name, box)

    def grow(self, name: str, box: Rect) -> None:
        left, top, right, bottom = self.parts.get(name, box)
        self.parts[name] = (min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3]))

    def colours(self, name: str, box: Rect) -> None:
        """One part, a square for each entry; where they are smaller than can be told, the largest of several."""
        left, top, right, bottom = box
        entries = self.entries[name]
        sides = [
            _pixels(count, length, bool(np.isnan(entries).any()))
            for count, length in zip(entries.shape, (bottom - top, right - left), strict=True)
        ]
        (rows, columns), (high, wide) = entries.shape, sides
        levels = shades.levels(entries, wide, high, (0.0, float(rows)), (0.0, float(columns)))
        self.sheet.raster(left, top, right - left, bottom - top, high, wide, levels.tobytes())
        self.sheet.box(box, "", "edge", radius=0.0)
        self.parts[name] = box

    def legend(self, top: float) -> float:
        """What the colours mean, for each part on its own scale."""
        top += 4
        for name in self.parts:
            said, least, most = cells.reach(self.entries[name])
            middle = top + ROW / 2
            self.call(8, middle, name)
            bar = min(BAR, self.width - 26 - text_width(said, SIDES))
            scale = np.linspace(least, most, int(BAR))[None]
            levels = shades.levels(scale, int(BAR), 1, (0.0, 1.0), (0.0, BAR))
            self.sheet.raster(20, middle - 4, bar, 8, 1, int(BAR), levels.tobytes())
            self.sheet.text(26 + bar, middle, said, "quiet", SIDES)
            top += ROW + 2
        return top

    def call(self, x: float, y: float, name: str) -> None:
        """The name of a part; the bar over x is drawn, since fonts set it beside the letter."""
        self.sheet.text(x, y, self.names[name], "quiet", NAME, anchor="c", mono=False)
        if name == "x":
            self.sheet.box((x - 3, y - 6.5, x + 3.5, y - 5.5), "quiet", radius=0.0)

    def sign(self, said: str, left: float, middle: float) -> float:
        """A sign between two parts; returns where the second begins."""
        self.sheet.text(left + SIGN / 2, middle, said, "quiet", 13, anchor="c", mono=False)
        return left + SIGN


class _Local(_Drawing):
    """Jᵀ, v and x̄ in one line, or in two where one is too narrow: Jᵀ, and below it v and x̄."""

    names: ClassVar = {"J": "Jᵀ", "v": "v", "x": "x"}

    def __init__(self, product: Product, width: float) -> None:
        super().__init__(product, width)
        self.entries = {"J": product.transposed, "v": product.v[:, None]}
        if product.result is not None:
            self.entries["x"] = product.result[:, None]

    def grid(self) -> Grid | None:
        return cells.beside(self.product, self.width - 1, _PAPER)

    def write(self, grid: Grid, top: float) -> float:
        columns = [(name, column) for name, part in self.entries.items() for column in part.T]
        tallest = max(len(column) for name, column in columns if name == "J" or not grid.below)
        left, middle = 0.5, top + tallest * grid.high / 2
        for (name, column), texts, width in zip(columns, grid.texts, grid.widths, strict=True):
            if name == "v" and grid.below:
                top = self.captions(("J",)) + GAP
                left, middle = 0.5, top + max(self.product.jacobian.shape) * grid.high / 2
            if name != "J":
                left = self.sign("×" if name == "v" else self.equals, left, middle)
            first = middle - len(column) * grid.high / 2
            boxes = [(left, first + row * grid.high, left + width, first + (row + 1) * grid.high)
                     for row in range(len(column))]  # fmt: skip
            self.numbers(name, column, texts, boxes, grid.size)
            left += width
        return self.captions([name for name in self.entries if name != "J" or not grid.below])

    def paint(self, top: float) -> float:
        wide, high = cells.colours_size(self.entries["J"].shape, self.width - 2 * (THIN + SIGN) - 1, _PAPER)
        tall = min(float(cells.MAP_HEIGHT), max(float(THIN), wide))
        left, middle = 0.5, top + max(high, tall) / 2
        for name, width, height in (("J", wide, high), ("v", THIN, tall), ("x", THIN, high)):
            if name in self.entries:
                if name != "J":
                    left = self.sign("×" if name == "v" else self.equals, left, middle)
                self.colours(name, (left, middle - height / 2, left + width, middle + height / 2))
                left += width
        return self.captions(list(self.parts))

    def captions(self, names: Sequence[str]) -> float:
        """Names and shapes below the parts of one line."""
        rows, columns = self.product.transposed.shape
        shapes = {"J": f"{rows}×{columns}", "v": str(columns), "x": str(rows)}
        below, end = max(self.parts[name][3] for name in names), 0.0
        for name in names:
            left, _, right, _ = self.parts[name]
            half = max(text_width(shapes[name], SIDES), text_width(self.names[name], NAME, False)) / 2
            x = min(max(end + half, (left + right) / 2), self.width - half)
            self.call(x, below + 11, name)
            self.sheet.text(x, below + 26, shapes[name], "quiet", SIDES, anchor="c")
            end = x + half + 4
        return below + FEET


class _Whole(_Drawing):
    """J with the seeds left of its rows, v on its right and x̄ below: each element stands where it is multiplied."""

    names: ClassVar = {"J": "J", "v": "v", "x": "x"}
    dots: ClassVar = False

    def __init__(self, product: PassProduct, width: float) -> None:
        super().__init__(product, width)
        self.seeds = product.seeds
        self.entries = {"J": product.jacobian, "v": product.v[:, None]}
        if product.result is not None:
            self.entries["x"] = product.result[None]
        said = ("vᵀJ =", f"{seed_name(max(product.seeds, default=0))} →")
        self.margin = max(text_width(text, NAME, False) for text in said) + 9

    def grid(self) -> Grid | None:
        return cells.stacked(self.product, self.margin, self.width - 1, _PAPER)

    def write(self, grid: Grid, top: float) -> float:
        rows, _ = self.product.jacobian.shape
        edges = list(accumulate(grid.widths[:-1], initial=self.margin))
        start, high = edges[-1] + SIGN, grid.high
        *texts, weights = grid.texts
        top += HEAD
        bottom = top + rows * high
        self.sign("×", edges[-1], (top + bottom) / 2)
        for row, place in enumerate(self.seeds):
            upper = top + row * high
            self.beside(f"{seed_name(place)} →", upper + high / 2, "text")
            boxes = [(left, upper, right, upper + high) for left, right in pairwise(edges)]
            self.numbers("J", self.product.jacobian[row], [text[row] for text in texts], boxes, grid.size)
            box = (start, upper, start + grid.widths[-1], upper + high)
            self.numbers("v", self.product.v[row : row + 1], [weights[row]], [box], grid.size)
        if "x" in self.entries:
            below = bottom + GAP
            boxes = [(left, below, right, below + high) for left, right in pairwise(edges)]
            self.numbers("x", self.entries["x"][0], [text[-1] for text in texts], boxes, grid.size)
        return self.captions()

    def paint(self, top: float) -> float:
        room = self.width - self.margin - THIN - SIGN - 1
        wide, high = cells.colours_size(self.entries["J"].shape, room, _PAPER)
        left, top = self.margin, top + HEAD
        self.colours("J", (left, top, left + wide, top + high))
        start = self.sign("×", left + wide, top + high / 2)
        self.colours("v", (start, top, start + THIN, top + high))
        if "x" in self.entries:
            below = top + high + GAP
            self.colours("x", (left, below, left + wide, below + THIN))
        return self.captions()

    def captions(self) -> float:
        """Names above J and v; left of x̄, how it comes about."""
        rows, columns = self.product.jacobian.shape
        for name, said in (("J", f"J  {rows}×{columns}"), ("v", "v")):
            left, top, right, _ = self.parts[name]
            x = max(text_width(said, NAME, False) / 2, (left + right) / 2)
            self.sheet.text(x, top - 9, said, "quiet", NAME, anchor="c", mono=False)
        if "x" in self.parts:
            _, top, _, bottom = self.parts["x"]
            self.beside(f"vᵀJ {self.equals}", (top + bottom) / 2, "quiet")
        return max(bottom for _, _, _, bottom in self.parts.values())

    def beside(self, said: str, middle: float, colour: str) -> None:
        """What stands left of the matrix."""
        self.sheet.text(self.margin - 7, middle, said, colour, NAME, anchor="e", mono=False)


def _pixels(entries: int, length: float, striped: bool) -> int:
    """Into how many squares one side is divided: as many as there are entries, more where stripes mark NaN."""
    most = max(1, round(length * SHARP))
    if entries >= most:
        return most
    return entries * max(1, round(length / entries / shades.STRIPE)) if striped else entries
