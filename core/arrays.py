"""A recorded tensor as an array: its planes, what is odd in it, how its elements spread, as Python and as a file."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.records import MACHINE_WORDS, TensorSnapshot

Place = tuple[int, ...]
"""Index of one element."""


def elements(snapshot: TensorSnapshot) -> np.ndarray | None:
    """The kept elements, row-major, without making Python numbers of them; None where they are not known."""
    if snapshot.opaque or snapshot.dtype not in MACHINE_WORDS:
        return None
    code, size = MACHINE_WORDS[snapshot.dtype]
    return np.frombuffer(snapshot.raw, f"<c{2 * size}" if snapshot.dtype.startswith("complex") else f"<{code}")


def array(snapshot: TensorSnapshot) -> np.ndarray | None:
    """The elements in the tensor's shape; of an elided tensor the first ones in a row; None where none are known."""
    data = elements(snapshot)
    return data.reshape(snapshot.shape) if data is not None and snapshot.elided is None else data


# ── Its numbers ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Extent:
    """Range of the finite elements, None where there are none; how many are NaN and infinite."""

    low: float | None = None
    high: float | None = None
    nan: int = 0
    inf: int = 0

    @property
    def size(self) -> float | None:
        """Largest magnitude."""
        return None if self.low is None or self.high is None else max(abs(self.low), abs(self.high))


def extent(data: np.ndarray) -> Extent:
    """The range of an array; complex numbers have none."""
    if not data.size:
        return Extent()
    if data.dtype.kind not in "fc":
        return Extent(float(data.min()), float(data.max()))
    finite = np.isfinite(data)
    nan = int(np.isnan(data).sum())
    inf = data.size - nan - int(finite.sum())
    if data.dtype.kind == "c" or not finite.any():
        return Extent(None, None, nan, inf)
    kept = data[finite] if nan or inf else data
    return Extent(float(kept.min()), float(kept.max()), nan, inf)


def mean(data: np.ndarray) -> float | None:
    """Of the finite elements; None where there are none."""
    kept = data[np.isfinite(data)]
    if not kept.size:
        return None
    with np.errstate(over="ignore"):
        found = float(kept.mean(dtype=float))
    return found if math.isfinite(found) else float((kept / kept.size).sum(dtype=float))


def histogram(data: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """How many finite elements lie in each of at most so many bins, and the edges of the bins, one more.

    Few whole numbers, and True and False, get a bin each, with the number in its middle.
    """
    kept = data[np.isfinite(data)].astype(float)
    if not kept.size:
        return np.zeros(0, int), np.zeros(0)
    low, high = float(kept.min()), float(kept.max())
    if data.dtype.kind in "iub" and high - low < bins:
        edges = np.arange(high - low + 2) + low - 0.5
    else:
        share = np.linspace(0, 1, bins + 1)
        edges = low * (1 - share) + high * share  # the difference of the two may be too large a number
    edges = np.unique(edges)
    if len(edges) < 2:
        return np.array([kept.size]), np.array([low, high])
    counts, edges = np.histogram(kept, edges)
    return counts, edges


def next_odd(data: np.ndarray, place: Place | None, step: int) -> Place | None:
    """The next element that is NaN or infinite, around the end where there is none before it; None for none at all.

    Args:
        place: where to look from; None for the beginning.
        step: 1 to go on, -1 to go back.
    """
    odd = np.flatnonzero(~np.isfinite(data))
    if not odd.size:
        return None
    if place is None:
        found = odd[0 if step > 0 else -1]
    else:
        at = int(np.ravel_multi_index(place, data.shape)) if place else 0
        after = np.searchsorted(odd, at, "right") if step > 0 else np.searchsorted(odd, at, "left") - 1
        found = odd[after % odd.size]
    return tuple(map(int, np.unravel_index(found, data.shape)))


def plane(data: np.ndarray, fixed: Sequence[int]) -> np.ndarray:
    """Rows and columns at fixed places of the axes before the last two; a vector is a column."""
    if data.ndim < 2:
        return data.reshape(-1, 1)
    return np.asarray(data[tuple(fixed)])


# ── To take away ──────────────────────────────────────────────────────────────────────────────────────────────────


def as_python(data: np.ndarray, dtype: str) -> str:
    """An expression that makes the same tensor, bit for bit but for the payload of NaN.

    Args:
        dtype: torch's name of it; quantized numbers are written as the ``float32`` they stand for.
    """
    dtype = "float32" if dtype in ("quint8", "qint8", "qint32") else dtype
    if not data.size:
        return f"torch.empty({data.shape}, dtype=torch.{dtype})"
    opening = "torch.tensor("
    texts = list(map(_written, data.reshape(-1)))
    return f"{opening}{_nested(texts, data.shape, len(opening) + 1)}, dtype=torch.{dtype})"


def npy(data: np.ndarray, dtype: str) -> bytes:
    """A ``.npy`` file; types that numpy has not are kept as the wider ones that hold each of their values."""
    file = io.BytesIO()
    np.save(file, data.astype("<f2") if dtype == "float16" else data, allow_pickle=False)
    return file.getvalue()


def _written(x: np.generic) -> str:
    """One element in as few digits as bring it back."""
    if isinstance(x, np.complexfloating):
        return f"complex({_written(x.real)}, {_written(x.imag)})"
    if not isinstance(x, np.floating):
        return str(x.item())
    if not np.isfinite(x):
        return f"float('{x}')"
    # Read back as float64 and rounded to float32, the shortest digits of a float32 may stand for its neighbour.
    return str(x) if type(x)(float(str(x))) == x else repr(float(x))


def _nested(texts: list[str], shape: tuple[int, ...], indent: int) -> str:
    """Brackets around each axis; rows below one another."""
    if not shape:
        return texts[0]
    if len(shape) == 1:
        return f"[{', '.join(texts)}]"
    stride = len(texts) // shape[0]
    parts = (texts[i : i + stride] for i in range(0, len(texts), stride))
    gap = ",\n" + " " * indent
    return f"[{gap.join(_nested(part, shape[1:], indent + 1) for part in parts)}]"
