"""Jᵀ v = x̄ drawn in a text: row i of Jᵀ meets v and gives element i of x̄."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from typing import ClassVar

from gui.inspector import cells
from gui.inspector.board import Board, Element
from gui.inspector.cells import MAP_HEIGHT, SIGN, THIN
from gui.inspector.jacobian import Product


class Equation(Board):
    """Jᵀ, v and x̄ in one line, or in two where one is too narrow: Jᵀ, and below it v and x̄."""

    names: ClassVar = {"J": "Jᵀ", "v": "v", "x": "x"}
    ways: ClassVar = {"J": ("x", "v"), "v": ("v", ""), "x": ("x", "")}

    def __init__(self, master: tk.Misc, product: Product) -> None:
        entries = {"J": product.transposed, "v": product.v[:, None]}
        if product.result is not None:
            entries["x"] = product.result[:, None]
        super().__init__(master, product, entries)

    def sentence(self, element: Element) -> str:
        say, (name, place) = self._look.words, element
        if name == "v":
            return say("jacobian.spread", n=place, share=self.product.share(place))
        said = self.product.sum(place)
        return said if self.as_numbers else f"{say('jacobian.place', n=place)} {said}"

    def _write(self) -> bool:
        product, look = self.product, self._look
        grid = cells.beside(product, self._width, self)
        if grid is None:
            return False
        font, below, high = tkfont.Font(self, font=look.font(grid.size, mono=True)), grid.below, round(grid.high)
        columns = [("J", row) for row in product.jacobian] + [("v", product.v)]
        if product.result is not None:
            columns.append(("x", product.result))
        left, middle = 1, (product.jacobian.shape[1] if below else max(product.jacobian.shape)) * high / 2 + 1
        for (name, column), text, width in zip(columns, grid.texts, map(round, grid.widths), strict=True):
            if name == "v" and below:
                left, middle = 1, 2 * middle + self._caption + look.px(8) + max(product.jacobian.shape) * high / 2
            if name != "J":
                left = self._sign("×" if name == "v" else self._equals, left, middle)
            box = (left, round(middle - len(text) * high / 2), left + width, round(middle + len(text) * high / 2))
            for row, (entry, written) in enumerate(zip(column, text, strict=True)):
                top = box[1] + row * high
                self._cell(name, entry, written, (left, top, left + width, top + high), font)
            before = self._parts.get(name)
            edges = (*(before.edges if before is not None else (left,)), left + width)
            self._part(name, (edges[0], *box[1:]), (0.0, float(len(text))), (0.0, len(edges) - 1.0), edges)
            left += width
        return True

    def _paint(self) -> int:
        look = self._look
        thin, sign = look.px(THIN), look.px(SIGN)
        wide, high = self._extent(self._width - 2 * (thin + sign) - 2)
        tall = min(look.px(MAP_HEIGHT), max(thin, wide))
        middle = max(high, tall) / 2 + 1
        left = 1
        for name, width, height in (("J", wide, high), ("v", thin, tall), ("x", thin, high)):
            if name not in self.entries:
                continue
            if name != "J":
                left = self._sign("×" if name == "v" else self._equals, left, middle)
            top = round(middle - height / 2)
            self._colours(name, (left, top, left + width, top + height))
            left += width
        return self._captions()

    def _captions(self) -> int:
        """Names and shapes below."""
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
