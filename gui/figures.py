"""Tensors as short text: four significant digits, shape and range where there are many."""

from __future__ import annotations

import math
from typing import Any

from core.records import TensorSnapshot

SMALL = 8
"""Tensors up to this many elements are written out."""

NOT_YET = "·"
"""Not computed yet; never 0."""


def number(x: Any) -> str:
    """One element with four significant digits."""
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, complex):
        sign = "-" if x.imag < 0 or (x.imag == 0 and math.copysign(1, x.imag) < 0) else "+"
        return f"{number(x.real)}{sign}{number(abs(x.imag))}j"
    if isinstance(x, int):
        return str(x) if abs(x) < 10**9 else f"{x:.3e}"
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    # ASCII minus: figures are read back from what is copied.
    return f"{x:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def tensor(snapshot: TensorSnapshot | None, *, none: str = "None", small: int = SMALL) -> str:
    """A tensor in one line."""
    if snapshot is None:
        return none
    if snapshot.opaque:
        return f"{shape(snapshot.shape)} ?"
    data = snapshot.data
    if data is None or snapshot.numel > small:
        return summary(snapshot)
    if not snapshot.shape:
        return number(data[0]) if data else "?"
    return _nested(data, snapshot.shape)


def summary(snapshot: TensorSnapshot) -> str:
    """Shape and range of a tensor with many elements."""
    statistics = snapshot.statistics
    text = shape(snapshot.shape)
    if statistics.nan:
        text += f" {statistics.nan} nan"
    elif statistics.min is not None and statistics.max is not None:
        low, high = _short(statistics.min), _short(statistics.max)
        text += f" {low}" if low == high else f" {low}…{high}"
    return text


def shape(sizes: tuple[int, ...]) -> str:
    """3×4, or ``scalar``-less empty brackets for a tensor without dimensions."""
    return "×".join(map(str, sizes)) if sizes else "[]"


def _short(x: float) -> str:
    return f"{x:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


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
