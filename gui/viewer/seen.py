"""What is seen of a tensor: real numbers, one plane of them, one element chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from core import arrays
from core.arrays import Place
from core.records import TensorSnapshot
from gui.figures import number
from gui.viewer.table import Cell

PARTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {"real": np.real, "imag": np.imag, "abs": np.abs}
"""What can be seen of complex numbers."""


class Seen:
    """An array, and what is chosen of it.

    Args:
        tensor: what is looked at; None for nothing.
        part: key of ``PARTS``.
        index: of the element that is chosen; the first one where that does not fit.

    Attributes:
        whole: the elements as they are; of an elided tensor the first ones, in a row.
        data: what is seen of each.
        extent: range of ``data``.
        odd: whether any element is NaN or infinite.
        place: of the chosen element in ``whole``.
        plane: rows and columns around it; of a vector one column.
    """

    def __init__(self, tensor: TensorSnapshot | None = None, part: str = "real", index: Place = ()) -> None:
        found = arrays.array(tensor) if tensor is not None else None
        self.whole = found if found is not None else np.zeros(0)
        self.part = part if self.whole.dtype.kind == "c" else ""
        self.data = PARTS[part](self.whole) if self.part else self.whole
        self.extent = arrays.extent(self.data)
        self.odd = not bool(np.isfinite(self.whole).all())
        self._shape = tensor.shape if tensor is not None and tensor.elided is not None else None
        self._fixed: Place | None = None
        self.go(index if len(index) == self.whole.ndim else (0,) * self.whole.ndim)

    def go(self, place: Place) -> None:
        """Chooses an element."""
        self.place = place
        if place[:-2] != self._fixed:
            self._fixed = place[:-2]
            self.plane = arrays.plane(self.data, place[:-2]) if self.data.size else np.zeros((0, 0))
            self.lying = self.plane.T if self.data.ndim < 2 else self.plane

    @property
    def sizes(self) -> Place:
        """Of the axes before the last two; none where there is nothing to see."""
        return self.data.shape[:-2] if self.data.size else ()

    @property
    def fixed(self) -> Place:
        """The places of those axes."""
        return self.place[:-2] if self.data.size else ()

    @property
    def cell(self) -> Cell | None:
        """Row and column of the chosen element; None where there is none."""
        if not self.data.size:
            return None
        row, column = self.place[-2:] if self.data.ndim > 1 else (*self.place, 0, 0)[:2]
        return row, column

    def at(self, row: int, column: int) -> Place:
        """The element of a row and a column of the plane."""
        return (*self.place[:-2], row, column) if self.data.ndim > 1 else (row,) * self.data.ndim

    def turned(self, cell: Cell) -> Cell:
        """A cell of ``plane`` as one of ``lying``, in which a vector is a row, and the other way round."""
        return cell[::-1] if self.data.ndim < 2 else cell

    def index(self, place: Place) -> Place:
        """The index in the tensor of an element of ``whole``."""
        return place if self._shape is None else tuple(map(int, np.unravel_index(place[0], self._shape)))

    def said(self, place: Place) -> str:
        """An element in full; '' where there is none."""
        if not self.whole.size:
            return ""
        x = self.whole[place]
        return f"{list(self.index(place))} = {str(x) if np.isfinite(x) else number(x.item())}"
