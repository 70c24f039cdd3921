"""Every leaf's gradient as the program is written, beside what it is under the what-ifs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.records import TensorSnapshot, Trace

WORDS = {"float32": "<f4", "float64": "<f8"}


class Compared(NamedTuple):
    """One leaf at the end of both runs.

    Attributes:
        name: as the program calls it.
        written, supposed: ``.grad`` as written and under the what-ifs; None is None.
        difference: supposed − written; None where one of them is None or was not recorded whole.
    """

    name: str
    written: TensorSnapshot | None
    supposed: TensorSnapshot | None
    difference: TensorSnapshot | None

    @property
    def changed(self) -> bool:
        return self.written != self.supposed


def compare(written: Trace, supposed: Trace) -> tuple[Compared, ...]:
    """The leaves of both runs by name, those as written first."""
    before = {leaf.name: leaf.grad for leaf in written.leaves}
    after = {leaf.name: leaf.grad for leaf in supposed.leaves}
    return tuple(
        Compared(name, before.get(name), after.get(name), difference(before.get(name), after.get(name)))
        for name in before | after
    )


def difference(before: TensorSnapshot | None, after: TensorSnapshot | None) -> TensorSnapshot | None:
    """after − before, in their own type."""
    if before is None or after is None or before.data is None or after.data is None:
        return None
    words = WORDS.get(before.dtype)
    if words is None or before.dtype != after.dtype or before.shape != after.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        left = np.frombuffer(after.raw, words) - np.frombuffer(before.raw, words)
    return TensorSnapshot(after.shape, after.dtype, left.astype(words).tobytes())
