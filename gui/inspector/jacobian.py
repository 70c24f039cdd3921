"""A Jacobian in numbers: which structure it has, and its product with what arrived."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.arrays import elements
from core.records import Matrix, Step, TensorSnapshot
from gui.figures import number, span

RANK_TOLERANCE: Final = 1e-5
"""Largest difference from a column times a row, relative to the largest entry, that is called rank one: a matrix that
torch rounded to float32 is never exactly so. Everything else said of a structure is exact."""

TERMS: Final = 8
FEW_TERMS: Final = 4
"""Terms up to which a sum is written out, and how many of a longer one: the first that are not zero."""

_ROUNDING: Final = {"float64": 1e-9, "complex128": 1e-9, "float32": 1e-4, "complex64": 1e-4}
_COARSE: Final = 3e-2
"""How far a product may be off, relative to the sum of its terms' magnitudes: by type, and for all narrower types."""


# ── Structure ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Structure:
    """What is seen in a matrix.

    Attributes:
        kind: name of the sentence that says it, ``jacobian.KIND`` in the tables of words.
        factor: what all entries are that are not zero, where they are alike; otherwise None.
        filled, entries: how many entries are not zero, and how many there are.
        blocks: how many parts have no row and no column in common.
        block: rows and columns of every part, where all are alike.
    """

    kind: str
    factor: float | None
    filled: int
    entries: int
    blocks: int = 0
    block: tuple[int, int] | None = None


class _Seen:
    """A matrix, and what the rules ask of it."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        self.rows, self.columns = matrix.shape
        self.filled = matrix != 0
        self.count = int(np.count_nonzero(self.filled))
        self.in_row, self.in_column = self.filled.sum(1), self.filled.sum(0)
        values = matrix[self.filled]
        self.factor = float(values[0]) if self.count and bool((values == values[0]).all()) else None

    @property
    def diagonal(self) -> bool:
        return self.rows == self.columns and self.count == int(np.count_nonzero(self.filled.diagonal()))

    @property
    def single(self) -> bool:
        """At most one number in each row and in each column."""
        return bool(self.in_row.max() <= 1 and self.in_column.max() <= 1)

    @property
    def rank_one(self) -> bool:
        if not np.isfinite(self.matrix).all():
            return False
        exact = self.matrix.astype(float)
        row, column = np.unravel_index(np.abs(exact).argmax(), exact.shape)
        pivot = exact[row, column]
        outer = np.outer(exact[:, column] / pivot, exact[row])
        return bool(np.abs(exact - outer).max() <= RANK_TOLERANCE * abs(pivot))

    @property
    def triangular(self) -> bool:
        lower, upper = np.tril(self.filled), np.triu(self.filled)
        return self.rows == self.columns and self.count in (np.count_nonzero(lower), np.count_nonzero(upper))


_EARLY: Final[tuple[tuple[str, Callable[[_Seen], bool]], ...]] = (
    ("empty", lambda m: not m.matrix.size),
    ("zero", lambda m: not m.count),
    ("number", lambda m: m.matrix.size == 1 and m.factor != 1),
    ("identity", lambda m: m.diagonal and m.count == m.rows and m.factor == 1),
    ("scaled", lambda m: m.diagonal and m.count == m.rows and m.factor is not None),
    ("mask", lambda m: m.diagonal and m.factor is not None),
    ("diagonal", lambda m: m.diagonal),
    ("permutation", lambda m: m.single and m.factor == 1 and m.count == m.rows == m.columns),
    ("selection", lambda m: m.single and m.factor == 1),
    ("single", lambda m: m.single),
    ("broadcast", lambda m: m.factor is not None and bool((m.in_row == 1).all())),
    ("sum", lambda m: m.factor is not None and bool((m.in_column == 1).all())),
    ("row", lambda m: m.rows == 1),
    ("column", lambda m: m.columns == 1),
)
"""Kinds from the most special to the most general; the first that holds is said."""

_LATE: Final[tuple[tuple[str, Callable[[_Seen], bool]], ...]] = (
    ("rank_one", lambda m: m.rank_one),
    ("dense", lambda m: m.count == m.matrix.size),
    ("triangular", lambda m: m.triangular),
    ("sparse", lambda m: True),
)
"""Kinds of a matrix that does not fall into parts."""


def structure(matrix: np.ndarray) -> Structure:
    """Which structure a matrix of numbers has; NaN counts as an entry that is not zero."""
    seen = _Seen(matrix)
    facts = (seen.factor, seen.count, matrix.size)
    for kind, holds in _EARLY:
        if holds(seen):
            return Structure(kind, *facts)
    parts = list(_parts(seen.filled))
    if len(parts) > 1:
        shapes = {(len(rows), len(columns)) for rows, columns in parts}
        ordered = all(np.ptp(side) + 1 == len(side) for part in parts for side in part)
        alike = shapes.pop() if len(shapes) == 1 else None
        return Structure("blocks" if ordered else "interleaved", *facts, len(parts), alike)
    return Structure(next(kind for kind, holds in _LATE if holds(seen)), *facts)


def _parts(filled: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of each part that has no row and no column in common with the rest."""
    left = np.flatnonzero(filled.any(1))
    while left.size:
        rows = left[:1]
        while True:
            columns = np.flatnonzero(filled[rows].any(0))
            reached = np.flatnonzero(filled[:, columns].any(1))
            if len(reached) == len(rows):
                break
            rows = reached
        left = np.setdiff1d(left, rows, assume_unique=True)
        yield rows, columns


# ── Product ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Product:
    """Jᵀ v = x̄ for one input of a node; complex elements count as two numbers each.

    Attributes:
        input: slot in the node's ``next_functions``.
        output_shapes, input_shape: of the tensors; several outputs stand below one another.
        jacobian: J, a row for each element that comes out and a column for each that goes in.
        v: what arrived.
        result: what the node emitted, as recorded; None where not every element was kept.
        agrees: for each element of the result, whether it is the product, up to rounding.
        structure: of J.
    """

    input: int
    output_shapes: tuple[tuple[int, ...], ...]
    input_shape: tuple[int, ...]
    jacobian: np.ndarray
    v: np.ndarray
    result: np.ndarray | None
    agrees: np.ndarray
    structure: Structure

    @property
    def transposed(self) -> np.ndarray:
        return self.jacobian.T

    @property
    def complex(self) -> bool:
        """Whether elements count as two numbers."""
        shapes = (*self.output_shapes, self.input_shape)
        return sum(self.jacobian.shape) > sum(map(math.prod, shapes))

    def sum(self, row: int) -> str:
        """How one element of the result comes about: ``24·1 + 0·1 = 24``."""
        factors, length = self.jacobian[:, row], len(self.v)
        places = range(length) if length <= TERMS else np.flatnonzero(factors)
        few = places if length <= TERMS else places[:FEW_TERMS]
        pairs = [(_said(factors[i]), _said(self.v[i])) for i in few]
        terms = [f"{_bracketed(factor) if at else factor}·{_bracketed(v)}" for at, (factor, v) in enumerate(pairs)]
        if len(places) > len(few):
            terms.append("…")
        said = " + ".join(terms) or "0"
        if self.result is None:
            return said
        return f"{said} {'=' if self.agrees[row] else '≠'} {_said(self.result[row])}"

    def share(self, row: int) -> str:
        """What one element of v adds to x̄: ``2·[3, 0] = [6, 0]``."""
        with np.errstate(all="ignore"):
            share = self.v[row] * self.jacobian[row]
        return f"{_bracketed(_said(self.v[row]))}·{listed(self.jacobian[row])} = {listed(share)}"


@dataclass(frozen=True)
class Missing:
    """An input whose Jacobian is not known; ``note`` says why, in the engine's words."""

    input: int
    output_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    note: str


def products(step: Step, matrices: Sequence[Matrix]) -> list[Product | Missing]:
    """The products for the inputs of a node that has run, in order.

    An output at which nothing arrived adds nothing and is left out.
    """
    found: list[Product | Missing] = []
    for slot in sorted({matrix.input for matrix in matrices}):
        mine = [matrix for matrix in matrices if matrix.input == slot]
        arrived = [matrix for matrix in mine if _at(step.grad_outputs, matrix.output) is not None]
        blocks = [block for matrix in arrived if (block := entries(matrix)) is not None]
        seeds = [v for matrix in arrived if (v := numbers(_at(step.grad_outputs, matrix.output))) is not None]
        if not arrived or len(blocks) < len(arrived) or len(seeds) < len(arrived):
            shown = next((matrix for matrix in [*arrived, *mine] if matrix.note), mine[0])
            found.append(Missing(slot, shown.output_shape, shown.input_shape, shown.note))
            continue
        jacobian, v = np.concatenate(blocks), np.concatenate(seeds)
        emitted = _at(step.grad_inputs, slot)
        result = numbers(emitted)
        if result is not None and len(result) != jacobian.shape[1]:
            result = None
        agrees = agreeing(jacobian, v, result, emitted.dtype if emitted is not None else "")
        shapes = tuple(matrix.output_shape for matrix in arrived)
        found.append(Product(slot, shapes, mine[0].input_shape, jacobian, v, result, agrees, structure(jacobian)))
    return found


def _at(snapshots: Sequence[TensorSnapshot | None], slot: int) -> TensorSnapshot | None:
    return snapshots[slot] if slot < len(snapshots) else None


def entries(matrix: Matrix) -> np.ndarray | None:
    """J as it is, None where it is not known whole."""
    data = numbers(matrix.tensor)
    return None if data is None or matrix.tensor is None else data.reshape(matrix.tensor.shape)


def numbers(snapshot: TensorSnapshot | None) -> np.ndarray | None:
    """Every element in one row, real and imaginary parts one after the other; None where some were not kept."""
    if snapshot is None or snapshot.elided is not None:
        return None
    data = elements(snapshot)
    if data is None:
        return None
    return np.stack([data.real, data.imag], -1).reshape(-1) if np.iscomplexobj(data) else data


def agreeing(jacobian: np.ndarray, v: np.ndarray, result: np.ndarray | None, dtype: str) -> np.ndarray:
    """For each element of the result, whether it is the product up to rounding; all do where there is no result."""
    if result is None:
        return np.ones(jacobian.shape[1], bool)
    rounding = _ROUNDING.get(dtype, _COARSE)
    with np.errstate(all="ignore"):
        exact, seed = jacobian.T.astype(float), v.astype(float)
        product = exact @ seed
        near = np.abs(product - result) <= rounding * (np.abs(exact) @ np.abs(seed)) + 1e-30
        same = (product == result) | (~np.isfinite(product) & ~np.isfinite(result))
    answer: np.ndarray = near | same
    return answer


def listed(entries: np.ndarray) -> str:
    """Numbers in brackets; how many there are, and from where to where they go, where they are many."""
    if len(entries) <= TERMS:
        return f"[{', '.join(map(_said, entries))}]"
    finite = entries[np.isfinite(entries)]
    return f"{len(entries)}: {span(float(finite.min()), float(finite.max())) if finite.size else 'NaN'}"


def _said(x: float) -> str:
    return number(float(x) or 0.0)  # -0 is 0 in a sum


def _bracketed(said: str) -> str:
    return f"({said})" if said.startswith("-") else said
