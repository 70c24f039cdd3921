"""Tensors as short text: four significant digits, shape and range where there are many."""

from __future__ import annotations

import math
from typing import Any

from core import arrays
from core.arrays import Extent
from core.records import MACHINE_WORDS, TensorSnapshot

SMALL = 8
"""Tensors up to this many elements are written out."""
GRID = 9
"""Matrices up to this many elements are written as matrices."""

OF = ": "
"""Stands between a shape and what is said of the elements: ``2×4: 0.125``."""

NOT_YET = "·"
"""Not computed yet; never 0."""


def number(x: Any, digits: int = 4) -> str:
    """One element with four significant digits, or fewer."""
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, complex):
        sign = "-" if x.imag < 0 or (x.imag == 0 and math.copysign(1, x.imag) < 0) else "+"
        return f"{number(x.real, digits)}{sign}{number(abs(x.imag), digits)}j"
    if isinstance(x, int):
        return str(x) if abs(x) < 10**9 else f"{x:.3e}"
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Inf" if x > 0 else "-Inf"
    # ASCII minus: figures are read back from what is copied.
    return f"{x:.{digits}g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def tensor(snapshot: TensorSnapshot | None, *, none: str = "None", small: int = SMALL) -> str:
    """A tensor in one line."""
    if snapshot is None:
        return none
    if snapshot.opaque:
        return f"{shape(snapshot.shape)}{OF}?"
    data = snapshot.data
    if data is None or snapshot.numel > small:
        return summary(snapshot)
    if not snapshot.shape:
        return number(data[0]) if data else "?"
    return _nested(data, snapshot.shape)


def extent(snapshot: TensorSnapshot) -> Extent:
    """The same as ``TensorSnapshot.statistics`` says, in a hundredth of the time."""
    if snapshot.elided is not None:
        told = snapshot.elided
        finite = told.min is not None and math.isfinite(told.min) and told.max is not None and math.isfinite(told.max)
        return Extent(told.min if finite else None, told.max if finite else None, told.nan, told.inf)
    data = arrays.elements(snapshot)
    return Extent() if data is None else arrays.extent(data)


def summary(snapshot: TensorSnapshot) -> str:
    """Shape and range of a tensor with many elements."""
    return f"{shape(snapshot.shape)}{OF}{reach(snapshot)}".removesuffix(OF)


def reach(snapshot: TensorSnapshot) -> str:
    """The range of a tensor's elements; where some are NaN or infinite, how many."""
    found = extent(snapshot)
    if found.nan and found.nan == snapshot.numel:
        return "NaN"
    odd = [f"{_count(count)} {name}" for count, name in ((found.nan, "NaN"), (found.inf, "Inf")) if count]
    if odd:
        return ", ".join(odd)
    if found.low is None or found.high is None:
        return ""
    exact = {"f": float, "d": float, "?": bool}.get(MACHINE_WORDS.get(snapshot.dtype, "f")[0], int)
    return span(exact(found.low), exact(found.high))


def span(low: float, high: float) -> str:
    """From the least to the greatest; one number where both look the same, marked unless they are the same."""
    least, most = number(low), number(high)
    if least != most:
        return f"{least}…{most}"
    return least if low == high else f"≈{least}"


def uniform(snapshot: TensorSnapshot) -> bool:
    """Whether one number says what every element is, to as many digits as are shown."""
    found = extent(snapshot)
    if found.nan or found.inf:
        return found.nan == snapshot.numel
    return found.low is not None and found.high is not None and number(found.low) == number(found.high)


def _count(elements: int) -> str:
    return str(elements) if elements < 10**5 else number(float(elements))


def grid(snapshot: TensorSnapshot) -> tuple[tuple[str, ...], ...] | None:
    """The rows of a small matrix, columns aligned at the decimal point; None for any other tensor."""
    data = snapshot.data
    if len(snapshot.shape) != 2 or snapshot.numel > GRID or snapshot.shape[0] < 2 or not data:
        return None
    columns = snapshot.shape[1]
    cells = [number(x) for x in data]
    padded = [aligned(cells[column::columns]) for column in range(columns)]
    return tuple(zip(*padded, strict=True))


def aligned(cells: list[str]) -> list[str]:
    """Numbers padded to one width, their decimal points below one another."""
    parts = [cell.partition(".") for cell in cells]
    before = max(len(whole) for whole, _, _ in parts)
    after = max(len(point + rest) for _, point, rest in parts)
    return [whole.rjust(before) + (point + rest).ljust(after) for whole, point, rest in parts]


def shape(sizes: tuple[int, ...]) -> str:
    """3×4, or ``scalar``-less empty brackets for a tensor without dimensions."""
    return "×".join(map(str, sizes)) if sizes else "[]"


def _nested(data: list[Any], sizes: tuple[int, ...]) -> str:
    if len(sizes) == 1:
        return "[" + ", ".join(number(x) for x in data) + "]"
    stride = math.prod(sizes[1:])
    rows = [_nested(data[i * stride : (i + 1) * stride], sizes[1:]) for i in range(sizes[0])]
    return "[" + ", ".join(rows) + "]"


def clip(text: str, limit: int) -> str:
    """The text, cut with an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def parse_numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas or blanks; ValueError names the first one that is none."""
    result = []
    for part in text.replace(",", " ").replace("，", " ").split():
        try:
            result.append(float(part))
        except ValueError:
            raise ValueError(part) from None
    return tuple(result)
