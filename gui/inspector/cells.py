"""How a product is set, on the screen and on paper: when in numbers, how large these are, and what colours mean."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product as product_of
from typing import Final, Protocol

import numpy as np

from gui.figures import aligned, number, span
from gui.inspector.jacobian import Product

NUMBERS: Final = 8
"""Rows and columns up to which a matrix is written in numbers."""
SIZES: Final = tuple((digits, size) for digits in (4, 3, 2) for size in (13, 12, 11, 10, 9))
"""Significant digits and letters' size, best first; the first that fits the width is taken."""

CELL: Final = 26
SIGN: Final = 20
"""Units of a cell at least, where there is room, and between the parts."""

MAP_HEIGHT: Final = 150
THIN: Final = 12
LARGEST_CELL: Final = 14
"""Units: height of the colours at most, of their sides at least, and of one entry at most."""

_SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Ruler(Protocol):
    """What can be measured where a product is drawn."""

    def px(self, units: float) -> float:
        """A length of the design."""
        ...

    def letters(self, size: int) -> tuple[float, float]:
        """Width of a digit and height of a line, monospaced."""
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers as they fit a width.

    Attributes:
        size: of the letters.
        high: of a row.
        texts: of each column, from top to bottom: padded to one width, decimal points below one another.
        widths: of each column.
        below: whether v and x̄ stand below the matrix, not beside it.
    """

    size: int
    high: float
    texts: tuple[list[str], ...]
    widths: tuple[float, ...]
    below: bool = False


def in_numbers(matrix: np.ndarray) -> bool:
    """Whether a matrix is small enough for numbers."""
    return bool(matrix.size) and max(matrix.shape) <= NUMBERS


def beside(product: Product, width: float, ruler: Ruler) -> Grid | None:
    """The columns of Jᵀ, v and x̄, where it is known, beside one another; None where numbers do not fit."""
    columns = [*product.jacobian, product.v, *([product.result] if product.result is not None else [])]
    matrix = len(product.jacobian)

    def fits(widths: Sequence[float], below: bool) -> bool:
        rest = sum(widths[matrix:]) + (len(columns) - matrix) * ruler.px(SIGN)
        return (max if below else sum)((sum(widths[:matrix]), rest)) <= width

    return _fitting(columns, ruler, fits, (False, True))


def stacked(product: Product, margin: float, width: float, ruler: Ruler) -> Grid | None:
    """The columns of J, with x̄ below them, and v; None where numbers do not fit beside a margin."""
    below = [product.result[None]] if product.result is not None else []
    columns = [*np.vstack([product.jacobian, *below]).T, product.v]
    return _fitting(columns, ruler, lambda widths, _: margin + sum(widths) + ruler.px(SIGN) <= width, (False,))


def _fitting(
    columns: Sequence[np.ndarray], ruler: Ruler, fits: Callable[[Sequence[float], bool], bool], ways: tuple[bool, ...]
) -> Grid | None:
    for below, (digits, size) in product_of(ways, SIZES):
        letter, line = ruler.letters(size)
        high = line + ruler.px(6)
        if not below and (digits, size) == SIZES[0]:
            high = max(high, ruler.px(CELL))
        texts = tuple(aligned([number(float(x), digits) for x in column]) for column in columns)
        pad = 2 * ruler.px(4 if size > 10 else 2)
        widths = tuple(max(high, len(text[0]) * letter + pad) for text in texts)
        if fits(widths, below):
            return Grid(size, high, texts, widths, below)
    return None


def face(name: str, entry: float, written: str, *, dots: bool) -> tuple[str, str, str]:
    """What a cell says, its colour and its ground: those that are not zero stand out.

    Args:
        dots: whether a zero of the matrix is a dot; v and x̄ say 0: there a dot means that something is not known yet.
    """
    ground = "grad_soft" if entry != 0 and name != "v" else "panel"
    if math.isnan(entry):
        return written, "wrong", ground
    if entry == 0 and name == "J":
        zero = re.sub("-?0", lambda zero: "·".rjust(len(zero[0])), written) if dots else written.replace("-0", " 0")
        return zero, "quiet", ground
    return written, "text" if name == "J" else "grad", ground


def colours_size(shape: tuple[int, int], room: float, ruler: Ruler) -> tuple[float, float]:
    """Width and height of a matrix in colours, in so much room across."""
    rows, columns = shape
    cell = min(room / max(1, columns), ruler.px(MAP_HEIGHT) / max(1, rows), ruler.px(LARGEST_CELL))
    return max(ruler.px(THIN), columns * cell), max(ruler.px(THIN), rows * cell)


def reach(entries: np.ndarray) -> tuple[str, float, float]:
    """From the least to the greatest finite entry and how many are not finite, in words; and the two."""
    finite = entries[np.isfinite(entries)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    said = [span(least, most)] if finite.size else []
    for name, count in (("NaN", np.isnan(entries).sum()), ("Inf", np.isinf(entries).sum())):
        if count:
            said.append(f"{count} {name}")
    return ", ".join(said), least, most


def seed_name(place: int) -> str:
    """The seed that is 1 at a place and 0 elsewhere: ``e₀``."""
    return f"e{place}".translate(_SUBSCRIPTS)
